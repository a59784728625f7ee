"""Finds recorded runs: asks Prefect's API for them, and reads what the recorder says of itself."""

import asyncio
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import httpx
import orjson

from openrouter_anthropic_server.conversion.redaction import redact
from openrouter_anthropic_server.errors import UpstreamError
from openrouter_anthropic_server.observability.labels import session_tag
from openrouter_anthropic_server.orchestration.run_summaries import run_address, summary, tagged_runs_address
from openrouter_anthropic_server.ports.run_directory import (
    PrefectSilentError,
    RecorderPhase,
    RecorderState,
    RunSummary,
)

_STALE_SECONDS = 10.0
_TIMEOUT_SECONDS = 10.0  # a Prefect on SQLite that is busy recording answers late
_ADDRESS_SECONDS = 3.0  # somebody waits in a browser
_STARTING_SECONDS = 15.0  # in which a new recorder comes up
_NOT_UP: frozenset[RecorderPhase] = frozenset({"starting", "waiting_for_prefect"})
_KEEP_ALIVE_SECONDS = 4.0  # Prefect's server closes idle connections after 5 s
_BUSY_TRIES = 3
_BUSY_PAUSE_SECONDS = 0.1
_PAGE = 200  # the most that Prefect gives at once
_REFUSED = frozenset({401, 403})
_STATE_FIELDS = frozenset(field.name for field in fields(RecorderState))


class PrefectRunDirectory:
    """Runs in Prefect. `state_file` is where the recorder tells its state, and Prefect's addresses.

    `api_url` and `ui_url` are the configured addresses; where they are None, the recorder's are used. `since`
    is when this server began (seconds since the epoch; None: now): what the recorder said before that is of an
    earlier one, and for a while after it nothing is wrong with that.
    """

    def __init__(
        self,
        state_file: Path,
        *,
        api_url: str | None,
        ui_url: str | None,
        headers: Mapping[str, str],
        since: float | None = None,
    ) -> None:
        self._state_file = state_file
        self._since = time.time() if since is None else since
        self._api_url = None if api_url is None else api_url.rstrip("/")
        self._ui_url = None if ui_url is None else ui_url.rstrip("/")
        self._headers = headers
        self._client: httpx.AsyncClient | None = None
        self._opening = asyncio.Lock()

    async def address(self, name: str, state: RecorderState) -> str | None:
        """The address of the run named `name` in Prefect's UI; None while Prefect does not know it, or is not up."""
        if state.phase in _NOT_UP or state.prefect_api_url is None or state.prefect_ui_url is None:
            return None
        wanted = {"flow_runs": {"name": {"any_": [name]}}, "limit": 1}
        found = await self._ask(state.prefect_api_url, "/flow_runs/filter", wanted, _ADDRESS_SECONDS)
        return run_address(state.prefect_ui_url, str(found[0]["id"])) if found else None

    async def session(self, session_id: str, state: RecorderState) -> Sequence[RunSummary]:
        """All runs of one client session, oldest first; subflows are part of theirs."""
        if state.phase in _NOT_UP:
            raise _no_answer(redact(state.problem) if state.problem else "it is still starting")
        ui_url = state.prefect_ui_url
        if state.prefect_api_url is None or ui_url is None:
            return []
        runs = await self._runs_tagged(state.prefect_api_url, session_tag(session_id))
        return sorted((summary(run, ui_url) for run in runs), key=lambda one: one.started)

    def session_address(self, session_id: str, state: RecorderState) -> str | None:
        """The address of the session's list of runs in Prefect's UI; None while there is no Prefect."""
        ui_url = state.prefect_ui_url
        return None if ui_url is None else tagged_runs_address(ui_url, session_tag(session_id))

    async def state(self) -> RecorderState:
        """How recording fares now; Prefect's addresses are the ones that are used here."""
        state = await asyncio.to_thread(_read_state, self._state_file, self._since)
        api_url = self._api_url or state.prefect_api_url
        ui_url = self._ui_url or state.prefect_ui_url
        return replace(state, prefect_api_url=api_url, prefect_ui_url=ui_url)

    async def aclose(self) -> None:
        """Close the connections to Prefect."""
        if self._client is not None:
            await self._client.aclose()

    async def _runs_tagged(self, api_url: str, tag: str) -> list[dict[str, Any]]:
        chosen = {"tags": {"all_": [tag]}, "parent_task_run_id": {"is_null_": True}}
        query = {"flow_runs": chosen, "sort": "START_TIME_ASC", "limit": _PAGE}
        runs: list[dict[str, Any]] = []
        while True:
            page = await self._ask(api_url, "/flow_runs/filter", {**query, "offset": len(runs)})
            runs += page
            if len(page) < _PAGE:
                return runs

    async def _ask(
        self, api_url: str, path: str, query: Mapping[str, Any], seconds: float = _TIMEOUT_SECONDS
    ) -> list[dict[str, Any]]:
        """The list that Prefect answers."""
        client = await self._open_client()
        try:
            async with asyncio.timeout(seconds):
                response = await _post(client, api_url + path, orjson.dumps(query))
        except TimeoutError:
            raise _silent(f"no answer in {seconds:.0f} s") from None
        except httpx.ConnectError:
            raise _silent("nobody listens there") from None
        except httpx.HTTPError:
            raise _silent("the connection broke") from None
        except httpx.InvalidURL:
            raise _no_answer("its address is no URL") from None
        if response.status_code in _REFUSED:
            raise _no_answer("it refuses the key of this server (PREFECT_API_KEY, PREFECT_API_AUTH_STRING)")
        found = _json(response.content)
        if response.status_code != httpx.codes.OK or not isinstance(found, list):
            raise _no_answer(f"it answers {response.status_code}, and not with a list")
        return found

    async def _open_client(self) -> httpx.AsyncClient:
        async with self._opening:
            if self._client is None:
                self._client = await asyncio.to_thread(_new_client, self._headers)
            return self._client


class NoRunDirectory:
    """Recording is off: there are no runs. `problem` says why, if that is not the operator's wish."""

    def __init__(self, problem: str | None = None) -> None:
        self._state = RecorderState("off", problem=problem)

    async def address(self, name: str, state: RecorderState) -> str | None:
        """None."""
        return None

    async def session(self, session_id: str, state: RecorderState) -> Sequence[RunSummary]:
        """None."""
        return []

    def session_address(self, session_id: str, state: RecorderState) -> str | None:
        """None."""
        return None

    async def state(self) -> RecorderState:
        """Off."""
        return self._state


async def _post(client: httpx.AsyncClient, url: str, body: bytes) -> httpx.Response:
    """The answer, after a few tries while Prefect's database is locked for a moment."""
    for _ in range(_BUSY_TRIES):
        response = await client.post(url, content=body)
        if response.status_code != httpx.codes.SERVICE_UNAVAILABLE:
            break
        await asyncio.sleep(_BUSY_PAUSE_SECONDS)
    return response


def _new_client(headers: Mapping[str, str]) -> httpx.AsyncClient:
    """In a thread: reading the certificates of the system takes a while."""
    return httpx.AsyncClient(
        headers={"content-type": "application/json", **headers},
        timeout=None,  # each question has its own
        verify=ssl.create_default_context(),
        limits=httpx.Limits(keepalive_expiry=_KEEP_ALIVE_SECONDS),
        trust_env=False,
    )


def _read_state(file: Path, since: float) -> RecorderState:
    now = time.time()
    new = now - since < _STARTING_SECONDS
    try:
        told = orjson.loads(file.read_bytes())
        state = RecorderState(**{name: value for name, value in told.items() if name in _STATE_FIELDS})
        age = now - state.updated
    except (FileNotFoundError, NotADirectoryError):
        return RecorderState("starting") if new else RecorderState("stopped", problem="no recorder has come up yet")
    except (OSError, AttributeError, TypeError, ValueError):
        return RecorderState("stopped", problem="what the recorder says of itself cannot be read")
    if state.updated < since and new:
        return RecorderState("starting", updated=state.updated, backlog=state.backlog)
    if age <= _STALE_SECONDS:
        return state
    problem = f"the recorder has said nothing for {age:.0f} s"
    return replace(state, phase="stopped", prefect_reachable=False, problem=problem)


def _no_answer(why: str) -> UpstreamError:
    return UpstreamError(_text(why))


def _silent(why: str) -> UpstreamError:
    return PrefectSilentError(_text(why))


def _text(why: str) -> str:
    return f"runs: Prefect cannot be asked now: {why}; GET /health/detailed says more"


def _json(content: bytes) -> Any:
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        return None
