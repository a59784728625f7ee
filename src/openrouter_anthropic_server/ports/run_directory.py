"""Where recorded runs can be looked at, and how recording fares."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from openrouter_anthropic_server.errors import UpstreamError
from openrouter_anthropic_server.ports.run_records import Fact

RecorderPhase = Literal["off", "starting", "delivering", "waiting_for_prefect", "stopped"]


@dataclass(frozen=True, slots=True)
class RecorderState:
    """How recording fares, as the recorder last wrote it.

    `backlog` counts run records that are not confirmed in Prefect yet; `lag_seconds` is the age of the oldest
    of them (0 without backlog). `recorded`, `retried` (deliveries tried again) and `dropped` (records that did
    not fit into the spool, or that Prefect refused for good) count since the recorder's start. `updated` is
    seconds since the epoch. `problem` says in one line why runs do not arrive, if they do not; it may name
    addresses and directories, so it is for the operator.
    """

    phase: RecorderPhase
    updated: float = 0.0
    prefect_api_url: str | None = None
    prefect_ui_url: str | None = None
    prefect_reachable: bool = False
    problem: str | None = None
    backlog: int = 0
    lag_seconds: float = 0.0
    recorded: int = 0
    retried: int = 0
    dropped: int = 0
    spool_bytes: int = 0


@dataclass(frozen=True, slots=True)
class RunSummary:
    """One run of a session. Times are seconds since the epoch; `facts` as in its record (tokens, cost in USD)."""

    name: str
    flow: str
    state: str
    started: float
    duration_seconds: float | None
    url: str
    facts: Mapping[str, Fact]


class PrefectSilentError(UpstreamError):
    """Prefect does not answer, or not in time."""


class RunDirectory(Protocol):
    """Finds recorded runs. `state` is what `state()` told just before: one reading serves a whole question."""

    async def state(self) -> RecorderState:
        """How recording fares now."""
        ...

    async def address(self, name: str, state: RecorderState) -> str | None:
        """The address of the run named `name` in Prefect's UI; None while Prefect does not know it.

        Raises `PrefectSilentError` after a short wait, `UpstreamError` if what answers is of no use.
        """
        ...

    async def session(self, session_id: str, state: RecorderState) -> Sequence[RunSummary]:
        """All runs of one client session, oldest first. Raises `UpstreamError` if Prefect cannot be asked."""
        ...

    def session_address(self, session_id: str, state: RecorderState) -> str | None:
        """The address of the session's list of runs in Prefect's UI; None while there is no Prefect."""
        ...
