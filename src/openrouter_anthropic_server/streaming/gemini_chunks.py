"""Events of the Messages API as the chunks of Gemini's `streamGenerateContent?alt=sse`."""

from collections.abc import Callable, Mapping
from typing import Any

from openrouter_anthropic_server.anthropic_types.events import StreamEvent
from openrouter_anthropic_server.conversion.json_text import dump_json
from openrouter_anthropic_server.conversion.universal_answers import (
    AnswerOrigin,
    beginning_of,
    gemini_parts,
    is_represented,
    signature_parts,
)
from openrouter_anthropic_server.conversion.universal_terms import (
    ending_of,
    gemini_reason,
    gemini_status,
    gemini_usage,
)
from openrouter_anthropic_server.errors import GatewayError
from openrouter_anthropic_server.streaming.universal_blocks import BlockReader

_THINKING = ("thinking", "redacted_thinking")

Json = dict[str, Any]


class GeminiChunks:
    """Feed every event of one answer; bytes of SSE come out. There is no end marker.

    Text and thoughts (if the client wants them) come piece by piece, a call whole, as Gemini sends it; the signature
    of a thought on an empty thought part at its end. What parts have no place for stands in
    `providerMetadata` beside the candidates.
    """

    __slots__ = ("_head", "_origin", "_reader", "_usage")

    def __init__(self, origin: AnswerOrigin) -> None:
        self._origin = origin
        self._reader = BlockReader()
        self._head: Json = {}
        self._usage: Json = {}

    def feed(self, event: StreamEvent) -> bytes:
        """The chunks for one event."""
        handle = _HANDLERS.get(event["type"])
        return b"" if handle is None else handle(self, event)

    def _start(self, event: StreamEvent) -> bytes:
        message = event["message"]
        self._head = {"modelVersion": message.get("model"), "responseId": message.get("id")}
        self._usage = dict(message.get("usage") or {})
        metadata = beginning_of(message, self._origin)
        return self._chunk([], metadata=metadata)

    def _begin(self, event: StreamEvent) -> bytes:
        block = self._reader.begin(event)
        text = block.start.get("text") if block.kind == "text" else None
        return self._chunk([{"text": text}]) if text else b""

    def _delta(self, event: StreamEvent) -> bytes:
        block, delta, piece = self._reader.add(event)
        if delta["type"] == "citations_delta":
            return self._chunk([], metadata={"citation": delta["citation"]})
        if not piece or block.kind not in ("text", "thinking"):
            return b""
        if block.kind == "text":
            return self._chunk([{"text": piece}])
        return self._chunk([{"text": piece, "thought": True}]) if self._origin.include_thoughts else b""

    def _end(self, event: StreamEvent) -> bytes:
        block = self._reader.end(event)
        if block.kind == "tool_use":
            return self._chunk(gemini_parts(block.whole(), self._origin))
        if block.kind in _THINKING:
            parts = signature_parts(block.whole(), self._origin)
            return self._chunk(parts) if parts else b""
        return b"" if is_represented(block.kind) else self._chunk([], metadata={"blocks": [block.whole()]})

    def _finish(self, event: StreamEvent) -> bytes:
        totals = event.get("usage") or {}
        self._usage |= {name: value for name, value in totals.items() if value is not None}
        delta = event["delta"]
        metadata = ending_of(event, self._usage)
        return self._chunk([], reason=gemini_reason(delta.get("stop_reason")), metadata=metadata)

    def _chunk(self, parts: list[Json], *, reason: str | None = None, metadata: Json | None = None) -> bytes:
        candidate: Json = {"content": {"role": "model", "parts": parts}, "index": 0}
        chunk: Json = {"candidates": [candidate], **self._head}
        if reason is not None:
            candidate["finishReason"] = reason
            chunk["usageMetadata"] = gemini_usage(self._usage)
        return _sse(chunk | {"providerMetadata": metadata} if metadata else chunk)


_HANDLERS: Mapping[str, Callable[[GeminiChunks, StreamEvent], bytes]] = {
    "message_start": GeminiChunks._start,
    "content_block_start": GeminiChunks._begin,
    "content_block_delta": GeminiChunks._delta,
    "content_block_stop": GeminiChunks._end,
    "message_delta": GeminiChunks._finish,
}


def gemini_error(error: GatewayError, request_id: str) -> bytes:
    """The frame that ends a stream which failed."""
    body = {"code": error.status, "message": error.message, "status": gemini_status(error.status)}
    return _sse({"error": body, "requestId": request_id})


def _sse(chunk: Json) -> bytes:
    return b"data: " + dump_json(chunk) + b"\n\n"
