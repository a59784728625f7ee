"""Events of a streamed answer, in the order the API sends them.

`message_start`, then per block `content_block_start`, `content_block_delta`*, `content_block_stop`,
then `message_delta` and `message_stop`; `ping` and `error` anywhere. Source: the official SDK's types.
"""

from typing import Any, Literal, NotRequired, TypedDict

from openrouter_anthropic_server.anthropic_types.response import (
    Citation,
    ContentBlock,
    Message,
    OutputTokensDetails,
    ServerToolUsage,
    StopDetails,
    StopReason,
)

StreamEvent = dict[str, Any]
"""Any event as it is encoded: `type` names it. The TypedDicts below give the shapes."""


class TextDelta(TypedDict):
    """More text."""

    type: Literal["text_delta"]
    text: str


class InputJsonDelta(TypedDict):
    """More of a tool call's input, as JSON text."""

    type: Literal["input_json_delta"]
    partial_json: str


class CitationsDelta(TypedDict):
    """One more citation of a text block."""

    type: Literal["citations_delta"]
    citation: Citation


class ThinkingDelta(TypedDict):
    """More thinking."""

    type: Literal["thinking_delta"]
    thinking: str


class SignatureDelta(TypedDict):
    """The whole signature of a thinking block, just before its stop."""

    type: Literal["signature_delta"]
    signature: str


BlockDelta = TextDelta | InputJsonDelta | CitationsDelta | ThinkingDelta | SignatureDelta


class MessageStart(TypedDict):
    """First event: the message with `content` empty, `stop_reason` null and a first `usage`."""

    type: Literal["message_start"]
    message: Message


class ContentBlockStart(TypedDict):
    """A block begins: empty, except for server tool results, which come whole."""

    type: Literal["content_block_start"]
    index: int
    content_block: ContentBlock


class ContentBlockDelta(TypedDict):
    """A piece of the block with this index."""

    type: Literal["content_block_delta"]
    index: int
    delta: BlockDelta


class ContentBlockStop(TypedDict):
    """The block is complete."""

    type: Literal["content_block_stop"]
    index: int


class MessageDeltaBody(TypedDict):
    """How the message ended."""

    stop_reason: StopReason | None
    stop_sequence: str | None
    stop_details: NotRequired[StopDetails | None]
    container: NotRequired[dict[str, Any] | None]


class MessageDeltaUsage(TypedDict):
    """Totals, not increments; a count left out keeps the value of `message_start`."""

    output_tokens: int
    input_tokens: NotRequired[int | None]
    cache_creation_input_tokens: NotRequired[int | None]
    cache_read_input_tokens: NotRequired[int | None]
    output_tokens_details: NotRequired[OutputTokensDetails | None]
    server_tool_use: NotRequired[ServerToolUsage | None]
    cost: NotRequired[float | None]


class MessageDelta(TypedDict):
    """Stop reason and final usage; both keys are needed by the clients."""

    type: Literal["message_delta"]
    delta: MessageDeltaBody
    usage: MessageDeltaUsage
    context_management: NotRequired[dict[str, Any] | None]


class MessageStop(TypedDict):
    """Last event."""

    type: Literal["message_stop"]


class Ping(TypedDict):
    """Keeps the connection busy."""

    type: Literal["ping"]


class ErrorBody(TypedDict):
    """Anthropic error type and a message for the user."""

    type: str
    message: str


class ErrorEvent(TypedDict):
    """A failure after the answer began."""

    type: Literal["error"]
    error: ErrorBody
    request_id: NotRequired[str]
