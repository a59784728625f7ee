"""Run records as the bodies that Prefect's API takes. Pure: the same record always gives the same bytes.

Ids of task runs and events are derived from the run's name, so that sending anything twice changes nothing. But
a server passes over events whose ids it saw in the last five minutes, also those that it has lost since: what
must be sent again needs other ids (`again`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from math import isfinite
from typing import Any
from uuid import UUID, uuid5

from openrouter_anthropic_server.ports.run_records import Failure, LogLine, RunRecord, State, StepRecord

Body = dict[str, Any]

FINAL: frozenset[State] = frozenset({"Completed", "Failed", "Cancelled", "Crashed"})
UNNAMED_FLOW = "request"
"""The flow of a run whose record names none."""

_CANCELLED = "The client left before the answer was complete."
_CRASHED = "The server process that served this request ended before the request did."
_NAMESPACE = UUID("6f9ac2cd-5e8a-5b0f-8a53-0a4f5f3d1c57")
_LEVELS = {"DEBUG": 10, "INFO": 20, "WARNING": 30, "ERROR": 40}
_MOST_LOG_LINES = 3_000
_LOGGER = "openrouter_anthropic_server"
_LAST_SECOND = 253_402_300_799.0  # of the year 9999
_LEAST_STEP_SECONDS = 1e-6  # the server takes a state only if it is later than the one before
_AFTER_CHILD_SECONDS = 1.0  # the server itself gives the step of a subflow the end of that, a moment after


@dataclass(frozen=True, slots=True)
class ChildRun:
    """A subflow run as Prefect knows it. `state_at`: when it took its present state by the server's clock."""

    flow_run_id: str
    state_at: float


@lru_cache(maxsize=8192)
def task_run_id(run: str, step: int) -> str:
    """The id of the task run for a step of a run."""
    return str(uuid5(_NAMESPACE, f"{run}/{step}"))


def flow_name(record: RunRecord) -> str:
    """The name of the run's flow; never empty."""
    return record.flow or UNNAMED_FLOW


def flow_run(record: RunRecord, flow_id: str, *, with_parent: bool = True) -> Body:
    """The body that creates the run in the state it is in."""
    body: Body = {
        "name": record.name,
        "flow_id": flow_id,
        "idempotency_key": record.name,
        "parameters": {},
        "tags": tags(record),
        "labels": labels(record),
        "state": state(record),
    }
    if record.parent is not None and with_parent:
        body["parent_task_run_id"] = task_run_id(record.parent.run, record.parent.step)
    return body


def tags(record: RunRecord) -> list[str]:
    """The run's tags, each once."""
    return list(dict.fromkeys(record.tags))


def labels(record: RunRecord) -> Body:
    """Facts and true times: those that Prefect shows are the times at which it was told."""
    found: Body = {key: value for key, value in record.facts.items() if _is_label(value)}
    found |= {"flow": flow_name(record), "started": _iso(record.started)}
    if record.ended is not None:
        found |= {"ended": _iso(record.ended), "duration_seconds": round(record.ended - record.started, 6)}
    return found


def state(record: RunRecord) -> Body:
    """The run's state with the message that says why."""
    messages = {"Failed": _failure(record.failure), "Cancelled": _CANCELLED, "Crashed": _CRASHED}
    return {"type": record.state.upper(), "name": record.state, "message": messages.get(record.state)}


def crashed(record: RunRecord, at: float) -> RunRecord:
    """The run as it is after the process that served it died; `at` in seconds since the epoch."""
    return settled(replace(record, state="Crashed", ended=max(at, record.started)))


def settled(record: RunRecord) -> RunRecord:
    """The run without open steps, if it is over: nobody will ever end them."""
    if record.ended is None or all(step.state in FINAL for step in record.steps):
        return record
    left: State = "Crashed" if record.state == "Crashed" else "Cancelled"
    return replace(record, steps=[_closed(step, left, record.ended) for step in record.steps])


def events(
    record: RunRecord, flow_run_id: str, children: Mapping[str, ChildRun] | None = None, again: str = ""
) -> list[Body]:
    """One event per step, in its present state. `children`: what is known of subflow runs, by name."""
    known = children or {}
    return [event(record.name, flow_run_id, step, known.get(step.child or ""), again) for step in record.steps]


def event(run: str, flow_run_id: str, step: StepRecord, child: ChildRun | None = None, again: str = "") -> Body:
    """The event that a step of `run` has taken its present state; `again` makes its id another one."""
    name, kind = step.state, step.state.upper()
    occurred = _iso(_occurred(step, child))
    message = _failure(step.failure) if step.state == "Failed" else None
    return {
        "event": f"prefect.task-run.{name}",
        "id": str(uuid5(_NAMESPACE, f"{run}/{step.index}/{name}{again}")),
        "occurred": occurred,
        "resource": {
            "prefect.resource.id": f"prefect.task-run.{task_run_id(run, step.index)}",
            "prefect.resource.name": step.name,
            "prefect.run-count": str(step.attempts),
            "prefect.state-name": name,
            "prefect.state-type": kind,
            "prefect.state-message": message or "",
            "prefect.state-timestamp": occurred,
            "prefect.orchestration": "client",
        },
        "related": [{"prefect.resource.id": f"prefect.flow-run.{flow_run_id}", "prefect.resource.role": "flow-run"}],
        "payload": {
            "initial_state": None,
            "intended": {"from": None, "to": kind},
            "validated_state": {
                "type": kind,
                "name": name,
                "message": message,
                "state_details": {"child_flow_run_id": child.flow_run_id} if child else {},
                "data": None,
            },
            "task_run": _task_run(run, step),
        },
    }


def logs(record: RunRecord, flow_run_id: str) -> list[Body]:
    """The run's log lines, the first 3,000: the server writes so many in one transaction."""
    return [_log(record.name, flow_run_id, line) for line in record.logs[:_MOST_LOG_LINES]]


def _task_run(run: str, step: StepRecord) -> Body:
    # Every event has every column: the server writes rows with the same columns in one statement.
    end = None if step.ended is None else max(step.ended, step.started)
    return {
        "name": step.name,
        "task_key": step.name,
        "dynamic_key": str(step.index),
        "tags": [],
        "run_count": step.attempts,
        "flow_run_run_count": 1,
        "start_time": _iso(step.started),
        "end_time": None if end is None else _iso(end),
        "expected_start_time": _iso(step.started),
        "total_run_time": 0.0 if end is None else end - step.started,
        "empirical_policy": {},
        "task_inputs": _inputs(run, step.upstream),
    }


def _inputs(run: str, upstream: Sequence[int]) -> Body:
    """The edges of the graph."""
    if not upstream:
        return {}
    return {"upstream": [{"input_type": "task_run", "id": task_run_id(run, index)} for index in upstream]}


def _log(run: str, flow_run_id: str, line: LogLine) -> Body:
    return {
        "name": _LOGGER,
        "level": _LEVELS[line.level],
        "message": line.message,
        "timestamp": _iso(line.at),
        "flow_run_id": flow_run_id,
        "task_run_id": None if line.step is None else task_run_id(run, line.step),
    }


def _closed(step: StepRecord, left: State, ended: float) -> StepRecord:
    if step.state in FINAL:
        return step
    return replace(step, state=left, ended=max(ended, step.started))


def _occurred(step: StepRecord, child: ChildRun | None) -> float:
    """When the step took its state; later than its start, and than what the server itself made of a subflow's end."""
    if step.state not in FINAL:
        return step.started
    ended = max(step.started if step.ended is None else step.ended, step.started + _LEAST_STEP_SECONDS)
    return ended if child is None else max(ended, child.state_at + _AFTER_CHILD_SECONDS)


def _failure(failure: Failure | None) -> str | None:
    return f"{failure.kind} (fingerprint {failure.fingerprint})" if failure else None


def _is_label(value: object) -> bool:
    return isinstance(value, str | int) or (isinstance(value, float) and isfinite(value))


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(min(max(seconds, 0.0), _LAST_SECOND), UTC).isoformat()
