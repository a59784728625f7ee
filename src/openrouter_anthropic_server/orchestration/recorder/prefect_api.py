"""Prefect's REST API as the recorder uses it; no answer of it is trusted to be Prefect's.

Errors:
    PrefectError
        PrefectUnavailableError   nothing is wrong with what was sent: send it again later
            PrefectBusyError      SQLite's lock was taken for a long time
            PrefectQuestionError  it does not take the question
        PrefectRefusedError       this item will never be accepted
"""

import asyncio
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import aiohttp
import orjson

from openrouter_anthropic_server.orchestration.recorder.connection_pool import TOTAL_SECONDS, ConnectionPool
from openrouter_anthropic_server.orchestration.recorder.prefect_answers import json_value, refusal, retry_after_seconds

Body = dict[str, Any]
Value = TypeVar("Value")

_HEALTH_SECONDS = 5.0
_BUSY_PAUSE_SECONDS = (0.005, 0.05)
_BUSY_SECONDS = 10.0
_BUSY_MESSAGE = "Service Unavailable"
_NOT_PREFECT = frozenset({301, 302, 303, 307, 308, 401, 403, 404, 405, 407, 501})
_BAD_KEY = frozenset({401, 403})
_RETRY = frozenset({408, 425, 429})


class PrefectError(Exception):
    """Something with Prefect went wrong."""


class PrefectUnavailableError(PrefectError):
    """Prefect cannot be used now. The message is a `problem` for people.

    `unsure`: the request may have been carried out all the same; `timed_out`: or may be carried out later.
    `memory_gone`: the server may have ended, and lost what it had in memory. `item_may_be_bad`: Prefect itself
    failed on this request (500), which another one need not share. `retry_after`: seconds that it asked for.
    """

    def __init__(
        self,
        problem: str,
        *,
        unsure: bool = True,
        memory_gone: bool = False,
        item_may_be_bad: bool = False,
        retry_after: float = 0.0,
    ) -> None:
        super().__init__(problem)
        self.problem = problem
        self.unsure = unsure
        self.timed_out = False
        self.memory_gone = memory_gone
        self.item_may_be_bad = item_may_be_bad
        self.retry_after = retry_after


class PrefectBusyError(PrefectUnavailableError):
    """The database was locked for too long; nothing was written."""


class PrefectQuestionError(PrefectUnavailableError):
    """Prefect does not take a question: for what it asks about, or as such."""


class PrefectRefusedError(PrefectError):
    """Prefect will never take this item. `detail` is what it said; `status` the HTTP status."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(f"{status}: {detail}")
        self.status = status
        self.detail = detail


@dataclass(frozen=True, slots=True)
class RunInPrefect:
    """A flow run that exists. `state_type` as in RUNNING; `state_at`: since then, by the server's clock."""

    flow_run_id: str
    state_type: str
    state_at: float


class PrefectApi:
    """A connection pool. `base_url` may change; `busy` counts answers that said the database is locked.

    `embedded`: the server is the one that is started here, so that nobody has set its address.
    """

    def __init__(
        self, base_url: str, headers: Mapping[str, str] | None = None, timeout_seconds: float = TOTAL_SECONDS
    ) -> None:
        self.base_url = base_url
        self.embedded = False
        self.busy = 0
        self._timeout_seconds = timeout_seconds
        self._pool = ConnectionPool(headers or {})

    async def close(self) -> None:
        """Close all connections."""
        await self._pool.close()

    async def check_health(self) -> None:
        """Raises `PrefectUnavailableError` unless a Prefect API answers here."""
        _, value = await self._answer(
            "GET", "/health", None, timeout_seconds=min(_HEALTH_SECONDS, self._timeout_seconds)
        )
        if value is not True:
            raise PrefectUnavailableError(self._wrong_address("answers something else", "/health"), unsure=False)

    async def flow_id(self, name: str) -> str:
        """The id of the flow called `name`, which exists from now on."""
        _, flow = await self._patiently("POST", "/flows/", {"name": name}, _object)
        return str(flow["id"])

    async def create_run(self, body: Body) -> tuple[RunInPrefect, bool]:
        """The flow run, and whether it is new; an existing one with this idempotency key stays as it is."""
        status, run = await self._patiently("POST", "/flow_runs/", body, _object)
        return run_in_prefect(run), status == 201

    async def set_state(self, flow_run_id: str, state: Body) -> float:
        """Give the run this state; when it took it, by the server's clock."""
        path, body = f"/flow_runs/{flow_run_id}/set_state", {"state": state, "force": True}
        _, answer = await self._patiently("POST", path, body, _object)
        return _seconds((answer.get("state") or {}).get("timestamp"))

    async def set_labels(self, flow_run_id: str, labels: Body) -> None:
        """Add labels to the run."""
        await self._send("PATCH", f"/flow_runs/{flow_run_id}/labels", labels)

    async def set_tags(self, flow_run_id: str, tags: list[str]) -> None:
        """Give the run these tags only."""
        await self._send("PATCH", f"/flow_runs/{flow_run_id}", {"tags": tags})

    async def create_artifact(self, body: Body) -> None:
        """Add an artifact. Not idempotent."""
        await self._patiently("POST", "/artifacts/", body, _object)

    async def delete_artifact(self, artifact_id: str) -> None:
        """Remove an artifact."""
        await self._send("DELETE", f"/artifacts/{artifact_id}", None)

    async def create_logs(self, bodies: list[Body]) -> None:
        """Add log lines. Not idempotent; all or none if there are fewer than 3,000."""
        await self._send("POST", "/logs/", bodies)

    async def create_events(self, bodies: list[Body]) -> None:
        """Hand over events. The server keeps them in memory until it writes them."""
        await self._send("POST", "/events", bodies)

    async def ask(self, path: str, query: Body, check: Callable[[Any], Value]) -> Value:
        """The answer to a question, as `check` takes it; it raises `ValueError` or a kin for what is no answer."""
        try:
            return (await self._patiently("POST", path, query, check))[1]
        except PrefectRefusedError as error:
            problem = self._wrong_address(f"answers {error}", path, error.status)
            raise PrefectQuestionError(problem, unsure=False) from error

    async def _send(self, method: str, path: str, body: object) -> None:
        await self._patiently(method, path, body, _nothing)

    async def _patiently(
        self, method: str, path: str, body: object, check: Callable[[Any], Value]
    ) -> tuple[int, Value]:
        """The answer, with short pauses while the database is locked: long ones only let others in first."""
        data, deadline = None if body is None else encode(body), time.monotonic() + _BUSY_SECONDS
        while True:
            try:
                status, value = await self._answer(method, path, data)
                return status, check(value)
            except (AttributeError, KeyError, TypeError, ValueError):
                raise PrefectUnavailableError(self._wrong_address("answers something else", path)) from None
            except PrefectBusyError:
                self.busy += 1
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(random.uniform(*_BUSY_PAUSE_SECONDS))

    async def _answer(
        self, method: str, path: str, data: bytes | None, timeout_seconds: float | None = None
    ) -> tuple[int, Any]:
        headers = {"Content-Type": "application/json"} if data is not None else None
        try:
            async with (
                self._pool.session() as session,
                asyncio.timeout(timeout_seconds or self._timeout_seconds),
                session.request(
                    method, self.base_url + path, data=data, headers=headers, allow_redirects=False
                ) as response,
            ):
                content = await response.read()
                if response.status >= 500:
                    self._pool.renew(session)  # uvicorn closes the connection after an error, but not at once
                return response.status, self._value(response, path, content)
        except aiohttp.InvalidURL as error:
            raise PrefectUnavailableError(f"{self._named()} is no address", unsure=False) from error
        except aiohttp.ClientConnectorError as error:
            problem = self._unreachable(_why_unconnected(error))
            raise PrefectUnavailableError(problem, unsure=False, memory_gone=True) from error
        except TimeoutError as error:  # before the others: some of aiohttp's are both
            late = PrefectUnavailableError(self._unreachable("no answer in time"))
            late.timed_out = True
            raise late from error
        except (aiohttp.ClientError, ConnectionError) as error:
            raise PrefectUnavailableError(
                self._unreachable(str(error) or type(error).__name__), memory_gone=True
            ) from error

    def _value(self, response: aiohttp.ClientResponse, path: str, content: bytes) -> Any:
        """The JSON value of an answer, or the error that its status stands for."""
        status, value = response.status, json_value(content)
        if 200 <= status < 300:
            return value
        if status == 503 and isinstance(value, dict) and value.get("exception_message") == _BUSY_MESSAGE:
            raise PrefectBusyError(f"Prefect at {self.base_url} answers 503: its database is busy", unsure=False)
        if status >= 500 or status in _RETRY:
            raise PrefectUnavailableError(
                f"Prefect at {self.base_url} answers {status} at {path}",
                unsure=status >= 500,
                memory_gone=status >= 500,
                item_may_be_bad=status == 500 and isinstance(value, dict),
                retry_after=retry_after_seconds(response.headers.get("Retry-After")),
            )
        gone = status == 404 and isinstance(value, dict) and "exception_message" in value
        if status in _NOT_PREFECT and not gone:
            raise PrefectUnavailableError(self._wrong_address(f"answers {status}", path, status), unsure=False)
        raise PrefectRefusedError(status, refusal(value, content))

    def _wrong_address(self, what: str, path: str, status: int = 200) -> str:
        why = "the key is missing or wrong" if status in _BAD_KEY else "which is no Prefect API"
        if status not in _BAD_KEY and not self.base_url.endswith("/api"):
            why += "; the address must end in /api"
        return f"{self._named()}: {what} at {path}, {why}"

    def _named(self) -> str:
        return (
            f"The Prefect server started here, {self.base_url}" if self.embedded else f"PREFECT_API_URL {self.base_url}"
        )

    def _unreachable(self, reason: str) -> str:
        return f"Prefect at {self.base_url} cannot be reached: {reason}"


def _why_unconnected(error: aiohttp.ClientConnectorError) -> str:
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "the name of its host is not known"
    if isinstance(error.os_error, ConnectionRefusedError) or "refused" in str(error.os_error):
        return "nobody listens there"
    return str(error.os_error)


def encode(body: object) -> bytes:
    """JSON without NUL characters: Postgres refuses them, and one bad event spoils all events written with it."""
    data = orjson.dumps(body)
    return orjson.dumps(_without_nul(body)) if b"\\u0000" in data else data


def run_in_prefect(value: Mapping[str, Any]) -> RunInPrefect:
    """A flow run of an answer."""
    state = value.get("state") or {}
    return RunInPrefect(str(value["id"]), str(value.get("state_type") or ""), _seconds(state.get("timestamp")))


def _without_nul(value: object) -> object:
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, list):
        return [_without_nul(item) for item in value]
    if isinstance(value, dict):
        return {_without_nul(key): _without_nul(item) for key, item in value.items()}
    return value


def _object(value: Any) -> Body:
    if not isinstance(value, dict) or not ("id" in value or "state" in value):
        raise ValueError("no object of Prefect")
    return value


def _nothing(value: Any) -> None:
    if value is not None:
        raise ValueError("an answer where Prefect gives none")


def _seconds(timestamp: object) -> float:
    return datetime.fromisoformat(timestamp).timestamp() if isinstance(timestamp, str) else 0.0
