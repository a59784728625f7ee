"""Open runs: how another recorder gets to know them, and what becomes of those whose end is not known."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from openrouter_anthropic_server.orchestration.recorder.known_records import is_known
from openrouter_anthropic_server.orchestration.recorder.run_work import RunWork
from openrouter_anthropic_server.orchestration.spool.entries import CorruptLineError, Entry, decode, encode_run
from openrouter_anthropic_server.ports.run_records import Failure, LogLine, RunRecord

_END_NOT_RECORDED = Failure("EndNotRecorded", "000000000000")
_END_LOST = "This run has ended, but the spool had no room for its end: how and when it ended is not known."


def last_time(record: RunRecord) -> float:
    """The last time that a record names, in seconds since the epoch."""
    steps = [step.started if step.ended is None else step.ended for step in record.steps]
    return max([record.started, *steps, *(line.at for line in record.logs)])


def without_end(record: RunRecord) -> RunRecord:
    """An open run as it is shown when its end was lost: failed when something was last known of it."""
    at = last_time(record)
    line = LogLine(at, "ERROR", _END_LOST)
    return replace(record, state="Failed", ended=at, failure=_END_NOT_RECORDED, logs=[*record.logs, line])


def saved(work: RunWork) -> dict[str, Any]:
    """A JSON value that `restored` makes the run of; without its content, which would be written again and again."""
    flow_run_id = work.there.flow_run_id if work.there is not None else None
    line = encode_run("begun", replace(work.record, content=None))
    return {"id": flow_run_id, "line": line.decode()[:-1]}


def restored(item: Any) -> tuple[RunRecord, str | None] | None:
    """An open run and its id in Prefect, if that is known; None if `item` does not come from `saved`."""
    try:
        entry: Entry = decode(item["line"].encode())
    except (CorruptLineError, AttributeError, KeyError, TypeError):
        return None
    if entry.run is None or not is_known(entry.run):
        return None
    return entry.run, _flow_run_id(item.get("id"))


def _flow_run_id(value: object) -> str | None:
    try:
        return str(UUID(value)) if isinstance(value, str) else None
    except ValueError:
        return None
