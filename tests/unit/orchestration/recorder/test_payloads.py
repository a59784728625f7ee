"""Bodies for Prefect's API: the same record always gives the same ones, and no record gives a bad one."""

from copy import deepcopy
from dataclasses import replace
from typing import Any

import orjson
import pytest

from openrouter_anthropic_server.orchestration.recorder import payloads
from openrouter_anthropic_server.orchestration.recorder.payloads import ChildRun
from openrouter_anthropic_server.orchestration.recorder.prefect_api import encode
from openrouter_anthropic_server.ports.run_records import Failure, ParentStep, RunRecord, StepRecord
from tests.recording.run_records import failed_run, finished_run, running_run

_FLOW_RUN = "11111111-1111-1111-1111-111111111111"


@pytest.mark.parametrize("record", [finished_run("r", ended=9.0), running_run("r", started=9.0), failed_run("r")])
def test_a_replay_gives_the_same_bytes(record: RunRecord) -> None:
    again = deepcopy(record)

    for build in (
        lambda run: payloads.flow_run(run, "flow"),
        lambda run: payloads.events(run, _FLOW_RUN),
        lambda run: payloads.logs(run, _FLOW_RUN),
    ):
        assert encode(build(record)) == encode(build(again))


def test_ids_differ_between_runs_steps_and_states() -> None:
    bodies = [*payloads.events(finished_run("a"), _FLOW_RUN), *payloads.events(finished_run("b"), _FLOW_RUN)]
    bodies += payloads.events(running_run("a"), _FLOW_RUN)

    assert len({body["id"] for body in bodies}) == 13  # two completed steps of `a` are there twice
    assert len({body["resource"]["prefect.resource.id"] for body in bodies}) == 12


def test_all_events_have_the_same_columns_in_the_same_order() -> None:
    bodies = payloads.events(running_run("a"), _FLOW_RUN) + payloads.events(failed_run("b"), _FLOW_RUN)

    assert len({tuple(body["payload"]["task_run"]) for body in bodies}) == 1


def test_a_terminal_event_is_later_than_the_running_one_even_for_a_step_without_duration() -> None:
    step = StepRecord(0, "quick", 5.0, 5.0, "Completed")

    begun = payloads.event("r", _FLOW_RUN, replace(step, state="Running", ended=None))
    ended = payloads.event("r", _FLOW_RUN, step)

    assert begun["occurred"] < ended["occurred"]
    assert ended["payload"]["task_run"]["end_time"] == "1970-01-01T00:00:05+00:00"


def test_the_step_of_a_subflow_names_its_run_and_is_later_than_what_the_server_made_of_it() -> None:
    step = StepRecord(0, "turn", 5.0, 6.0, "Completed", child="r-0")

    event = payloads.event("r", _FLOW_RUN, step, ChildRun("child-id", 1_000.0))

    assert event["payload"]["validated_state"]["state_details"] == {"child_flow_run_id": "child-id"}
    assert event["occurred"] > "1970-01-01T00:16:40"
    assert event["payload"]["task_run"]["end_time"] == "1970-01-01T00:00:06+00:00"


def test_steps_point_at_all_steps_that_they_followed() -> None:
    step = StepRecord(3, "join", 5.0, 6.0, "Completed", upstream=(1, 2))

    inputs = payloads.event("r", _FLOW_RUN, step)["payload"]["task_run"]["task_inputs"]

    assert [entry["id"] for entry in inputs["upstream"]] == [payloads.task_run_id("r", 1), payloads.task_run_id("r", 2)]


@pytest.mark.parametrize(
    ("state", "failure", "message"),
    [
        ("Completed", None, None),
        ("Running", None, None),
        ("Failed", Failure("TimeoutError", "ab12"), "TimeoutError (fingerprint ab12)"),
        ("Failed", None, None),
        ("Cancelled", None, "The client left before the answer was complete."),
        ("Crashed", None, "The server process that served this request ended before the request did."),
    ],
)
def test_the_state_says_why(state: Any, failure: Failure | None, message: str | None) -> None:
    body = payloads.state(RunRecord("r", 1.0, state=state, failure=failure))

    assert body == {"type": state.upper(), "name": state, "message": message}


def test_a_subflow_hangs_on_the_step_of_its_parent_unless_that_is_lost() -> None:
    record = RunRecord("p-2", 1.0, "inner", parent=ParentStep("p", 2))

    assert payloads.flow_run(record, "flow")["parent_task_run_id"] == payloads.task_run_id("p", 2)
    assert "parent_task_run_id" not in payloads.flow_run(record, "flow", with_parent=False)


def test_labels_are_facts_that_prefect_takes_and_the_true_times() -> None:
    record = RunRecord("r", 10.0, "f", 12.5, "Completed")
    record.facts = {"text": "a", "count": 3, "share": 0.5, "on": True, "none": None, "nan": float("nan")}

    assert payloads.labels(record) == {
        "text": "a",
        "count": 3,
        "share": 0.5,
        "on": True,
        "flow": "f",
        "started": "1970-01-01T00:00:10+00:00",
        "ended": "1970-01-01T00:00:12.500000+00:00",
        "duration_seconds": 2.5,
    }


def test_an_open_run_has_no_end_yet() -> None:
    body = payloads.flow_run(RunRecord("r", 10.0), "flow")

    assert "ended" not in body["labels"]
    assert body["labels"]["flow"] == payloads.UNNAMED_FLOW
    assert body["state"]["type"] == "RUNNING"


def test_a_crash_ends_open_steps_and_keeps_the_others() -> None:
    crashed = payloads.crashed(running_run("r", started=10.0), 20.0)

    assert (crashed.state, crashed.ended) == ("Crashed", 20.0)
    assert [(step.state, step.ended) for step in crashed.steps] == [
        ("Completed", 10.01),
        ("Completed", 10.02),
        ("Crashed", 20.0),
    ]


def test_steps_that_a_finished_run_left_open_are_cancelled() -> None:
    record = replace(running_run("r", started=10.0), state="Completed", ended=11.0)

    assert [step.state for step in payloads.settled(record).steps] == ["Completed", "Completed", "Cancelled"]


def test_nul_characters_are_left_out_wherever_they_are() -> None:
    data = encode({"a\0": ["b\0", {"c": "\0"}], "d": "\\u0000"})

    assert orjson.loads(data) == {"a": ["b", {"c": ""}], "d": "\\u0000"}
