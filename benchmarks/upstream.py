"""A fake upstream that costs as little as possible: ready answers on a bare asyncio protocol, in its own process.

It speaks the Messages form and the chat-completions form. A body with `"stream": true` gets 50 events,
each its own write.
"""

import argparse
import asyncio
import os
import re
import time
from collections.abc import Callable
from typing import Any, Final, cast

import orjson
import uvloop

PACED_MARKER: Final = b"bench:paced"
"""In a request body: one event every `PACE_SECONDS`, with the time it left (`@<monotonic seconds>@`) in its text."""

SPACED_MARKER: Final = b"bench:spaced"
"""In a request body: one event every `SPACE_SECONDS`, so that every reader sees them one by one."""

PACE_SECONDS: Final = 0.2
SPACE_SECONDS: Final = 0.002
TEXT_EVENTS: Final = 45
ANSWER_TEXT: Final = "The quick brown fox jumps over the lazy dog while the build is running. " * 11
WORD: Final = "a few words of text "
STREAM_TEXT: Final = WORD * TEXT_EVENTS

_MODEL: Final = "bench/upstream"
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_STREAM_HEAD: Final = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
_END_OF_CHUNKS: Final = b"0\r\n\r\n"


def _json_answer(value: object, status: bytes = b"200 OK") -> bytes:
    body = orjson.dumps(value)
    head = b"HTTP/1.1 %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % (status, len(body))
    return head + body


def _chunk(payload: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(payload), payload)


def _event(value: dict[str, object]) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (str(value["type"]).encode(), orjson.dumps(value))


def _data(value: object) -> bytes:
    return b"data: %s\n\n" % orjson.dumps(value)


def messages_delta(text: str) -> bytes:
    """One text event of the Messages form."""
    return _event({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}})


def _messages_frame() -> tuple[list[bytes], list[bytes]]:
    usage = {"input_tokens": 250, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 1}
    message: dict[str, Any] = {
        "id": "msg_bench",
        "type": "message",
        "role": "assistant",
        "model": _MODEL,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": usage,
    }
    before = [
        _event({"type": "message_start", "message": message}),
        _event({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
    ]
    after = [
        _event({"type": "content_block_stop", "index": 0}),
        _event(
            {
                "type": "message_delta",
                "delta": {"stop_reason": "end_turn", "stop_sequence": None},
                "usage": {**usage, "output_tokens": 180},
            }
        ),
        _event({"type": "message_stop"}),
    ]
    return before, after


def _chat_chunk(delta: dict[str, object], finish: str | None = None) -> dict[str, object]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish, "native_finish_reason": finish, "logprobs": None}
    return {
        "id": "gen-bench",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": _MODEL,
        "provider": "Bench",
        "choices": [choice],
    }


_CHAT_USAGE: Final = {
    "prompt_tokens": 250,
    "completion_tokens": 180,
    "total_tokens": 430,
    "prompt_tokens_details": {"cached_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 0},
    "cost": 0.0004,
}


def chat_delta(text: str) -> bytes:
    """One text event of the chat-completions form; every delta repeats the role, as OpenRouter's do."""
    return _data(_chat_chunk({"role": "assistant", "content": text}))


def _chat_frame() -> tuple[list[bytes], list[bytes]]:
    finish = _chat_chunk({"role": "assistant", "content": ""}, "stop")
    usage = {**_chat_chunk({}), "choices": [], "usage": _CHAT_USAGE}
    return [b": OPENROUTER PROCESSING\n\n", chat_delta("")], [_data(finish), _data(usage), b"data: [DONE]\n\n"]


class Form:
    """One wire form: its JSON answer, its stream as ready writes, and how to render a single text event."""

    def __init__(
        self, answer: object, frame: tuple[list[bytes], list[bytes]], render_delta: Callable[[str], bytes]
    ) -> None:
        """`frame` holds the events before and after the text."""
        self.answer = _json_answer(answer)
        self.before, self.after = frame
        self.render_delta = render_delta
        events = [*self.before, *[render_delta(WORD)] * TEXT_EVENTS, *self.after]
        first, *rest = [_chunk(event) for event in events]
        self.writes = (_STREAM_HEAD + first, *rest, _END_OF_CHUNKS)


def _messages_form() -> Form:
    answer = {
        "id": "msg_bench",
        "type": "message",
        "role": "assistant",
        "model": _MODEL,
        "content": [{"type": "text", "text": ANSWER_TEXT}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 250,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "output_tokens": 180,
        },
    }
    return Form(answer, _messages_frame(), messages_delta)


def _chat_form() -> Form:
    message = {"role": "assistant", "content": ANSWER_TEXT, "refusal": None, "reasoning": None}
    choice = {"index": 0, "finish_reason": "stop", "native_finish_reason": "stop", "logprobs": None, "message": message}
    answer = {
        "id": "gen-bench",
        "object": "chat.completion",
        "created": 1,
        "model": _MODEL,
        "provider": "Bench",
        "choices": [choice],
        "usage": _CHAT_USAGE,
    }
    return Form(answer, _chat_frame(), chat_delta)


def _wants_stream(request: bytes) -> bool:
    """From the end, where clients put it: a search through all of a large body would cost more than the rest."""
    at = request.rfind(b'"stream":')
    return at >= 0 and request[at + 9 : at + 14].lstrip().startswith(b"true")


def _write_each(transport: asyncio.Transport, pieces: tuple[bytes, ...]) -> None:
    """One system call per piece: the transport would gather what is written in one turn of the loop into one."""
    socket = transport.get_extra_info("socket").fileno()
    for number, piece in enumerate(pieces):
        try:
            sent = os.write(socket, piece)
        except BlockingIOError:
            sent = 0
        if sent < len(piece):
            transport.write(b"".join([piece[sent:], *pieces[number + 1 :]]))
            return


FORMS: Final = {b"/api/v1/messages": _messages_form(), b"/api/v1/chat/completions": _chat_form()}
_EMPTY_LIST: Final = _json_answer({"data": []})
_NOT_FOUND: Final = _json_answer({"error": {"code": 404, "message": "no such path"}}, b"404 Not Found")


class UpstreamProtocol(asyncio.Protocol):
    """Keep-alive HTTP/1.1, one request at a time, each with a Content-Length or without a body."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """The loop runs the slow streams."""
        self._loop = loop
        self._parts: list[bytes] = []
        self._missing = 0  # bytes of the body that have not arrived
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport to write to."""
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the transport, so that streams under way stop."""
        self._transport = None

    def data_received(self, data: bytes) -> None:
        """Collect bytes, without copying them again and again, and answer when the request is complete."""
        self._parts.append(data)
        if self._missing:
            self._missing -= len(data)
        elif not self._read_head():
            return
        if self._missing <= 0:
            request = b"".join(self._parts)
            self._parts.clear()
            self._missing = 0
            self._answer(request)

    def _read_head(self) -> bool:
        start = b"".join(self._parts)
        end = start.find(b"\r\n\r\n")
        if end < 0:
            return False
        length = _LENGTH.search(start, 0, end)
        self._missing = end + 4 + (int(length.group(1)) if length else 0) - len(start)
        return True

    def _answer(self, request: bytes) -> None:
        transport = self._transport
        if transport is None:
            return
        method, target, _ = request.split(b" ", 2)
        form = FORMS.get(target.partition(b"?")[0])
        if form is None or method != b"POST":
            transport.write(_EMPTY_LIST if method == b"GET" else _NOT_FOUND)
        elif _wants_stream(request):
            self._stream(transport, form, request)
        else:
            transport.write(form.answer)

    def _stream(self, transport: asyncio.Transport, form: Form, request: bytes) -> None:
        if PACED_MARKER in request:
            self._paced(form, 0)
        elif SPACED_MARKER in request:
            self._spaced(form, 0)
        else:
            _write_each(transport, form.writes)

    def _spaced(self, form: Form, number: int) -> None:
        if self._transport is None or number == len(form.writes):
            return
        self._transport.write(form.writes[number])
        self._loop.call_later(SPACE_SECONDS, self._spaced, form, number + 1)

    def _paced(self, form: Form, number: int) -> None:
        if self._transport is None:
            return
        if number == 0:
            self._transport.write(_STREAM_HEAD + b"".join(map(_chunk, form.before)))
        if number == TEXT_EVENTS:
            self._transport.write(b"".join(map(_chunk, form.after)) + _END_OF_CHUNKS)
            return
        self._transport.write(_chunk(form.render_delta(f"@{time.monotonic():.6f}@")))
        self._loop.call_later(PACE_SECONDS, self._paced, form, number + 1)


async def serve(port: int) -> None:
    """Answer on 127.0.0.1:`port` until cancelled."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: UpstreamProtocol(loop), "127.0.0.1", port, backlog=4096)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    uvloop.run(serve(parser.parse_args().port))
