"""What failures of Prefect mean for runs on their way, against a fake API."""

import asyncio
import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest
import structlog

from openrouter_anthropic_server.orchestration.recorder import confirmation, delivery, sending
from openrouter_anthropic_server.orchestration.recorder.delivery import Delivery
from openrouter_anthropic_server.orchestration.recorder.prefect_api import (
    Body,
    PrefectApi,
    PrefectRefusedError,
    PrefectUnavailableError,
    RunInPrefect,
)
from openrouter_anthropic_server.orchestration.recorder.run_work import Ticket
from openrouter_anthropic_server.ports.run_records import RunRecord, StepRecord


class FakePrefect(PrefectApi):
    """Keeps what it is given; `fails` may give an error for each call, `keeps` is whether events arrive."""

    def __init__(self) -> None:
        super().__init__("http://127.0.0.1:9/api")
        self.runs: dict[str, dict[str, str]] = {}
        self.steps: dict[str, str] = {}
        self.artifacts: list[Body] = []
        self.keeps = True
        self.fails: Callable[[str, Any], Exception | None] = lambda _what, _body: None

    def _call(self, what: str, body: Any) -> None:
        error = self.fails(what, body)
        if error is not None:
            raise error

    async def flow_id(self, name: str) -> str:
        self._call("flow", name)
        return name

    async def create_run(self, body: Body) -> tuple[RunInPrefect, bool]:
        self._call("create", body)
        key, new = body["idempotency_key"], body["idempotency_key"] not in self.runs
        run = self.runs.setdefault(key, {"id": str(uuid.uuid4()), "state_type": body["state"]["type"]})
        return RunInPrefect(run["id"], run["state_type"], 0.0), new

    async def create_artifact(self, body: Body) -> None:
        self._call("artifact", body)
        self.artifacts.append({**body, "id": str(len(self.artifacts))})

    async def delete_artifact(self, artifact_id: str) -> None:
        self.artifacts = [row for row in self.artifacts if row["id"] != artifact_id]

    async def create_events(self, bodies: list[Body]) -> None:
        self._call("events", bodies)
        for body in bodies if self.keeps else ():
            run = body["related"][0]["prefect.resource.id"].removeprefix("prefect.flow-run.")
            self.steps[body["resource"]["prefect.resource.id"]] = run

    async def _patiently(self, method: str, path: str, body: Any, check: Callable[[Any], Any]) -> tuple[int, Any]:
        self._call(path, body)
        if path == "/task_runs/count":
            asked = body["task_runs"]["flow_run_id"]["any_"]
            return 200, check(sum(run in asked for run in self.steps.values()))
        if path == "/task_runs/filter":
            asked = body["task_runs"]["flow_run_id"]["any_"]
            named = [key.removeprefix("prefect.task-run.") for key, run in self.steps.items() if run in asked]
            return 200, check([{"id": name} for name in named][body.get("offset", 0) :])
        if path == "/flow_runs/filter":
            asked = body["flow_runs"]["id"]["any_"]
            return 200, check([{**run, "state": {}} for run in self.runs.values() if run["id"] in asked])
        if path == "/artifacts/filter":
            asked = body["artifacts"]["flow_run_id"]["any_"]
            return 200, check([row for row in self.artifacts if row["flow_run_id"] in asked][body["offset"] :])
        return 200, check(None)


@pytest.fixture(name="prefect")
def _prefect(monkeypatch: pytest.MonkeyPatch) -> FakePrefect:
    monkeypatch.setattr(confirmation, "_FIRST_LOOK_SECONDS", 0.0)
    monkeypatch.setattr(confirmation, "_NEXT_LOOK_SECONDS", 0.0)
    monkeypatch.setattr(sending, "SETTLE_SECONDS", 0.0)
    monkeypatch.setattr(delivery, "SETTLE_SECONDS", 0.0)
    monkeypatch.setattr(sending, "_HOLD_SECONDS", (0.02, 0.04))
    monkeypatch.setattr(sending, "_POISON_SECONDS", -1.0)
    return FakePrefect()


def given(prefect: FakePrefect, *names: str) -> tuple[Delivery, list[Ticket]]:
    """A delivery with these runs, which are over."""
    runs, tickets = Delivery(prefect, structlog.get_logger()), [Ticket() for _ in names]
    for name, ticket in zip(names, tickets, strict=True):
        runs.ended(over(name), ticket)
    return runs, tickets


def over(name: str) -> RunRecord:
    """A run of one step."""
    now = time.time()
    step = StepRecord(0, "step", now - 0.4, now - 0.1, "Completed")
    return RunRecord(name, now - 0.5, flow="flow", ended=now, state="Completed", steps=[step])


async def rounds(runs: Delivery, count: int) -> None:
    """Some rounds, whatever comes of them."""
    for _ in range(count):
        try:
            await runs.round()
        except PrefectUnavailableError as error:
            runs.interrupted(memory_gone=error.memory_gone)
        await asyncio.sleep(0.01)


async def test_a_server_that_restarts_often_drops_nothing(prefect: FakePrefect) -> None:
    runs, (ticket,) = given(prefect, "a")
    prefect.keeps = False
    for _ in range(8):
        await rounds(runs, 2)
        runs.interrupted()
    prefect.keeps = True
    await rounds(runs, 3)

    assert ticket.done
    assert (runs.counts.dropped, runs.counts.recorded) == (0, 1)


async def test_an_artifact_that_always_breaks_the_connection_is_left_out(prefect: FakePrefect) -> None:
    runs, (poison,) = given(prefect, "poison")

    def reset(what: str, body: Any) -> Exception | None:
        bad = what == "artifact" and body["flow_run_id"] == prefect.runs["poison"]["id"]
        return PrefectUnavailableError("connection reset") if bad else None

    prefect.fails = reset
    await rounds(runs, 40)
    assert not poison.done, "nothing else arrives: it may be Prefect"
    runs.ended(over("good"), Ticket())
    await rounds(runs, 40)

    assert poison.done
    assert (runs.counts.recorded, runs.counts.dropped) == (2, 1)


async def test_a_conflict_of_several_runs_of_a_flow_is_no_error(prefect: FakePrefect) -> None:
    runs, _ = given(prefect, *"abcdef")
    prefect.fails = lambda what, _: PrefectRefusedError(409, "conflict") if what == "create" else None

    await runs.round()

    assert runs.unfinished() == 6


async def test_a_request_that_is_carried_out_late_leaves_no_second_artifact(prefect: FakePrefect) -> None:
    runs, (ticket,) = given(prefect, "a")
    late: list[Body] = []

    def time_out(what: str, body: Any) -> Exception | None:
        if what != "artifact" or late:
            return None
        late.append({**body, "id": "late"})
        return PrefectUnavailableError("no answer in time")

    prefect.fails = time_out
    await rounds(runs, 1)
    prefect.keeps = False
    await rounds(runs, 6)
    prefect.artifacts += late
    prefect.steps["step"] = prefect.runs["a"]["id"]
    await rounds(runs, 6)

    assert ticket.done
    assert len(prefect.artifacts) == 1


async def test_a_refused_run_counts_once_and_its_tickets_are_settled(prefect: FakePrefect) -> None:
    runs, _ = given(prefect, "x")
    prefect.fails = lambda what, _: PrefectRefusedError(422, "no") if what == "create" else None
    await runs.round()
    tickets = Ticket(), Ticket()
    runs.ended(over("x"), tickets[0])
    runs.crashed("x", time.time(), tickets[1])
    await runs.round()

    assert [ticket.done for ticket in tickets] == [True, True]
    assert runs.counts.dropped == 1


async def test_a_question_that_fails_while_losses_are_found_forgets_none_of_them(prefect: FakePrefect) -> None:
    runs, (first,) = given(prefect, "first")
    prefect.keeps = False
    await runs.round()
    second = Ticket()
    runs.ended(over("second"), second)
    await runs.round()
    asked: list[Body] = []

    def fail_once(what: str, body: Any) -> Exception | None:
        about = body["task_runs"]["flow_run_id"]["any_"] if what == "/task_runs/count" else []
        if asked or about != [prefect.runs["second"]["id"]]:
            return None
        asked.append(body)
        return PrefectUnavailableError("no answer")

    prefect.fails = fail_once
    runs.interrupted()
    await rounds(runs, 2)
    assert asked
    prefect.keeps = True
    await rounds(runs, 20)

    assert first.done
    assert second.done
    assert (runs.counts.recorded, runs.counts.dropped) == (2, 0)
