"""What a run holds while it waits for the upstream: not the parts of its request, which are many times its text."""

import asyncio
import gc
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest

from openrouter_anthropic_server.settings import load_settings
from openrouter_anthropic_server.wiring import open_services
from openrouter_anthropic_server.workflows.messages import create_message, receive_message

MARKER = "a text that no other test has: 5f1c"
CONTENT = [{"type": "text", "text": MARKER}]
REQUEST = {"max_tokens": 9, "messages": [{"role": "user", "content": CONTENT}]}
ANSWERS = {
    "messages": {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [{"type": "text", "text": "Hello"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 9, "output_tokens": 1},
    },
    "chat": {
        "id": "gen-1",
        "object": "chat.completion",
        "model": "m",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hello"}}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10},
    },
}


class SlowUpstream:
    """Reads a request without looking into it, and answers when it is told to."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.answer = b""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection with one request."""
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(int(length.partition(b":")[2]))
        self.asked.set()
        await self.may_answer.wait()
        headers = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n"
        writer.write(headers + b"content-length: %d\r\n\r\n" % len(self.answer) + self.answer)
        await writer.drain()
        writer.close()


@pytest.fixture(name="upstream")
async def _upstream(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[SlowUpstream]:
    upstream = SlowUpstream()
    async with await asyncio.start_server(upstream.serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        settings = {
            "PROXY_BACKEND": "OPENROUTER",
            "OPENROUTER_API_KEY": "key",
            "OPENROUTER_BASE_URL": f"http://127.0.0.1:{port}/api/v1",
            "RECORDING": "off",
            "DATA_DIR": str(tmp_path),
        }
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        yield upstream


@pytest.mark.parametrize(("wire", "model"), [("messages", "anthropic/claude-sonnet-4.5"), ("chat", "openai/gpt-5")])
async def test_the_parsed_request_is_gone_while_the_upstream_works(
    upstream: SlowUpstream, wire: str, model: str
) -> None:
    upstream.answer = orjson.dumps(ANSWERS[wire])
    raw = orjson.dumps({"model": model, **REQUEST})
    async with open_services(await asyncio.to_thread(load_settings, None)) as services:
        call = receive_message("req_1", raw, {})
        assert _parts_with_the_marker() == 1
        answering = asyncio.create_task(create_message(call, services))
        async with asyncio.timeout(30):
            await upstream.asked.wait()

        held = _parts_with_the_marker()
        upstream.may_answer.set()
        answer = await answering
    assert held == 0
    assert orjson.loads(answer.body)["content"] == [{"type": "text", "text": "Hello"}]
    assert call.body == orjson.loads(raw)


def _parts_with_the_marker() -> int:
    """How many lists of blocks or messages there are in parsed and converted requests, besides the test's own."""
    return sum(
        thing is not CONTENT and type(thing) is list and any(map(_is_marked, thing)) for thing in gc.get_objects()
    )


def _is_marked(thing: object) -> bool:
    return type(thing) is dict and MARKER in [value for value in tuple(thing.values()) if type(value) is str]
