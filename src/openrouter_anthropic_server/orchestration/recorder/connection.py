"""The Prefect server in use: where it is, and whether it can be reached."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openrouter_anthropic_server.orchestration.recorder.prefect_api import PrefectApi, PrefectUnavailableError
from openrouter_anthropic_server.orchestration.server_address import read_address

_SHORTEST_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 2.0
_STARTING_SECONDS = 30.0
_NOT_STARTED = "The Prefect server that is started here is not up yet."
_NONE_RUNS = "No Prefect server runs on this DATA_DIR, or it is not up yet: start serve, or set PREFECT_API_URL."


@dataclass(frozen=True, slots=True)
class PrefectAddress:
    """The API of a Prefect server, and its UI as people open it; the process, if it is the embedded one."""

    api_url: str
    ui_url: str
    pid: int | None = None


class PrefectAddressSource:
    """Finds the server: a fixed address, or the one that the embedded server wrote into `directory`/server.json.

    `alone`: nobody starts that server together with this recorder.
    """

    def __init__(self, api_url: str | None, ui_url: str | None, directory: Path, *, alone: bool = False) -> None:
        self.embedded = api_url is None
        self.log_file = directory / "server.log"
        self.missing = _NONE_RUNS if alone else _NOT_STARTED
        self.alone = alone
        self._api_url = api_url
        self._ui_url = ui_url
        self._directory = directory

    def find(self) -> PrefectAddress | None:
        """The address now; None while no server has been started."""
        if self._api_url is not None:
            return self._address(self._api_url, self._ui_url)
        found = read_address(self._directory)
        return self._address(found.api_url, self._ui_url or found.ui_url, found.pid) if found else None

    def _address(self, api_url: str, ui_url: str | None, pid: int | None = None) -> PrefectAddress:
        base = api_url.rstrip("/")
        return PrefectAddress(base, (ui_url or base.removesuffix("/api")).rstrip("/"), pid)


class PrefectConnection:
    """Whether Prefect can be reached, tried again at growing intervals. Logs only when that changes.

    `reachable`: it answered last time, so that requests may be tried; `problem` says in one line why they do not
    succeed, None once they do; `worked_at` is when they last did, by the monotonic clock. `memory_gone`: the server
    may have lost what it had in memory since this was last set to False.
    """

    def __init__(self, source: PrefectAddressSource, api: PrefectApi, logger: Any) -> None:
        self.api = api
        self.address: PrefectAddress | None = None
        self.reachable = False
        self.problem: str | None = None
        self.worked_at = time.monotonic()
        self.memory_gone = False
        self._found_at = time.monotonic()
        self._warned: str | None = None
        self._source = source
        self._log = logger
        self._pause = _SHORTEST_PAUSE_SECONDS
        self._next_try = 0.0
        self._working = False

    async def find(self) -> bool:
        """Look for the server, if it is time to; whether it is another one than before."""
        if time.monotonic() < self._next_try:
            return False
        found = self._source.find()
        if found is None:
            self._unreachable(self._source.missing, 0.0)
            return False
        changed = self.address is not None and found.api_url != self.address.api_url
        if changed or (self.address is not None and found.pid != self.address.pid):
            self.memory_gone = True
        if found != self.address:
            self._found_at = time.monotonic()
        self.address = found
        self.api.embedded = self._source.embedded
        self.api.base_url = found.api_url
        try:
            await self.api.check_health()
        except PrefectUnavailableError as error:
            self.lost(error)
            return changed
        self.reachable = True
        return changed

    def lost(self, error: PrefectUnavailableError) -> None:
        """A request failed."""
        self.memory_gone |= error.memory_gone
        self._unreachable(error.problem, error.retry_after)

    def works(self) -> None:
        """Requests succeed."""
        self.worked_at = time.monotonic()
        self._pause = _SHORTEST_PAUSE_SECONDS
        self.problem = self._warned = None
        if not self._working and self.address is not None:
            self._working = True
            self._log.info("prefect_reached", api_url=self.address.api_url, ui_url=self.address.ui_url)

    def _unreachable(self, problem: str, retry_after: float) -> None:
        down_since = max(self._found_at, self.worked_at)
        if self._source.embedded and time.monotonic() - down_since > _STARTING_SECONDS and not self._source.alone:
            problem = f"{problem} See {self._source.log_file}."
        if problem != self._warned and not self._may_be_starting():
            self._warned = problem
            self._log.warning("prefect_not_reached", problem=problem)
        self.reachable, self.problem, self._working = False, problem, False
        self._next_try = time.monotonic() + max(self._pause, retry_after)
        self._pause = min(self._pause * 1.5, _LONGEST_PAUSE_SECONDS)

    def _may_be_starting(self) -> bool:
        """The embedded server takes some seconds from its address to its first answer."""
        young = time.monotonic() - self._found_at < _STARTING_SECONDS
        return self._source.embedded and young and (self.address is not None or not self._source.alone)
