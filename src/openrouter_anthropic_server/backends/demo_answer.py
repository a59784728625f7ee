"""The parts an answer of the demo model is made of: complete blocks, silences and breaks."""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import uuid4

import orjson

from openrouter_anthropic_server.backends.demo_script import Pause
from openrouter_anthropic_server.errors import GatewayError

Json = dict[str, Any]

CHARACTERS_PER_TOKEN = 4
TOOL_CALL_TOKENS = 8
"""What a call costs beside its name and input."""


@dataclass(frozen=True, slots=True)
class Block:
    """A complete content block, and its estimated output tokens (hidden thinking included)."""

    content: Json
    tokens: int


@dataclass(frozen=True, slots=True)
class Break:
    """The answer ends here, unfinished.

    `how`: "raise" (the connection breaks), "event" (an `error` event), "quiet" (the body just ends).
    """

    error: GatewayError
    how: Literal["raise", "event", "quiet"]


Part = Block | Pause | Break


@dataclass(frozen=True, slots=True)
class Answer:
    """What to send: `wait_seconds` of nothing, then `failure` instead of an answer, or the parts.

    `output_tokens` and `thinking_tokens` are estimates.
    """

    parts: Sequence[Part] = ()
    stop_reason: str = "end_turn"
    stop_sequence: str | None = None
    wait_seconds: float = 0.0
    failure: GatewayError | None = None
    output_tokens: int = 0
    thinking_tokens: int = 0

    @property
    def blocks(self) -> list[Block]:
        """The blocks among the parts."""
        return [part for part in self.parts if isinstance(part, Block)]


def new_id(prefix: str) -> str:
    """An id like those of the API: `msg_…`, `toolu_…`, `srvtoolu_…`."""
    return f"{prefix}_{uuid4().hex[:24]}"


def tokens_of(text: str) -> int:
    """Estimated tokens of a text, rounded up."""
    return -(-len(text) // CHARACTERS_PER_TOKEN)


def text_block(text: str) -> Block:
    """A text block."""
    return Block({"type": "text", "text": text}, tokens_of(text))


def thinking_block(text: str, *, hidden: bool) -> Block:
    """A thinking block; `hidden`: without its text. The signature says that it is none."""
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    signature = base64.b64encode(f"demo-signature:{digest}".encode()).decode()
    shown = "" if hidden else text
    return Block({"type": "thinking", "thinking": shown, "signature": signature}, max(1, tokens_of(text)))


def tool_block(name: str, tool_input: Json, *, kind: str = "tool_use") -> Block:
    """A call of a tool: of the client's (`tool_use`) or of the server's (`server_tool_use`)."""
    prefix = "toolu" if kind == "tool_use" else "srvtoolu"
    content = {"type": kind, "id": new_id(prefix), "name": name, "input": tool_input}
    return Block(content, TOOL_CALL_TOKENS + tokens_of(name + orjson.dumps(tool_input).decode()))


def cut_block(block: Block, tokens: int) -> Block | None:
    """The block's beginning, worth at most `tokens`; None where nothing useful would be left."""
    key = block.content["type"]
    if key not in {"text", "thinking"} or tokens <= 0:
        return None
    content = {**block.content, key: block.content[key][: tokens * CHARACTERS_PER_TOKEN]}
    return Block(content, tokens)
