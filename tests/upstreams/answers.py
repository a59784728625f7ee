"""What a model answers, described once; `chat_wire` and `messages_wire` write it down in their formats."""

import json
from dataclasses import dataclass, field
from typing import Any, Literal

Wire = Literal["chat", "messages"]
Stop = Literal["end_turn", "tool_use", "max_tokens", "stop_sequence", "refusal"]
Ending = Literal["normal", "cut", "end", "error", "hold"]
"""How a stream goes out after its content.

normal: finish, usage, end marker. cut: the connection is dropped inside the body. end: the body ends
properly, but without finish and end marker. error: an error inside the stream. hold: silence until the
client leaves.
"""


@dataclass(frozen=True, slots=True)
class Text:
    """Text of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Thinking:
    """Readable thinking with the signature that must come back unchanged; an empty signature is not sent."""

    text: str
    signature: str = "EtkBsignature+of/the==thinking"


@dataclass(frozen=True, slots=True)
class RedactedThinking:
    """Encrypted thinking, to be returned unchanged."""

    data: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call of a client tool."""

    name: str
    input: dict[str, Any] = field(default_factory=dict)
    id: str = "toolu_fake_1"

    @property
    def arguments(self) -> str:
        """The input as JSON text, as models write it."""
        return json.dumps(self.input)


@dataclass(frozen=True, slots=True)
class SearchResult:
    """A web page that the upstream's own search found and the answer cites."""

    url: str
    title: str


Part = Text | Thinking | RedactedThinking | ToolCall | SearchResult


@dataclass(frozen=True, slots=True)
class Tokens:
    """Token counts in Anthropic terms: `input` excludes the two cache counts, `output` includes reasoning."""

    input: int = 120
    output: int = 17
    cache_read: int = 0
    cache_write: int = 0
    reasoning: int = 0
    cost: float | None = 0.00042


@dataclass(frozen=True, slots=True)
class Failure:
    """The error inside a stream: `code` is an HTTP-like number or, as OpenRouter also does, a word."""

    code: int | str = 502
    message: str = "Provider disconnected"
    type: str = "api_error"


@dataclass(frozen=True, slots=True)
class Answer:
    """One complete answer and how it is delivered. Pauses are in seconds.

    `pause_before_headers`: silence before the status line; `pause_before_content`: headers are out, no
    data yet; `pause_within`: after the first piece of content; `pause_before_end`: after the last one.
    `interleave_tools`: the argument pieces of parallel calls alternate (chat wire only; blocks of the
    messages wire never overlap).
    """

    parts: tuple[Part, ...] = (Text("Hello from the fake upstream."),)
    stop: Stop | None = None
    tokens: Tokens = Tokens()
    interleave_tools: bool = False
    ending: Ending = "normal"
    failure: Failure = Failure()
    pause_before_headers: float = 0.0
    pause_before_content: float = 0.0
    pause_within: float = 0.0
    pause_before_end: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)
    model: str | None = None

    @property
    def stop_reason(self) -> Stop:
        """The given stop reason, or the one that follows from the content."""
        if self.stop is not None:
            return self.stop
        return "tool_use" if self.tool_calls else "end_turn"

    @property
    def tool_calls(self) -> list[ToolCall]:
        """The calls among the parts."""
        return [part for part in self.parts if isinstance(part, ToolCall)]

    @property
    def text(self) -> str:
        """All text parts together."""
        return "".join(part.text for part in self.parts if isinstance(part, Text))


@dataclass(frozen=True, slots=True)
class ApiError:
    """An answer with an error status, before anything was streamed."""

    status: int
    message: str = "Something is wrong"
    type: str = "api_error"
    headers: dict[str, str] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)


def pieces(text: str, count: int = 3) -> list[str]:
    """`text` in up to `count` non-empty pieces, as a model streams it."""
    size = max(1, -(-len(text) // count))
    return [text[start : start + size] for start in range(0, len(text), size)]
