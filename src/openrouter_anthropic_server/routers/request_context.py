"""Gives every request its id, echoes the correlation id, and writes the access log."""

import time
from secrets import token_hex

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_MAX_CORRELATION_ID = 128


class RequestContext:
    """ASGI middleware, outermost: sets `scope["state"]["request_id"]` and the `request-id` header."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._logger = structlog.get_logger()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = f"req_{token_hex(12)}"
        scope.setdefault("state", {})["request_id"] = request_id
        extra = [(b"request-id", request_id.encode())]
        correlation_id = _correlation_id(scope)
        if correlation_id:
            extra.append((b"x-correlation-id", correlation_id))
        began = time.perf_counter()
        status = 0

        async def tagging_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], *extra]
            await send(message)

        try:
            await self._app(scope, receive, tagging_send)
        finally:
            self._logger.info(
                "request",
                request_id=request_id,
                correlation_id=correlation_id.decode("latin-1") if correlation_id else None,
                method=scope["method"],
                path=scope["path"],
                status=status,
                duration_ms=round((time.perf_counter() - began) * 1000, 3),
            )


def _correlation_id(scope: Scope) -> bytes | None:
    """The client's correlation id, if it is short and printable enough to be echoed and logged."""
    for name, value in scope["headers"]:
        if name == b"x-correlation-id":
            printable = all(32 < byte < 127 for byte in value)
            return bytes(value) if 0 < len(value) <= _MAX_CORRELATION_ID and printable else None
    return None
