"""A streamed answer: prints SSE bytes as they come, pings in silence, stops when the client goes."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing

from starlette.background import BackgroundTask
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from openrouter_anthropic_server.errors import GatewayError
from openrouter_anthropic_server.routers.disconnects import DisconnectWatch
from openrouter_anthropic_server.routers.error_responses import EVENT_STREAM
from openrouter_anthropic_server.routers.json_answer import encoded_headers
from openrouter_anthropic_server.streaming.answer_writers import MESSAGES_MANNERS, StreamManners

_HEADERS = [
    (b"content-type", EVENT_STREAM),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]


class EventStream(Response):
    """Sends `events` to the client.

    The answer begins with the first bytes, so that a failure before them can still be raised as a
    real HTTP error; but after `ping_interval_seconds` of silence it begins with a ping, and a later
    failure becomes an `error` event. `headers` may be filled until the answer begins. `manners`: how pings
    and failures look in the form of the answer, by default that of the Messages API.
    """

    def __init__(
        self,
        events: AsyncGenerator[bytes, None],
        *,
        answer_headers: Mapping[str, str],
        request_id: str,
        ping_interval_seconds: float,
        manners: StreamManners = MESSAGES_MANNERS,
    ) -> None:
        self.background: BackgroundTask | None = None
        self._events = events
        self._answer_headers = answer_headers
        self._request_id = request_id
        self._ping_interval = ping_interval_seconds
        self._manners = manners

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer."""
        printer = _Printer(send, self._answer_headers, self._ping_interval, self._manners.ping)
        async with DisconnectWatch(receive), aclosing(self._events):
            try:
                async for data in self._events:
                    await printer.write(data)
            except GatewayError as error:
                if not printer.begun:
                    raise
                await printer.write(self._manners.failure(error, self._request_id))
            finally:
                await printer.stop_pinging()
            await printer.finish()


class _Printer:
    """Writes the answer's messages, one at a time, and pings between events when nothing else is written."""

    def __init__(self, send: Send, headers: Mapping[str, str], interval: float, ping: bytes) -> None:
        self._send = send
        self._headers = headers
        self._interval = interval
        self._ping_bytes = ping
        self._loop = asyncio.get_running_loop()
        self._last = self._loop.time()
        self._timer = self._loop.call_later(interval, self._on_timer)
        self._ping: asyncio.Task[None] | None = None
        self._writing = False
        self._at_boundary = True
        self._started = False
        self.begun = False

    async def write(self, data: bytes) -> None:
        if self._ping is not None:
            await self._ping
        self._writing = True
        await self._put(data)
        self._writing = False

    async def finish(self) -> None:
        if not self._started:
            await self._put(b"")
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def stop_pinging(self) -> None:
        self._timer.cancel()
        if self._ping is not None:
            await self._ping

    async def _put(self, data: bytes) -> None:
        if not self._started:
            self._started = self.begun = True
            headers = [*_HEADERS, *encoded_headers(self._headers)]
            await self._send({"type": "http.response.start", "status": 200, "headers": headers})
        self._at_boundary = data.endswith((b"\n\n", b"\r\n\r\n", b"\r\r"))
        await self._send({"type": "http.response.body", "body": data, "more_body": True})
        self._last = self._loop.time()

    def _on_timer(self) -> None:
        silence = self._loop.time() - self._last
        due = silence >= self._interval * 0.99
        if due and not self._writing and self._at_boundary:
            self._ping = self._loop.create_task(self._put_ping())
            self.begun = True  # from here on a failure can only be an event
            silence = 0.0
        self._timer = self._loop.call_later(max(self._interval - silence, 0.05), self._on_timer)

    async def _put_ping(self) -> None:
        await self._put(self._ping_bytes)
        self._ping = None
