"""A reverse proxy before a real Prefect server that fails on demand, also after it has passed a request on."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Literal, Self

import aiohttp
from aiohttp import web

from tests.server_process import free_port

FaultKind = Literal[
    "cut_before", "cut_after", "hang_after", "busy", "gone_503", "too_many_429", "broken_500", "html_200", "swallowed"
]
Hits = Callable[[str, str, bytes], bool]
"""Whether a request is hit, by its method, path and body."""

_ANSWERS: dict[FaultKind, tuple[int, str, str, dict[str, str]]] = {
    "busy": (503, "application/json", '{"exception_message":"Service Unavailable"}', {}),
    "gone_503": (503, "text/html", "<html>no backend</html>", {"Retry-After": "0.3"}),
    "too_many_429": (429, "text/plain", "slow down", {"Retry-After": "0.3"}),
    "broken_500": (500, "application/json", '{"exception_message":"Internal Server Error"}', {}),
    "swallowed": (204, "application/json", "", {}),
    "html_200": (200, "text/html", "<html>please log in</html>", {}),
}


@dataclass(slots=True)
class Fault:
    """What goes wrong, and for which requests."""

    kind: FaultKind
    hits: Hits


@dataclass(slots=True)
class FaultProxy:
    """Passes everything to `target` (an origin) from a port of its own, in a thread of its own.

    `requests` are those that came, as method and path; `faults` how many of them went wrong.
    """

    target: str
    requests: list[tuple[str, str]] = field(default_factory=list)
    faults: int = 0
    port: int = field(default_factory=free_port)
    _fault: Fault | None = None
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _thread: threading.Thread | None = None
    _session: aiohttp.ClientSession | None = None
    _runner: web.AppRunner | None = None

    @property
    def api_url(self) -> str:
        """The address of Prefect's API behind it."""
        return f"http://127.0.0.1:{self.port}/api"

    def start(self) -> Self:
        """Listen."""
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault-proxy", daemon=True)
        self._thread.start()
        self._run(self._open())
        return self

    def stop(self) -> None:
        """End it."""
        self._run(self._close())
        self._run(self._end_requests())
        if self._session is not None:
            self._run(self._session.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        if self._thread is not None:
            self._thread.join(5)
        self._loop.close()

    def refuse(self) -> None:
        """Take no connections, and drop those that there are."""
        self._run(self._close())

    def accept(self) -> None:
        """Take connections again."""
        self._run(self._open())

    def inject(self, kind: FaultKind, hits: Hits = lambda *_: True) -> None:
        """From now on fail like this for the requests that are hit."""
        self._fault = Fault(kind, hits)

    def heal(self) -> None:
        """Fail no more."""
        self._fault = None

    async def _open(self) -> None:
        if self._session is None:
            self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        application = web.Application(client_max_size=64 << 20)
        application.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()

    async def _close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _end_requests(self) -> None:
        """Those that are never answered."""
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        path = request.path.removeprefix("/api")
        self.requests.append((request.method, path))
        fault = self._fault
        if fault is not None and not fault.hits(request.method, path, await request.read()):
            fault = None
        self.faults += fault is not None
        if fault is not None and fault.kind in _ANSWERS:
            status, content_type, text, headers = _ANSWERS[fault.kind]
            return web.Response(status=status, content_type=content_type, text=text, headers=headers)
        if fault is not None and fault.kind == "cut_before":
            return _cut(request)
        response = await self._pass_on(request)
        if fault is not None and fault.kind == "hang_after":
            await asyncio.sleep(30)
        return _cut(request) if fault is not None else response

    async def _pass_on(self, request: web.Request) -> web.Response:
        assert self._session is not None
        headers = {"Content-Type": request.headers.get("Content-Type", "application/json"), "Connection": "close"}
        data = await request.read()
        try:
            async with self._session.request(
                request.method, self.target + request.path_qs, data=data or None, headers=headers
            ) as answer:
                return web.Response(status=answer.status, body=await answer.read(), content_type=answer.content_type)
        except aiohttp.ClientError:
            return web.Response(status=502, text="no backend")

    def _run(self, work: Coroutine[None, None, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)


def _cut(request: web.Request) -> web.Response:
    """Close the connection; the answer goes nowhere."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
