"""Finding recorded runs: one by its request id, or all of a client session."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from openrouter_anthropic_server.conversion.redaction import redact
from openrouter_anthropic_server.errors import InvalidRequestError, NotFoundError
from openrouter_anthropic_server.ports.run_directory import PrefectSilentError, RecorderState, RunSummary
from openrouter_anthropic_server.ports.run_records import Fact
from openrouter_anthropic_server.services import Services

_RUN_NAME = re.compile(r"req_[0-9A-Za-z]{1,64}(-[0-9]+)*")  # -1: the subflow that is its step 1
_SUMMED = (
    "input_tokens",
    "output_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
    "thinking_tokens",
    "cost",
)


@dataclass(frozen=True, slots=True)
class SessionRuns:
    """The runs of a session, oldest first, and where they are listed in Prefect's UI, if that is up.

    `totals` sums tokens and cost (USD) over the runs that tell them, and their durations (seconds).
    """

    ui_url: str | None
    runs: Sequence[RunSummary]
    totals: dict[str, Fact]


async def find_run(request_id: str, services: Services) -> str:
    """The address of a run in Prefect's UI; `NotFoundError` says why there is none, or none yet."""
    if not _RUN_NAME.fullmatch(request_id):
        raise NotFoundError("run: not a request id; they look like req_0123456789abcdef01234567")
    state = await services.directory.state()
    try:
        address = await services.directory.address(request_id, state)
    except PrefectSilentError:
        why = "Prefect does not answer at the moment, and what it has not got waits in the spool"
        raise NotFoundError(f"run: {_not_found(request_id, why, state)}") from None
    if address is None:
        raise NotFoundError(f"run: {_why_unknown(request_id, state)}")
    return address


async def list_session(session_id: str, services: Services) -> SessionRuns:
    """All runs of a session; one that nobody knows has none."""
    if not session_id:
        raise InvalidRequestError("session: the id of a client session is required (GET /runs?session=ID)")
    state = await services.directory.state()
    if state.phase == "off":
        raise NotFoundError(f"session: {_why_off(state)}")
    runs = await services.directory.session(session_id, state)
    return SessionRuns(services.directory.session_address(session_id, state), runs, _totals(runs))


def _why_unknown(request_id: str, state: RecorderState) -> str:
    match state.phase:
        case "off":
            return _why_off(state)
        case "starting":
            why = "Prefect or the recorder is still starting"
        case "stopped":
            why = "the recorder has stopped; GET /health/detailed says more"
        case "waiting_for_prefect":
            why = "the recorder waits for Prefect; GET /health/detailed says more"
        case "delivering":
            why = "it may still be on its way"
    return _not_found(request_id, why, state)


def _not_found(request_id: str, why: str, state: RecorderState) -> str:
    return f"{request_id} was not found: {why}{_waiting(state)}"


def _waiting(state: RecorderState) -> str:
    if not state.backlog:
        return ""
    records = "1 run record waits" if state.backlog == 1 else f"{state.backlog} run records wait"
    return f"; {records}" + (f", the oldest for {state.lag_seconds:.0f} s" if state.lag_seconds else "")


def _why_off(state: RecorderState) -> str:
    if state.problem is None:
        return "recording is off (RECORDING=off), so there are no runs"
    return f"recording is off: {redact(state.problem)}"


def _totals(runs: Sequence[RunSummary]) -> dict[str, Fact]:
    totals: dict[str, Fact] = {"runs": len(runs), "duration_seconds": round(sum(_durations(runs)), 3)}
    for name in _SUMMED:
        told = [value for run in runs if isinstance(value := run.facts.get(name), int | float)]
        if told:
            totals[name] = sum(told)
    return totals


def _durations(runs: Sequence[RunSummary]) -> list[float]:
    return [run.duration_seconds for run in runs if run.duration_seconds is not None]
