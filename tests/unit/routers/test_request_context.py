"""The outermost layer: ids, the access log, and an answer even where there is a bug."""

from typing import Any

import orjson
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send
from structlog.testing import capture_logs

from openrouter_anthropic_server.routers.request_context import RequestContext

STREAM = [(b"content-type", b"text/event-stream; charset=utf-8")]


async def _receive() -> dict[str, Any]:
    return {"type": "http.disconnect"}


async def _serve(app: ASGIApp, headers: list[tuple[bytes, bytes]] | None = None) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/v1/messages", "headers": headers or []}
    await RequestContext(app)(scope, _receive, send)
    return sent


def _failing(*first: dict[str, Any]) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for message in first:
            await send(message)
        raise ZeroDivisionError("secret words")

    return app


def _start(headers: list[tuple[bytes, bytes]]) -> dict[str, Any]:
    return {"type": "http.response.start", "status": 200, "headers": headers}


async def test_a_bug_before_the_answer_is_a_500_envelope_with_the_request_id() -> None:
    with capture_logs() as logs:
        start, body = await _serve(_failing())

    envelope = orjson.loads(body["body"])
    assert start["status"] == 500
    assert envelope["error"] == {"type": "api_error", "message": "Internal server error"}
    assert (b"request-id", envelope["request_id"].encode()) in start["headers"]
    bug, request = logs
    assert (bug["event"], bug["request_id"]) == ("bug", envelope["request_id"])
    assert "ZeroDivisionError" in bug["exception"]
    assert (request["event"], request["status"]) == ("request", 500)


async def test_a_bug_inside_a_stream_ends_it_with_an_error_event() -> None:
    _, body = await _serve(_failing(_start(STREAM)))

    assert body["body"].startswith(b"event: error\ndata: ")
    assert body["more_body"] is False
    assert b"secret words" not in body["body"]


async def test_a_bug_inside_another_answer_breaks_it_off() -> None:
    sent = await _serve(_failing(_start([(b"content-type", b"application/json")])))

    assert [message["type"] for message in sent] == ["http.response.start"]


async def _fine(scope: Scope, receive: Receive, send: Send) -> None:
    await send(_start([]))
    await send({"type": "http.response.body", "body": b""})


@pytest.mark.parametrize(
    ("value", "echoed"),
    [(b"trace-1", True), (b"", False), (b"two words", False), (b"x" * 129, False), (b"\xff", False)],
)
async def test_a_correlation_id_is_echoed_if_it_is_short_and_printable(value: bytes, echoed: bool) -> None:
    start, _ = await _serve(_fine, [(b"x-correlation-id", value)])

    assert ((b"x-correlation-id", value) in start["headers"]) is echoed


async def test_every_request_has_an_id_of_its_own() -> None:
    ids = {dict((await _serve(_fine))[0]["headers"])[b"request-id"] for _ in range(100)}

    assert len(ids) == 100
    assert all(one.startswith(b"req_") for one in ids)
