"""Joins the events of a stream into the message they make: a second reader of the events, never a second parser."""

from collections.abc import Callable
from typing import Any, cast

from pydantic_core import from_json

from openrouter_anthropic_server.anthropic_types.events import StreamEvent
from openrouter_anthropic_server.anthropic_types.response import Message
from openrouter_anthropic_server.conversion.json_text import parse_lenient
from openrouter_anthropic_server.errors import UpstreamError

_JOINED = {
    "text_delta": "text",
    "thinking_delta": "thinking",
    "input_json_delta": "partial_json",
}
# After these the last tool call may be cut off in the middle; Anthropic's API then answers with what there is.
_CUT_OFF = frozenset({"max_tokens", "model_context_window_exceeded", "refusal"})


class _Block:
    """A block with its joined pieces."""

    __slots__ = ("json", "pieces")

    def __init__(self, json: dict[str, Any]) -> None:
        self.json = json
        self.pieces: dict[str, list[str]] = {}


class Accumulator:
    """`feed` every event, then `message`. Takes the events of either wire; unknown ones change nothing."""

    __slots__ = ("_blocks", "_error", "_message", "is_complete")

    def __init__(self) -> None:
        self._message: dict[str, Any] | None = None
        self._blocks: list[_Block] = []
        self._error: dict[str, Any] | None = None
        self.is_complete = False

    def feed(self, event: StreamEvent) -> None:
        """Take one event."""
        handle = _HANDLERS.get(event["type"])
        if handle is not None:
            handle(self, event)

    def message(self) -> Message:
        """The message. Raises `UpstreamError` if it failed, is not complete or holds a call with broken JSON."""
        if self._error is not None:
            raise UpstreamError(str(self._error.get("message") or "The answer failed."))
        if self._message is None or not self.is_complete:
            raise UpstreamError("The answer is incomplete.")
        cut_off = self._message.get("stop_reason") in _CUT_OFF
        content = [_finished(block, cut_off=cut_off) for block in self._blocks]
        return cast(Message, {**self._message, "content": content})

    def _start(self, event: StreamEvent) -> None:
        self._message = dict(event["message"])
        self._message["usage"] = dict(self._message.get("usage") or {})

    def _start_block(self, event: StreamEvent) -> None:
        self._blocks.append(_Block(dict(event["content_block"])))

    def _delta(self, event: StreamEvent) -> None:
        delta: dict[str, Any] = event["delta"]
        block = self._blocks[event["index"]]
        key = _JOINED.get(delta["type"])
        if key is not None:
            block.pieces.setdefault(key, []).append(delta[key])
        elif delta["type"] == "citations_delta":
            block.json["citations"] = [*(block.json.get("citations") or ()), delta["citation"]]
        else:
            # `signature_delta`, and kinds of beta blocks: the value replaces the block's.
            block.json.update({name: value for name, value in delta.items() if name != "type"})

    def _message_delta(self, event: StreamEvent) -> None:
        if self._message is None:
            return
        self._message.update(event["delta"])
        extras = {key: value for key, value in event.items() if key not in ("type", "delta", "usage")}
        self._message.update(extras)
        totals: dict[str, Any] = event.get("usage") or {}
        self._message["usage"].update({key: value for key, value in totals.items() if value is not None})

    def _stop(self, _event: StreamEvent) -> None:
        self.is_complete = True

    def _failed(self, event: StreamEvent) -> None:
        self._error = event.get("error") or {}


_HANDLERS: dict[str, Callable[[Accumulator, StreamEvent], None]] = {
    "message_start": Accumulator._start,
    "content_block_start": Accumulator._start_block,
    "content_block_delta": Accumulator._delta,
    "message_delta": Accumulator._message_delta,
    "message_stop": Accumulator._stop,
    "error": Accumulator._failed,
}


def _finished(block: _Block, *, cut_off: bool) -> dict[str, Any]:
    finished = dict(block.json)
    for key, pieces in block.pieces.items():
        joined = "".join(pieces)
        if key == "partial_json":
            finished["input"] = _input(joined, finished, cut_off=cut_off)
        else:
            finished[key] = finished.get(key, "") + joined
    return finished


def _input(text: str, block: dict[str, Any], *, cut_off: bool) -> Any:
    """The input of a tool call; the input of the start event where no JSON came."""
    if not text.strip():
        return block.get("input") or {}
    try:
        value = from_json(text, allow_partial=True) if cut_off else parse_lenient(text.encode())
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise UpstreamError(f"The model called {block.get('name')} with input that is not a JSON object.")
    return value
