"""Every error leaves as an Anthropic envelope: our own, the framework's, and bugs."""

import traceback
from http import HTTPStatus
from typing import Any

import orjson
import structlog
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from openrouter_anthropic_server.errors import (
    GatewayError,
    InternalError,
    InvalidRequestError,
    MethodNotAllowedError,
    NotFoundError,
)
from openrouter_anthropic_server.observability.fingerprints import fingerprint

EVENT_STREAM = b"text/event-stream; charset=utf-8"

_SERVED = "POST /v1/messages, POST /v1/messages/count_tokens, GET /v1/models, GET /v1/models/{id}, GET /health"


def error_response(error: GatewayError, request_id: str) -> Response:
    """The answer that carries `error`."""
    headers = dict(error.headers)
    if error.final:
        headers.setdefault("x-should-retry", "false")
    return Response(
        orjson.dumps(error.envelope(request_id)), error.status, headers=headers, media_type="application/json"
    )


def error_event(error: GatewayError, request_id: str) -> bytes:
    """The SSE event that carries `error` once an answer has begun."""
    return b"event: error\ndata: " + orjson.dumps(error.envelope(request_id)) + b"\n\n"


async def on_gateway_error(request: Request, error: Exception) -> Response:
    """Handler of `GatewayError`."""
    assert isinstance(error, GatewayError)
    return error_response(error, request.scope["state"]["request_id"])


async def on_http_exception(request: Request, error: Exception) -> Response:
    """Handler of the framework's own refusals: unknown paths and methods."""
    assert isinstance(error, HTTPException)
    ours: GatewayError
    if error.status_code == HTTPStatus.NOT_FOUND:
        ours = NotFoundError(_not_found_text(request.url.path))
    elif error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = (error.headers or {}).get("Allow", "")
        ours = MethodNotAllowedError(
            f"{request.method} is not allowed here; allowed: {allowed}", headers={"allow": allowed}
        )
    else:
        ours = InvalidRequestError(str(error.detail))
    return error_response(ours, request.scope["state"]["request_id"])


async def on_validation_error(request: Request, error: Exception) -> Response:
    """Handler of the framework's validation of query parameters."""
    assert isinstance(error, RequestValidationError)
    first: dict[str, Any] = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"][1:])
    return error_response(InvalidRequestError(f"{field}: {first['msg']}"), request.scope["state"]["request_id"])


class LastResort:
    """ASGI middleware that turns a bug into a 500 envelope (in a stream: an `error` event), and logs it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._logger = structlog.get_logger()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start: Message | None = None

        async def noticing_send(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = message
            await send(message)

        try:
            await self._app(scope, receive, noticing_send)
        except Exception as error:
            request_id = scope["state"]["request_id"]
            self._logger.error("bug", request_id=request_id, fingerprint=fingerprint(error), exception=_trace(error))
            apology = InternalError("Internal server error")
            if start is None:
                await error_response(apology, request_id)(scope, receive, send)
            elif (b"content-type", EVENT_STREAM) in start["headers"]:
                body = error_event(apology, request_id)
                await send({"type": "http.response.body", "body": body, "more_body": False})


def _trace(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))


def _not_found_text(path: str) -> str:
    if path.startswith("/v1/v1/"):
        return f"{path} is not served: the base URL must not end in /v1 (ANTHROPIC_BASE_URL=http://HOST:PORT)"
    return f"{path} is not served here. Served are: {_SERVED}"
