"""Requests and readers that the API tests share."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import orjson

VERSION = {"anthropic-version": "2023-06-01", "x-api-key": "any-key"}


def body(model: str = "demo", **more: Any) -> dict[str, Any]:
    """A small valid request; `more` overrides."""
    return {"model": model, "max_tokens": 256, "messages": [{"role": "user", "content": "Say hello."}]} | more


def user(*blocks: dict[str, Any]) -> list[dict[str, Any]]:
    """Messages with one user turn of blocks."""
    return [{"role": "user", "content": list(blocks)}]


def post(http: httpx.Client, url: str, request: object, **headers: str) -> httpx.Response:
    """`POST /v1/messages`; header names with `_` for `-`."""
    extra = {name.replace("_", "-"): value for name, value in headers.items()}
    return http.post(f"{url}/v1/messages", json=request, headers=VERSION | extra)


def post_raw(http: httpx.Client, url: str, content: bytes | Iterable[bytes], **headers: str) -> httpx.Response:
    """`POST /v1/messages` with any bytes; an iterable is sent chunked, without a length."""
    extra = {name.replace("_", "-"): value for name, value in headers.items()}
    given = VERSION | {"content-type": "application/json"} | extra
    return http.post(f"{url}/v1/messages", content=content, headers=given)


def assert_error(response: httpx.Response, status: int, kind: str, *mentions: str) -> str:
    """The answer is an Anthropic error envelope; gives its message."""
    assert response.status_code == status, response.text
    envelope = response.json()
    assert envelope["type"] == "error"
    assert envelope["error"]["type"] == kind
    assert envelope["request_id"] == response.headers["request-id"]
    message = envelope["error"]["message"]
    assert isinstance(message, str)
    for mention in mentions:
        assert mention in message
    return message


@dataclass(frozen=True, slots=True)
class Event:
    """One SSE event: the name of its `event:` line and its data."""

    name: str
    data: dict[str, Any]


def stream(http: httpx.Client, url: str, request: dict[str, Any]) -> list[Event]:
    """Post with `stream` and read all events; the status must be 200."""
    response = post(http, url, request | {"stream": True})
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("text/event-stream")
    return list(events(response.content))


def events(content: bytes) -> Iterator[Event]:
    """The events of a whole SSE body; every frame must have a name equal to its type."""
    for frame in content.decode().replace("\r\n", "\n").split("\n\n"):
        lines = [line for line in frame.split("\n") if line and not line.startswith(":")]
        if not lines:
            continue
        fields = dict(line.split(": ", 1) for line in lines)
        data = orjson.loads(fields["data"])
        assert fields["event"] == data["type"]
        yield Event(fields["event"], data)


def names(found: Iterable[Event]) -> list[str]:
    """Event names without pings."""
    return [event.name for event in found if event.name != "ping"]


def text_of(found: Iterable[Event]) -> str:
    """All text deltas joined."""
    return "".join(event.data["delta"].get("text", "") for event in found if event.name == "content_block_delta")


def assert_blocks_do_not_overlap(found: Iterable[Event]) -> None:
    """Blocks open and close one after the other, indexes count up from 0."""
    opened: int | None = None
    expected = 0
    for event in found:
        match event.name:
            case "content_block_start":
                assert opened is None
                assert event.data["index"] == expected
                opened, expected = expected, expected + 1
            case "content_block_delta":
                assert event.data["index"] == opened
            case "content_block_stop":
                assert event.data["index"] == opened
                opened = None
            case _:
                continue
    assert opened is None


Change = Callable[[dict[str, Any]], object]
