"""What a run looks like in Prefect: one spool with all kinds of runs, delivered by the recorder to real servers."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest

from openrouter_anthropic_server.orchestration.spool.writer import SpoolWriter
from openrouter_anthropic_server.ports.run_records import LogLine, ParentStep, RunRecord, StepRecord
from tests.recording.prefect_server import Database, PrefectReader, PrefectServer, PrefectServers
from tests.recording.recorder_process import RecorderProcess
from tests.recording.run_records import STEPS, failed_run, finished_run, running_run, spool_writer

pytestmark = pytest.mark.timeout(120)


@dataclass(slots=True)
class Recorded:
    """The records of one spool by kind, and what the recorder that delivered them said."""

    prefix: str
    records: dict[str, RunRecord] = field(default_factory=dict)
    exit_code: int = -1
    left: list[str] = field(default_factory=list)
    log: str = ""
    state: Mapping[str, Any] = field(default_factory=dict)

    def name(self, kind: str) -> str:
        """The name of a kind's run."""
        return f"{self.prefix}-{kind}"

    def add(self, writer: SpoolWriter, record: RunRecord, *, ended: bool = True) -> None:
        """Write its beginning and, if so, its end."""
        self.records[record.name.removeprefix(f"{self.prefix}-")] = record
        writer.begun(record)
        if ended:
            writer.ended(record)


@pytest.fixture(name="all_recorded", scope="module")
def _all_recorded(
    prefect_servers: PrefectServers, tmp_path_factory: pytest.TempPathFactory
) -> Mapping[Database, Recorded]:
    """The spool of each database, delivered."""
    directory = tmp_path_factory.mktemp("recorded")
    return prefect_servers.on_each(lambda server: _record(server, directory / server.database))


@pytest.fixture(name="recorded")
def _recorded(prefect: PrefectServer, all_recorded: Mapping[Database, Recorded]) -> Recorded:
    return all_recorded[prefect.database]


def _record(prefect: PrefectServer, directory: Path) -> Recorded:
    recorded = Recorded(f"shape{token_hex(3)}")
    _write(recorded, directory / "spool")
    recorder = RecorderProcess(directory / "spool", prefect.api_url, drain=True).start()
    recorded.exit_code = recorder.wait(90)
    recorded.log, recorded.state = recorder.log(), recorder.state()
    recorded.left = [path.name for path in (directory / "spool").iterdir() if path.is_dir()]
    return recorded


def _write(recorded: Recorded, directory: Path) -> None:
    with spool_writer(directory) as writer:
        recorded.add(writer, finished_run(recorded.name("finished"), ended=time.time() - 3600))
        recorded.add(writer, failed_run(recorded.name("failed")))
        recorded.add(writer, _cancelled(recorded.name("cancelled")))
        recorded.add(writer, running_run(recorded.name("crashed")), ended=False)
        recorded.add(writer, _concurrent(recorded.name("concurrent")))
        recorded.add(writer, _strange(recorded.name("strange")))
        recorded.add(writer, finished_run(recorded.name("refused"), flow="no/slashes"))
        recorded.add(writer, RunRecord(recorded.name("empty"), time.time(), "bare", time.time(), "Completed"))
        _add_family(recorded, writer)
        lost = finished_run(recorded.name("orphan"))
        lost.parent = ParentStep(recorded.name("nobody"), 0)
        recorded.add(writer, lost)


def _cancelled(name: str) -> RunRecord:
    record = running_run(name)
    record.ended, record.state = time.time() + 1, "Cancelled"
    step = record.steps[-1]
    step.ended, step.state = record.ended, "Cancelled"
    return record


def _concurrent(name: str) -> RunRecord:
    start = time.time()
    steps = [StepRecord(0, "split", start, start + 0.1, "Completed")]
    steps += [StepRecord(n, "run_tool:Read", start + 0.1, start + 0.2, "Completed", upstream=(0,)) for n in (1, 2)]
    steps.append(StepRecord(3, "join", start + 0.2, start + 0.3, "Completed", upstream=(1, 2)))
    return RunRecord(name, start, "concurrent", start + 0.3, "Completed", steps=steps)


def _strange(name: str) -> RunRecord:
    """NUL characters, which Postgres refuses, steps without duration, times out of range."""
    record = RunRecord(name, -5.0, "strange\0flow", 1e15, "Completed", tags=["a\0b", "a\0b"], facts={"k\0": "v\0"})
    record.steps = [StepRecord(0, "st\0ep", 100.0, 100.0, "Completed"), StepRecord(1, "back", 100.0, 99.0, "Completed")]
    record.logs = [LogLine(100.0, "WARNING", "null \0 character")]
    return record


def _add_family(recorded: Recorded, writer: SpoolWriter) -> None:
    """A run, its subflow, and a subflow of that; the parent's record shows the step only at its end."""
    start = time.time() - 100
    root = RunRecord(recorded.name("root"), start, "agent")
    child = RunRecord(f"{root.name}-1", start + 2, "turn", parent=ParentStep(root.name, 1))
    grandchild = RunRecord(f"{child.name}-0", start + 3, "call", parent=ParentStep(child.name, 0))
    for record in (root, child, grandchild):
        writer.begun(record)
    grandchild.steps = [StepRecord(0, "call_upstream", start + 3, start + 4, "Completed")]
    child.steps = [StepRecord(0, "call", start + 3, start + 4, "Completed", child=grandchild.name)]
    root.steps = [
        StepRecord(0, "plan", start, start + 1, "Completed"),
        StepRecord(1, "turn", start + 2, start + 5, "Completed", upstream=(0,), child=child.name),
        StepRecord(2, "finish", start + 5, start + 6, "Completed", upstream=(1,)),
    ]
    for record, end in ((grandchild, 4.5), (child, 5.0), (root, 6.0)):
        record.ended, record.state = start + end, "Completed"
        writer.ended(record)
        recorded.records[record.name.removeprefix(f"{recorded.prefix}-")] = record


def _at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def test_everything_is_delivered_and_only_the_run_that_prefect_refuses_is_dropped(recorded: Recorded) -> None:
    assert recorded.exit_code == 0
    assert (recorded.state["recorded"], recorded.state["dropped"]) == (len(recorded.records) - 1, 1)
    assert (recorded.state["phase"], recorded.state["backlog"], recorded.state["lag_seconds"]) == ("stopped", 0, 0.0)
    (line,) = [line for line in recorded.log.splitlines() if "recording_refused" in line]
    assert recorded.name("refused") in line
    assert "422" in line


def test_the_delivered_spool_of_a_writer_that_is_gone_is_removed(recorded: Recorded) -> None:
    assert recorded.left == []


def test_a_finished_run_has_its_name_tags_labels_and_state(recorded: Recorded, reader: PrefectReader) -> None:
    record = recorded.records["finished"]
    assert record.ended is not None
    run = reader.run(record.name)

    assert (run["state_type"], run["state_name"], run["idempotency_key"]) == ("COMPLETED", "Completed", record.name)
    assert run["tags"] == record.tags
    assert run["parameters"] == {}
    labels = run["labels"]
    assert {key: labels[key] for key in record.facts} == record.facts
    assert labels["flow"] == "create_message"
    assert _at(labels["started"]) == pytest.approx(record.started, abs=1e-3)
    assert _at(labels["ended"]) == pytest.approx(record.ended, abs=1e-3)
    assert labels["duration_seconds"] == pytest.approx(0.6, abs=1e-3)


def test_steps_have_their_own_times_and_the_arrows_between_them(recorded: Recorded, reader: PrefectReader) -> None:
    record = recorded.records["finished"]
    steps = reader.task_runs(reader.run(record.name)["id"])

    assert [step["name"] for step in steps] == list(STEPS)
    assert {step["state_name"] for step in steps} == {"Completed"}
    for shown, step in zip(steps, record.steps, strict=True):
        assert step.ended is not None
        assert _at(shown["start_time"]) == pytest.approx(step.started, abs=1e-3)
        assert _at(shown["end_time"]) == pytest.approx(step.ended, abs=1e-3)
        assert shown["total_run_time"] == pytest.approx(0.09, abs=1e-3)
    assert steps[0]["task_inputs"] == {}
    before = [[entry["id"] for inputs in step["task_inputs"].values() for entry in inputs] for step in steps[1:]]
    assert before == [[step["id"]] for step in steps[:-1]]


def test_concurrent_steps_show_as_a_fork_and_a_join(recorded: Recorded, reader: PrefectReader) -> None:
    nodes = dict(reader.graph(reader.run(recorded.name("concurrent"))["id"])["nodes"])

    split, left, right, join = sorted(nodes.values(), key=lambda node: (node["start_time"], node["id"]))
    assert split["label"] == "split"
    assert {left["label"], right["label"]} == {"run_tool:Read"}
    assert {parent["id"] for parent in join["parents"]} == {left["id"], right["id"]}
    assert [[parent["id"] for parent in node["parents"]] for node in (left, right)] == [[split["id"]]] * 2


def test_log_lines_carry_time_level_and_step(recorded: Recorded, reader: PrefectReader) -> None:
    record = recorded.records["finished"]
    run = reader.run(record.name)
    steps = reader.task_runs(run["id"])

    lines = reader.logs([run["id"]])

    assert [line["message"] for line in lines] == [f"line {number}" for number in range(4)]
    assert [line["task_run_id"] for line in lines] == [step["id"] for step in steps[:4]]
    assert {line["level"] for line in lines} == {20}
    assert _at(lines[1]["timestamp"]) == pytest.approx(record.logs[1].at, abs=1e-3)


def test_a_run_has_one_artifact_with_its_facts(recorded: Recorded, reader: PrefectReader) -> None:
    (artifact,) = reader.artifacts([reader.run(recorded.name("finished"))["id"]])

    assert artifact["type"] == "markdown"
    assert artifact["key"] is None
    assert artifact["metadata_"]["input_tokens"] == "120"


def test_a_failed_run_and_step_say_kind_and_fingerprint(recorded: Recorded, reader: PrefectReader) -> None:
    run = reader.run(recorded.name("failed"))
    step = reader.task_runs(run["id"])[-1]

    said = "UpstreamError (fingerprint 0123456789ab)"
    assert (run["state_type"], run["state"]["message"]) == ("FAILED", said)
    assert (step["state_type"], step["state"]["message"], step["run_count"]) == ("FAILED", said, 3)


def test_a_run_whose_client_left_is_cancelled(recorded: Recorded, reader: PrefectReader) -> None:
    run = reader.run(recorded.name("cancelled"))

    assert run["state_type"] == "CANCELLED"
    assert run["state"]["message"] == "The client left before the answer was complete."
    assert [step["state_type"] for step in reader.task_runs(run["id"])] == ["COMPLETED", "COMPLETED", "CANCELLED"]


def test_a_run_whose_process_died_is_crashed_with_its_open_step(recorded: Recorded, reader: PrefectReader) -> None:
    run = reader.run(recorded.name("crashed"))

    assert run["state_type"] == "CRASHED"
    assert run["state"]["message"] == "The server process that served this request ended before the request did."
    steps = reader.task_runs(run["id"])
    assert [step["state_type"] for step in steps] == ["COMPLETED", "COMPLETED", "CRASHED"]
    assert steps[-1]["end_time"] is not None
    assert len(reader.artifacts([run["id"]])) == 1


def test_a_run_without_steps_is_complete_too(recorded: Recorded, reader: PrefectReader) -> None:
    run = reader.run(recorded.name("empty"))

    assert run["state_type"] == "COMPLETED"
    assert reader.task_runs(run["id"]) == []


def test_strange_characters_and_times_do_not_keep_a_run_out(recorded: Recorded, reader: PrefectReader) -> None:
    run = reader.run(recorded.name("strange"))

    assert (run["state_type"], run["tags"], run["labels"]["k"]) == ("COMPLETED", ["ab"], "v")
    steps = reader.task_runs(run["id"])
    assert [(step["name"], step["state_type"]) for step in steps] == [("step", "COMPLETED"), ("back", "COMPLETED")]
    assert [step["total_run_time"] for step in steps] == [0.0, 0.0]
    assert [line["message"] for line in reader.logs([run["id"]])] == ["null  character"]


def test_a_subflow_is_a_run_of_its_own_below_the_step_that_it_is(recorded: Recorded, reader: PrefectReader) -> None:
    root, child = reader.run(recorded.name("root")), reader.run(recorded.name("root-1"))
    grandchild = reader.run(recorded.name("root-1-0"))
    steps, child_steps = reader.task_runs(root["id"]), reader.task_runs(child["id"])

    assert child["parent_task_run_id"] == steps[1]["id"]
    assert steps[1]["state"]["state_details"]["child_flow_run_id"] == child["id"]
    assert grandchild["parent_task_run_id"] == child_steps[0]["id"]
    assert child_steps[0]["state"]["state_details"]["child_flow_run_id"] == grandchild["id"]


def test_the_step_of_a_subflow_keeps_its_own_name_and_times(recorded: Recorded, reader: PrefectReader) -> None:
    record = recorded.records["root"]
    steps = reader.task_runs(reader.run(record.name)["id"])

    assert [step["name"] for step in steps] == ["plan", "turn", "finish"]
    ended = record.steps[1].ended
    assert ended is not None
    assert _at(steps[1]["start_time"]) == pytest.approx(record.steps[1].started, abs=1e-3)
    assert _at(steps[1]["end_time"]) == pytest.approx(ended, abs=1e-3)


def test_the_graph_shows_the_subflow_as_a_node_between_steps(recorded: Recorded, reader: PrefectReader) -> None:
    root, child = reader.run(recorded.name("root")), reader.run(recorded.name("root-1"))
    nodes = dict(reader.graph(root["id"])["nodes"])

    assert nodes[child["id"]]["kind"] == "flow-run"
    labels = {node["label"] for node in nodes.values() if node["kind"] == "task-run"}
    assert labels == {"plan", "finish"}


def test_a_subflow_whose_parent_is_lost_is_recorded_by_itself(recorded: Recorded, reader: PrefectReader) -> None:
    run = reader.run(recorded.name("orphan"))

    assert (run["state_type"], run["parent_task_run_id"]) == ("COMPLETED", None)
    assert "recording_without_parent" in recorded.log
