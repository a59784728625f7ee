"""The events of a stream with what a reader of single events would have to remember: the block that each belongs to."""

import json
from dataclasses import dataclass, field
from typing import Any

import orjson
from pydantic_core import from_json

from openrouter_anthropic_server.anthropic_types.events import StreamEvent
from openrouter_anthropic_server.conversion.json_text import dump_json, parse_lenient
from openrouter_anthropic_server.errors import UpstreamError

_JOINED = ("text_delta", "thinking_delta", "input_json_delta")


@dataclass(slots=True)
class OpenBlock:
    """A block that streams: its start, and the pieces so far. `number` counts the blocks of its type."""

    start: dict[str, Any]
    number: int
    pieces: list[str] = field(default_factory=list)
    signature: str = ""

    @property
    def kind(self) -> str:
        """The type of the block."""
        return str(self.start.get("type"))

    def whole(self) -> dict[str, Any]:
        """The block, once it has ended. A call that was cut off keeps what there is of its input.

        `input` that came in pieces is an `orjson.Fragment` of their text, with all its digits.
        """
        joined = "".join(self.pieces)
        if self.kind == "text":
            return {**self.start, "text": self.start.get("text", "") + joined}
        if self.kind == "thinking":
            thinking = self.start.get("thinking", "") + joined
            return {**self.start, "thinking": thinking, "signature": self.signature or self.start.get("signature", "")}
        if "input" in self.start:
            return {**self.start, "input": _input(joined) if joined.strip() else self.start["input"]}
        return self.start


class BlockReader:
    """Feed every event; what it says of blocks comes back beside the block."""

    __slots__ = ("_blocks", "_counts")

    def __init__(self) -> None:
        self._blocks: dict[int, OpenBlock] = {}
        self._counts: dict[str, int] = {}

    def begin(self, event: StreamEvent) -> OpenBlock:
        """The block that a `content_block_start` begins."""
        start = dict(event["content_block"])
        kind = str(start.get("type"))
        number = self._counts[kind] = self._counts.get(kind, -1) + 1
        block = self._blocks[event["index"]] = OpenBlock(start, number)
        return block

    def add(self, event: StreamEvent) -> tuple[OpenBlock, dict[str, Any], str]:
        """The block and delta of a `content_block_delta`, and its piece of text or JSON; "" if it has none."""
        block, delta = self._block(event), event["delta"]
        piece = delta.get("text") or delta.get("thinking") or delta.get("partial_json") or ""
        if piece:
            block.pieces.append(piece)
        elif delta["type"] == "signature_delta":
            block.signature = delta["signature"]
        elif delta["type"] == "citations_delta":
            block.start["citations"] = [*(block.start.get("citations") or ()), delta["citation"]]
        elif delta["type"] not in _JOINED:
            block.start |= {name: value for name, value in delta.items() if name != "type"}
        return block, delta, piece

    def end(self, event: StreamEvent) -> OpenBlock:
        """The block that a `content_block_stop` ends."""
        block = self._block(event)
        del self._blocks[event["index"]]
        return block

    def _block(self, event: StreamEvent) -> OpenBlock:
        block = self._blocks.get(event["index"])
        if block is None:
            raise UpstreamError("the upstream's stream holds a piece of a block that did not begin")
        return block


def _input(text: str) -> orjson.Fragment:
    """The text itself if it is an object: numbers beyond 64 bits and deep nesting stay as they are."""
    if _is_object(text):
        # Between the tokens of JSON line breaks mean nothing; in a frame of SSE they would end the line.
        return orjson.Fragment(text.replace("\n", " ").replace("\r", " "))
    try:
        value = parse_lenient(text.encode())
    except ValueError:
        value = _partial(text)
    return orjson.Fragment(dump_json(value if isinstance(value, dict) else {}))


def _is_object(text: str) -> bool:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        if "\\" in text:  # half surrogate pairs are left to `parse_lenient`
            return False
        value = _strictly(text)
    return isinstance(value, dict)


def _strictly(text: str) -> Any:
    """What the standard library makes of JSON text that orjson refuses, as it does numbers beyond all floats."""
    try:
        return json.loads(text, parse_constant=_no_json)
    except (RecursionError, ValueError):
        return None


def _no_json(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _partial(text: str) -> Any:
    try:
        return from_json(text, allow_partial=True)
    except ValueError:
        return {}
