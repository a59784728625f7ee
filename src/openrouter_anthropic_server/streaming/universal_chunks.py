"""Events of the Messages API as the normalised chunks of the universal endpoint."""

from collections.abc import Callable, Mapping
from typing import Any

from openrouter_anthropic_server.anthropic_types.events import StreamEvent
from openrouter_anthropic_server.conversion.json_text import dump_json
from openrouter_anthropic_server.conversion.universal_answers import AnswerOrigin, beginning_of, is_represented
from openrouter_anthropic_server.conversion.universal_terms import ending_of, openai_reason, universal_usage
from openrouter_anthropic_server.streaming.universal_blocks import BlockReader

Json = dict[str, Any]


class UniversalChunks:
    """Feed every event of one answer; named SSE events come out.

    Types: start, text, thinking, tool_call (a call begins), tool_call_delta (a piece of its arguments), usage and
    finish. Each says `provider` and `model`, and in `provider_metadata` what its own fields have no place for.
    `index` numbers the blocks of the answer.
    """

    __slots__ = ("_model", "_origin", "_reader", "_usage")

    def __init__(self, origin: AnswerOrigin) -> None:
        self._origin = origin
        self._reader = BlockReader()
        self._model: Any = None
        self._usage: Json = {}

    def feed(self, event: StreamEvent) -> bytes:
        """The chunks for one event."""
        handle = _HANDLERS.get(event["type"])
        return b"" if handle is None else handle(self, event)

    def _start(self, event: StreamEvent) -> bytes:
        message = event["message"]
        self._model = message.get("model")
        self._usage = dict(message.get("usage") or {})
        metadata = beginning_of(message, self._origin)
        return self._chunk("start", {"id": message.get("id"), "created": self._origin.created}, metadata)

    def _begin(self, event: StreamEvent) -> bytes:
        block, index = self._reader.begin(event), event["index"]
        start = block.start
        if block.kind == "text":
            return self._chunk("text", {"index": index, "text": start["text"]}) if start.get("text") else b""
        if block.kind == "tool_use":
            return self._chunk("tool_call", {"index": index, "id": start.get("id"), "name": start.get("name")})
        return b""

    def _delta(self, event: StreamEvent) -> bytes:
        block, delta, piece = self._reader.add(event)
        index = event["index"]
        if delta["type"] == "citations_delta":
            return self._chunk("text", {"index": index, "text": ""}, {"citation": delta["citation"]})
        if not piece:
            return b""
        if block.kind in ("text", "thinking"):
            return self._chunk(block.kind, {"index": index, "text": piece})
        return self._arguments(event, block.start, piece) if block.kind == "tool_use" else b""

    def _end(self, event: StreamEvent) -> bytes:
        block = self._reader.end(event)
        if block.kind == "tool_use" and not block.pieces:
            return self._arguments(event, block.start, dump_json(block.start.get("input") or {}).decode())
        if block.kind == "thinking" and (signature := block.whole()["signature"]):
            return self._chunk("thinking", {"index": event["index"], "text": "", "signature": signature})
        if block.kind == "redacted_thinking":
            redacted = {"redacted_data": block.start.get("data")}
            return self._chunk("thinking", {"index": event["index"], "text": ""}, redacted)
        if is_represented(block.kind):
            return b""
        return self._chunk("text", {"index": event["index"], "text": ""}, {"block": block.whole()})

    def _finish(self, event: StreamEvent) -> bytes:
        totals = event.get("usage") or {}
        self._usage |= {name: value for name, value in totals.items() if value is not None}
        delta = event["delta"]
        counted = self._chunk("usage", {"usage": universal_usage(self._usage)}, {"usage": self._usage})
        reason = openai_reason(delta.get("stop_reason"))
        return counted + self._chunk("finish", {"reason": reason}, ending_of(event, {}))

    def _arguments(self, event: StreamEvent, start: Json, piece: str) -> bytes:
        return self._chunk("tool_call_delta", {"index": event["index"], "id": start.get("id"), "arguments": piece})

    def _chunk(self, kind: str, fields: Json, metadata: Json | None = None) -> bytes:
        who = {"provider": self._origin.provider, "model": self._model}
        chunk = {"type": kind, **who, **fields, "provider_metadata": metadata or {}}
        return b"event: %b\ndata: %b\n\n" % (kind.encode(), dump_json(chunk))


_HANDLERS: Mapping[str, Callable[[UniversalChunks, StreamEvent], bytes]] = {
    "message_start": UniversalChunks._start,
    "content_block_start": UniversalChunks._begin,
    "content_block_delta": UniversalChunks._delta,
    "content_block_stop": UniversalChunks._end,
    "message_delta": UniversalChunks._finish,
}
