"""Events of the Messages API as chunks of OpenAI's chat completions."""

from collections.abc import Callable, Mapping
from typing import Any

from openrouter_anthropic_server.anthropic_types.events import StreamEvent
from openrouter_anthropic_server.conversion.json_text import dump_json
from openrouter_anthropic_server.conversion.openai_reasoning import detail_of_block
from openrouter_anthropic_server.conversion.universal_answers import (
    AnswerOrigin,
    beginning_of,
    completion_id,
    is_represented,
)
from openrouter_anthropic_server.conversion.universal_terms import annotation_of, ending_of, openai_reason, openai_usage
from openrouter_anthropic_server.errors import GatewayError
from openrouter_anthropic_server.streaming.universal_blocks import BlockReader, OpenBlock

_DONE = b"data: [DONE]\n\n"
_THINKING = ("thinking", "redacted_thinking")

Json = dict[str, Any]


class OpenAiChunks:
    """Feed every event of one answer; bytes of SSE come out. With `include_usage` a chunk of usage is the last one.

    Text and arguments of calls come piece by piece. Thinking comes as `reasoning_content`, and once more as one
    whole entry of `reasoning_details` with its signature: what has to be sent back. What chunks have no place for
    (blocks of server tools, the exact stop reason) stands in `provider_metadata` beside the choices.
    """

    __slots__ = ("_details", "_head", "_include_usage", "_origin", "_reader", "_usage")

    def __init__(self, origin: AnswerOrigin, *, include_usage: bool = False) -> None:
        self._origin = origin
        self._include_usage = include_usage
        self._reader = BlockReader()
        self._head: Json = {}
        self._usage: Json = {}
        self._details = 0

    def feed(self, event: StreamEvent) -> bytes:
        """The chunks for one event."""
        handle = _HANDLERS.get(event["type"])
        return b"" if handle is None else handle(self, event)

    def _start(self, event: StreamEvent) -> bytes:
        message = event["message"]
        self._head = {
            "id": completion_id(message),
            "object": "chat.completion.chunk",
            "created": self._origin.created,
            "model": message.get("model"),
        }
        self._usage = dict(message.get("usage") or {})
        metadata = beginning_of(message, self._origin)
        return self._chunk({"role": "assistant", "content": ""}, metadata=metadata)

    def _begin(self, event: StreamEvent) -> bytes:
        block = self._reader.begin(event)
        start = block.start
        if block.kind == "tool_use":
            function = {"name": start.get("name"), "arguments": ""}
            call = {"index": block.number, "id": start.get("id"), "type": "function", "function": function}
            return self._chunk({"tool_calls": [call]})
        if block.kind == "text" and start.get("text"):
            return self._chunk({"content": start["text"]})
        return b""

    def _delta(self, event: StreamEvent) -> bytes:
        block, delta, piece = self._reader.add(event)
        if not piece:
            return self._citation(delta) if delta["type"] == "citations_delta" else b""
        if block.kind == "text":
            return self._chunk({"content": piece})
        if block.kind == "thinking":
            return self._chunk({"reasoning_content": piece})
        if block.kind == "tool_use":
            return self._arguments(block, piece)
        return b""

    def _end(self, event: StreamEvent) -> bytes:
        block = self._reader.end(event)
        if block.kind == "tool_use" and not block.pieces:
            return self._arguments(block, dump_json(block.start.get("input") or {}).decode())
        if block.kind in _THINKING:
            self._details += 1
            return self._chunk({"reasoning_details": [detail_of_block(block.whole(), self._details - 1)]})
        return b"" if is_represented(block.kind) else self._chunk({}, metadata={"blocks": [block.whole()]})

    def _finish(self, event: StreamEvent) -> bytes:
        totals = event.get("usage") or {}
        self._usage |= {name: value for name, value in totals.items() if value is not None}
        delta = event["delta"]
        metadata = ending_of(event, self._usage)
        return self._chunk({}, reason=openai_reason(delta.get("stop_reason")), metadata=metadata)

    def _stop(self, event: StreamEvent) -> bytes:
        if not self._include_usage:
            return _DONE
        return _sse({**self._head, "choices": [], "usage": openai_usage(self._usage)}) + _DONE

    def _arguments(self, block: OpenBlock, piece: str) -> bytes:
        return self._chunk({"tool_calls": [{"index": block.number, "function": {"arguments": piece}}]})

    def _citation(self, delta: Json) -> bytes:
        annotation = annotation_of(delta["citation"])
        metadata = {"citation": delta["citation"]}
        return self._chunk({} if annotation is None else {"annotations": [annotation]}, metadata=metadata)

    def _chunk(self, delta: Json, *, reason: str | None = None, metadata: Json | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        chunk = {**self._head, "choices": [choice]}
        if self._include_usage:
            chunk["usage"] = None
        return _sse(chunk | {"provider_metadata": metadata} if metadata else chunk)


_HANDLERS: Mapping[str, Callable[[OpenAiChunks, StreamEvent], bytes]] = {
    "message_start": OpenAiChunks._start,
    "content_block_start": OpenAiChunks._begin,
    "content_block_delta": OpenAiChunks._delta,
    "content_block_stop": OpenAiChunks._end,
    "message_delta": OpenAiChunks._finish,
    "message_stop": OpenAiChunks._stop,
}


def openai_error(error: GatewayError, request_id: str) -> bytes:
    """The frame that ends a stream which failed; the official clients raise it."""
    body = {"message": error.message, "type": error.type, "param": None, "code": error.status}
    return _sse({"error": body, "request_id": request_id})


def _sse(chunk: Json) -> bytes:
    return b"data: " + dump_json(chunk) + b"\n\n"
