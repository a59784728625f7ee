"""Answers of the Messages API: message, usage and content blocks.

Source: the types of the official Python SDK (2.11.0). Keys an upstream may leave out are optional here.
"""

from typing import Any, Literal, NotRequired, TypedDict

StopReason = Literal[
    "end_turn",
    "max_tokens",
    "stop_sequence",
    "tool_use",
    "pause_turn",
    "refusal",
    "model_context_window_exceeded",
    "compaction",
]

Citation = dict[str, Any]
"""A citation of a text block; `type` says which of the five location kinds it is."""


class CacheCreation(TypedDict):
    """Tokens written to the prompt cache, by lifetime; both keys are needed when the object is there."""

    ephemeral_5m_input_tokens: int
    ephemeral_1h_input_tokens: int


class OutputTokensDetails(TypedDict):
    """What of the output was thinking, in tokens."""

    thinking_tokens: int


class ServerToolUsage(TypedDict, total=False):
    """Requests that server tools made."""

    web_search_requests: int
    web_fetch_requests: int


class Usage(TypedDict):
    """Tokens of an answer. `input_tokens` excludes the two cache counts; `cost` (USD) is OpenRouter's addition."""

    input_tokens: int
    output_tokens: int
    cache_creation_input_tokens: NotRequired[int | None]
    cache_read_input_tokens: NotRequired[int | None]
    cache_creation: NotRequired[CacheCreation | None]
    output_tokens_details: NotRequired[OutputTokensDetails | None]
    server_tool_use: NotRequired[ServerToolUsage | None]
    service_tier: NotRequired[str | None]
    speed: NotRequired[str | None]
    inference_geo: NotRequired[str | None]
    cost: NotRequired[float | None]


class TextBlock(TypedDict):
    """Text, with citations where the model gave some."""

    type: Literal["text"]
    text: str
    citations: NotRequired[list[Citation] | None]


class ThinkingBlock(TypedDict):
    """Thinking; `signature` is there always, `""` if the upstream sent none."""

    type: Literal["thinking"]
    thinking: str
    signature: str


class RedactedThinkingBlock(TypedDict):
    """Thinking that only the vendor can read."""

    type: Literal["redacted_thinking"]
    data: str


class ToolUseBlock(TypedDict):
    """A call of one of the client's tools; `input` is an object, never JSON text."""

    type: Literal["tool_use"]
    id: str
    name: str
    input: dict[str, Any]
    caller: NotRequired[dict[str, Any] | None]
    toolset_name: NotRequired[str | None]


class ServerToolUseBlock(TypedDict):
    """A call that the server answers itself in the same message."""

    type: Literal["server_tool_use"]
    id: str
    name: str
    input: dict[str, Any]
    caller: NotRequired[dict[str, Any] | None]


class ServerToolResultBlock(TypedDict):
    """The answer to a `server_tool_use` block: a list of results, one result object or an error object."""

    type: Literal[
        "web_search_tool_result",
        "web_fetch_tool_result",
        "code_execution_tool_result",
        "bash_code_execution_tool_result",
        "text_editor_code_execution_tool_result",
        "tool_search_tool_result",
    ]
    tool_use_id: str
    content: list[dict[str, Any]] | dict[str, Any]
    caller: NotRequired[dict[str, Any] | None]


class ContainerUploadBlock(TypedDict):
    """A file that code execution left in the container."""

    type: Literal["container_upload"]
    file_id: str


ContentBlock = (
    TextBlock
    | ThinkingBlock
    | RedactedThinkingBlock
    | ToolUseBlock
    | ServerToolUseBlock
    | ServerToolResultBlock
    | ContainerUploadBlock
)
"""A block of an answer. Beta blocks that a messages-wire upstream sends pass through as plain objects."""


class StopDetails(TypedDict):
    """Why the model refused."""

    type: Literal["refusal"]
    category: NotRequired[str | None]
    explanation: NotRequired[str | None]


class Message(TypedDict):
    """A complete answer. `id` starts with `msg_`; `stop_reason` is null only inside `message_start`."""

    id: str
    type: Literal["message"]
    role: Literal["assistant"]
    model: str
    content: list[ContentBlock]
    stop_reason: StopReason | None
    stop_sequence: str | None
    usage: Usage
    stop_details: NotRequired[StopDetails | None]
    container: NotRequired[dict[str, Any] | None]
    context_management: NotRequired[dict[str, Any] | None]
    diagnostics: NotRequired[dict[str, Any] | None]
