"""Chat completions as OpenRouter speaks them: request, completion and stream chunk.

Source: OpenRouter's OpenAPI description and recorded traffic. Everything an upstream answers is
optional here, because real answers leave fields out.
"""

from typing import Any, TypedDict

ChatRequest = dict[str, Any]
"""The body of `POST /chat/completions`, ready to be dumped."""


class ChatFunction(TypedDict, total=False):
    """Name and JSON-encoded arguments of a tool call; either can be missing in a piece."""

    name: str | None
    arguments: str | None


class ChatToolCall(TypedDict, total=False):
    """A tool call, or in a chunk a piece of one; `index` tells which."""

    index: int
    id: str | None
    type: str
    function: ChatFunction


class ChatReasoningDetail(TypedDict, total=False):
    """One entry of `reasoning_details`; `format` names the vendor whose signature or data it holds."""

    type: str
    text: str | None
    summary: str | None
    data: str | None
    signature: str | None
    format: str | None
    id: str | None
    index: int


class ChatMessage(TypedDict, total=False):
    """The `message` of a completion or the `delta` of a chunk."""

    role: str
    content: str | None
    refusal: str | None
    reasoning: str | None
    reasoning_content: str | None
    reasoning_details: list[ChatReasoningDetail] | None
    tool_calls: list[ChatToolCall] | None
    annotations: list[dict[str, Any]] | None
    images: list[dict[str, Any]] | None


class ChatError(TypedDict, total=False):
    """An error inside a body with status 200: in a completion, a choice or a chunk."""

    code: int | str | None
    message: str
    metadata: dict[str, Any]


class ChatChoice(TypedDict, total=False):
    """A choice; `message` in completions, `delta` in chunks."""

    index: int
    message: ChatMessage
    delta: ChatMessage
    finish_reason: str | None
    native_finish_reason: str | None
    error: ChatError


class ChatUsage(TypedDict, total=False):
    """Tokens and cost; `prompt_tokens` includes cached and cache-written ones. `cost` in USD."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: dict[str, int] | None
    completion_tokens_details: dict[str, int] | None
    server_tool_use_details: dict[str, int] | None
    cost: float | None


class ChatCompletion(TypedDict, total=False):
    """The body of a complete answer."""

    id: str
    model: str
    provider: str
    choices: list[ChatChoice]
    usage: ChatUsage | None
    error: ChatError


class ChatChunk(TypedDict, total=False):
    """One chunk of a streamed answer: the same fields, with `delta` instead of `message`."""

    id: str
    model: str
    provider: str
    choices: list[ChatChoice]
    usage: ChatUsage | None
    error: ChatError
