"""A streamed answer at the ASGI level: bytes as they come, pings in silence, errors, disconnects."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Any

import pytest

from openrouter_anthropic_server.errors import OverloadedError
from openrouter_anthropic_server.routers.event_stream import EventStream
from openrouter_anthropic_server.streaming.sse import PING

Events = AsyncGenerator[bytes, None]
FRAME = b"event: x\ndata: {}\n\n"


class Client:
    """The client's end of one request: collects what is sent, and can go away."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.gone = asyncio.Event()
        self.changed = asyncio.Event()

    async def receive(self) -> dict[str, Any]:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        self.sent.append(message)
        self.changed.set()

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(2):
            while not condition():
                self.changed.clear()
                await self.changed.wait()


@pytest.fixture(name="client")
def _client() -> Client:
    return Client()


def _stream(events: Events, *, ping_interval: float = 60.0, headers: dict[str, str] | None = None) -> EventStream:
    return EventStream(
        events,
        answer_headers={} if headers is None else headers,
        request_id="req_1",
        ping_interval_seconds=ping_interval,
    )


async def _serve(stream: EventStream, client: Client) -> None:
    await stream({"type": "http"}, client.receive, client.send)


async def test_bytes_go_out_one_message_each_and_then_the_end(client: Client) -> None:
    headers: dict[str, str] = {}

    async def events() -> Events:
        headers["x-model"] = "m"
        yield FRAME
        yield FRAME

    await _serve(_stream(events(), headers=headers), client)

    start, *bodies = client.sent
    assert start["status"] == 200
    assert (b"x-model", b"m") in start["headers"]
    assert [(message["body"], message["more_body"]) for message in bodies] == [
        (FRAME, True),
        (FRAME, True),
        (b"", False),
    ]


async def test_a_failure_before_the_first_byte_is_raised_for_a_real_status(client: Client) -> None:
    async def events() -> Events:
        raise OverloadedError("busy")
        yield b""

    with pytest.raises(OverloadedError):
        await _serve(_stream(events()), client)

    assert client.sent == []


async def test_a_failure_after_the_first_byte_is_an_error_event(client: Client) -> None:
    async def events() -> Events:
        yield FRAME
        raise OverloadedError("busy")

    await _serve(_stream(events()), client)

    assert b"event: error\ndata: " in client.body
    assert b'"overloaded_error"' in client.body
    assert b'"request_id":"req_1"' in client.body
    assert client.sent[-1]["more_body"] is False


async def test_silence_before_the_first_byte_opens_the_answer_with_pings(client: Client) -> None:
    release = asyncio.Event()

    async def events() -> Events:
        await release.wait()
        yield FRAME

    serving = asyncio.ensure_future(_serve(_stream(events(), ping_interval=0.02), client))
    await client.until(lambda: client.body.count(PING) >= 2)
    release.set()
    await serving

    assert client.sent[0]["status"] == 200
    assert client.body.endswith(FRAME)


async def test_no_ping_falls_into_an_unfinished_event(client: Client) -> None:
    release = asyncio.Event()

    async def events() -> Events:
        yield FRAME[:7]
        await release.wait()
        yield FRAME[7:]

    serving = asyncio.ensure_future(_serve(_stream(events(), ping_interval=0.01), client))
    await asyncio.sleep(0.08)
    release.set()
    await serving

    assert client.body == FRAME


async def test_a_busy_stream_is_not_pinged(client: Client) -> None:
    async def events() -> Events:
        for _ in range(20):
            yield FRAME
            await asyncio.sleep(0.005)

    await _serve(_stream(events(), ping_interval=0.5), client)

    assert PING not in client.body


async def test_the_clients_leaving_closes_the_events_at_once(client: Client) -> None:
    closed = asyncio.Event()

    async def events() -> Events:
        try:
            yield FRAME
            await asyncio.Event().wait()
        finally:
            closed.set()

    serving = asyncio.ensure_future(_serve(_stream(events()), client))
    await client.until(lambda: FRAME in client.body)
    client.gone.set()
    async with asyncio.timeout(1):
        await serving

    assert closed.is_set()


async def test_an_empty_stream_is_still_a_complete_answer(client: Client) -> None:
    async def events() -> Events:
        return
        yield b""

    await _serve(_stream(events()), client)

    assert [message["type"] for message in client.sent] == [
        "http.response.start",
        "http.response.body",
        "http.response.body",
    ]
