"""The outermost layer: request ids, the access log, and an answer even where there is a bug."""

import time
import traceback
from collections.abc import Sequence
from random import Random

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from openrouter_anthropic_server.errors import InternalError
from openrouter_anthropic_server.observability.fingerprints import fingerprint
from openrouter_anthropic_server.routers.error_responses import (
    EVENT_STREAM,
    error_event,
    error_response,
    unexpected_error,
)

_MAX_CORRELATION_ID = 128

# Ids are unique, not secret: the system's own generator would cost 15 us each. Seeded anew in every process, and
# out of reach of a library that seeds the shared one.
_IDS = Random()


class RequestContext:
    """ASGI middleware: sets `scope["state"]["request_id"]`, the `request-id` header, and logs each request."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._logger = structlog.get_logger().bind()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(scope, send)
        try:
            bug = await unexpected_error(self._app, scope, receive, exchange.send)
            if bug is not None:
                self._log_bug(bug, exchange.request_id)
                await exchange.apologise(receive)
        finally:
            self._logger.info("request", **exchange.line())

    def _log_bug(self, error: Exception, request_id: str) -> None:
        trace = "".join(traceback.format_exception(error))
        self._logger.error("bug", request_id=request_id, fingerprint=fingerprint(error), exception=trace)


class _Exchange:
    """One request and what was sent of its answer."""

    __slots__ = ("_began", "_correlation_id", "_headers", "_scope", "_send", "_start", "request_id")

    def __init__(self, scope: Scope, send: Send) -> None:
        self._began = time.perf_counter()
        self.request_id = f"req_{_IDS.getrandbits(96):024x}"
        scope.setdefault("state", {})["request_id"] = self.request_id
        self._scope = scope
        self._send = send
        self._start: Message | None = None
        self._headers = [(b"request-id", self.request_id.encode())]
        self._correlation_id = _correlation_id(scope["headers"])
        if self._correlation_id is not None:
            self._headers.append((b"x-correlation-id", self._correlation_id))

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], *self._headers]
            self._start = message
        await self._send(message)

    async def apologise(self, receive: Receive) -> None:
        """Answer 500, or end a stream that has begun with an `error` event."""
        apology = InternalError("Internal server error")
        if self._start is None:
            await error_response(apology, self.request_id)(self._scope, receive, self.send)
        elif (b"content-type", EVENT_STREAM) in self._start["headers"]:
            body = error_event(apology, self.request_id)
            await self._send({"type": "http.response.body", "body": body, "more_body": False})

    def line(self) -> dict[str, object]:
        """The access log's line."""
        return {
            "request_id": self.request_id,
            "correlation_id": self._correlation_id.decode() if self._correlation_id else None,
            "method": self._scope["method"],
            "path": self._scope["path"],
            "status": self._start["status"] if self._start else None,
            "duration_ms": round((time.perf_counter() - self._began) * 1000, 3),
        }


def _correlation_id(headers: Sequence[tuple[bytes, bytes]]) -> bytes | None:
    """The client's correlation id, if it is short and printable enough to be echoed and logged."""
    for name, value in headers:
        if name == b"x-correlation-id":
            printable = all(32 < byte < 127 for byte in value)  # visible ASCII
            return bytes(value) if 0 < len(value) <= _MAX_CORRELATION_ID and printable else None
    return None
