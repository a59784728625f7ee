"""Every error leaves as an Anthropic envelope: our own, the framework's, and bugs."""

from http import HTTPStatus

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from openrouter_anthropic_server.errors import (
    GatewayError,
    InvalidRequestError,
    MethodNotAllowedError,
    NotFoundError,
)
from openrouter_anthropic_server.routers.json_answer import JsonAnswer

EVENT_STREAM = b"text/event-stream; charset=utf-8"

CLIENT_CLOSED_REQUEST = 499
"""What the log shows for a client that did not wait for its answer."""

_SERVED = (
    "POST /v1/messages, POST /v1/messages/count_tokens, GET /v1/models, GET /v1/models/{id}, GET /health,"
    " POST /v1/universal/stream, GET /v1/universal/providers, GET /v1/universal/health,"
    " GET /health/detailed, GET /metrics, GET /runs/{request id}, GET /runs?session={id}"
)


def error_response(error: GatewayError, request_id: str) -> Response:
    """The answer that carries `error`."""
    headers = dict(error.headers)
    if error.final:
        headers.setdefault("x-should-retry", "false")
    return JsonAnswer(orjson.dumps(error.envelope(request_id)), headers, error.status)


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


async def on_client_disconnect(_request: Request, _error: Exception) -> Response:
    """Handler of clients that leave while they send: nobody reads the answer, only the log does."""
    return Response(status_code=CLIENT_CLOSED_REQUEST)


async def unexpected_error(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> Exception | None:
    """Serve a request; returns the exception that no handler knew: a bug, which must not cut the connection."""
    try:
        await app(scope, receive, send)
    except Exception as error:
        return error
    return None


def _not_found_text(path: str) -> str:
    if path.startswith("/v1/v1/"):
        return f"{path} is not served: the base URL must not end in /v1 (ANTHROPIC_BASE_URL=http://HOST:PORT)"
    return f"{path} is not served here. Served are: {_SERVED}"
