"""Listens to raw Anthropic SSE bytes that pass through untouched: usage, model, stop reason, how the stream ended."""

from typing import Any

import orjson

from openrouter_anthropic_server.streaming.sse import SseDecoder, SseFrame

_DELTA_HEAD = b"event: content_block_delta\ndata: "
_END = b"\n\n"
_CONTENT_EVENTS = frozenset({"content_block_start", "content_block_delta", "content_block_stop"})
_READ_EVENTS = frozenset({"message_start", "message_delta", "message_stop", "error"})
_TYPE_WITHIN = 64  # bytes of the data in which `"type"` is looked for when a frame has no name


class UsageTap:
    """Feed every piece of the stream. Nothing is parsed but `message_start`, `message_delta` and `error`.

    Whole `content_block_delta` events, of which almost every piece consists, are told by their first
    bytes and passed over. Data that cannot be parsed is passed over too; only an event above the decoder's
    limit raises `UpstreamError`.

    `usage` holds the latest totals: values of `message_delta` replace those of `message_start`, null or
    missing ones do not. `at_boundary` tells whether the bytes so far end an event, so that another may be
    written after them. `error` is the whole error event: `{"type": "error", "error": {...}}`.
    """

    __slots__ = (
        "_decoder",
        "at_boundary",
        "complete",
        "error",
        "first_content_seen",
        "message_id",
        "model",
        "started",
        "stop_reason",
        "usage",
    )

    def __init__(self) -> None:
        self._decoder = SseDecoder()
        self.at_boundary = True
        self.started = False
        self.first_content_seen = False
        self.complete = False
        self.message_id: str | None = None
        self.model: str | None = None
        self.stop_reason: str | None = None
        self.error: dict[str, Any] | None = None
        self.usage: dict[str, Any] = {}

    def feed(self, chunk: bytes) -> None:
        """Listen to one piece, of any size."""
        if self.at_boundary and chunk.startswith(_DELTA_HEAD) and chunk.find(_END) == len(chunk) - len(_END):
            self.first_content_seen = True  # exactly one event, as a direct connection delivers them
            return
        if not self._decoder.at_boundary:
            end, separator, chunk = chunk.partition(_END)
            self._decode(end + separator)
        if self._decoder.at_boundary and b"\r" not in chunk:
            whole, separator, chunk = chunk.rpartition(_END)
            for event in whole.split(_END) if separator else ():
                if event.startswith(_DELTA_HEAD):
                    self.first_content_seen = True
                else:
                    self._decode(event + _END)
        if chunk:
            self._decode(chunk)
        self.at_boundary = self._decoder.at_boundary

    def _decode(self, data: bytes) -> None:
        for frame in self._decoder.feed(data):
            self._frame(frame)

    def _frame(self, frame: SseFrame) -> None:
        kind = kind_of(frame)
        if kind in _CONTENT_EVENTS:
            self.first_content_seen = True
        elif kind == "message_stop":
            self.complete = True
        elif kind in _READ_EVENTS:
            self._read(kind, _parsed(frame.data))

    def _read(self, kind: str, event: dict[str, Any]) -> None:
        if kind == "message_start":
            self._message(_object(event, "message"))
        elif kind == "message_delta":
            self.stop_reason = _object(event, "delta").get("stop_reason") or self.stop_reason
            self._totals(_object(event, "usage"))
        else:
            self.error = event

    def _message(self, message: dict[str, Any]) -> None:
        self.started = True
        self.message_id = message.get("id")
        self.model = message.get("model")
        self.stop_reason = message.get("stop_reason")
        self._totals(_object(message, "usage"))

    def _totals(self, usage: dict[str, Any]) -> None:
        self.usage.update({key: value for key, value in usage.items() if value is not None})


def kind_of(frame: SseFrame) -> str:
    """The type of a frame's event: its name, or what its data says; "" if it is none that matters."""
    return frame.event or _kind_in(frame.data)


def _kind_in(data: bytes) -> str:
    """The type of a frame without a name; "" if it is none that matters."""
    head = data[:_TYPE_WITHIN]
    if b'"content_block' in head:
        return "content_block_delta"
    if b'"message_' in head or b'"error"' in head:
        event = _parsed(data)
        return str(event.get("type") or ("error" if "error" in event else ""))
    return ""


def _parsed(data: bytes) -> dict[str, Any]:
    try:
        event = orjson.loads(data)
    except orjson.JSONDecodeError:
        return {}
    return event if isinstance(event, dict) else {}


def _object(parent: dict[str, Any], key: str) -> dict[str, Any]:
    value = parent.get(key)
    return value if isinstance(value, dict) else {}
