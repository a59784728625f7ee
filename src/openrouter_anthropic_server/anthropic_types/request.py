"""Requests of the Messages API, as they are validated: unknown fields and unknown kinds are let through.

Source: the parameter types of the official Python SDK (2.11.0). These TypedDicts describe the
client's JSON object itself; nothing is copied, renamed or filled in.
"""

from typing import Annotated, Any, Literal, NotRequired

from annotated_types import Ge, Le, MaxLen, MinLen
from typing_extensions import TypedDict

from openrouter_anthropic_server.anthropic_types.blocks import ContentBlockParam, NonEmpty, Typed
from openrouter_anthropic_server.anthropic_types.kinds import Items, Kinds, TextOr

Role = Literal["user", "assistant", "system"]
ModelName = Annotated[str, MinLen(1), MaxLen(256)]
Count = Annotated[int, Ge(0)]
Fraction = Annotated[float, Ge(0), Le(1)]
CacheControl = dict[str, Any]
"""`{"type": "ephemeral", "ttl"?: "5m" | "1h"}`."""

Content = Annotated[str | list[dict[str, Any]], TextOr(Items[ContentBlockParam])]
"""A string, which means one text block, or a list of blocks."""


class MessageParam(TypedDict):
    """One turn. Role `system` may stand anywhere; its content may be an empty list."""

    role: Role
    content: Content


class CustomToolParam(TypedDict):
    """A tool of the client's own."""

    type: NotRequired[Literal["custom"] | None]
    name: NonEmpty
    input_schema: dict[str, Any]
    description: NotRequired[str]
    cache_control: NotRequired[CacheControl | None]


class PredefinedToolParam(TypedDict):
    """A tool the API knows by its `type`; toolsets have no name."""

    type: NonEmpty
    name: NotRequired[NonEmpty]
    cache_control: NotRequired[CacheControl | None]


ToolParam = Annotated[dict[str, Any], Kinds({"custom": CustomToolParam}, other=PredefinedToolParam, untyped="custom")]
"""A tool. `type` is absent, null or "custom" for the client's own; toolsets have no `name`."""


class AnyToolChoiceParam(TypedDict):
    """Whether tools may, must or must not be called."""

    type: Literal["auto", "any", "tool", "none"]
    disable_parallel_tool_use: NotRequired[bool]


class NamedToolChoiceParam(AnyToolChoiceParam):
    """One tool must be called."""

    name: NonEmpty


ToolChoiceParam = Annotated[dict[str, Any], Kinds({"tool": NamedToolChoiceParam}, other=AnyToolChoiceParam)]


class EnabledThinkingParam(TypedDict):
    """Thinking with a budget in tokens."""

    type: Literal["enabled"]
    budget_tokens: Annotated[int, Ge(1024)]
    display: NotRequired[str | None]


class OtherThinkingParam(TypedDict):
    """`adaptive`, `disabled`, `between_tools`, or a kind to come."""

    type: NonEmpty
    display: NotRequired[str | None]


ThinkingParam = Annotated[dict[str, Any], Kinds({"enabled": EnabledThinkingParam}, other=OtherThinkingParam)]


class JsonSchemaFormatParam(TypedDict):
    """The answer must be JSON of this schema."""

    type: Literal["json_schema"]
    schema: dict[str, Any]


class OutputConfigParam(TypedDict):
    """Effort (low, medium, high, xhigh, max, or a level to come) and the form of the answer."""

    effort: NotRequired[str | None]
    format: NotRequired[Annotated[dict[str, Any], Kinds({"json_schema": JsonSchemaFormatParam}, other=Typed)] | None]


class MetadataParam(TypedDict):
    """Who the request is for; Claude Code puts its session id in here."""

    user_id: NotRequired[str | None]


class RequestFields(TypedDict):
    """What both requests have in common. A field of another type than here is refused, null too."""

    model: ModelName
    messages: Annotated[Items[MessageParam], MinLen(1)]
    system: NotRequired[Content]
    stream: NotRequired[bool]
    stop_sequences: NotRequired[Items[str]]
    metadata: NotRequired[MetadataParam]
    tools: NotRequired[Items[ToolParam]]
    tool_choice: NotRequired[ToolChoiceParam]
    thinking: NotRequired[ThinkingParam]
    output_config: NotRequired[OutputConfigParam]
    cache_control: NotRequired[CacheControl | None]
    service_tier: NotRequired[str]
    speed: NotRequired[str | None]
    context_management: NotRequired[dict[str, Any] | None]
    mcp_servers: NotRequired[Items[dict[str, Any]]]
    temperature: NotRequired[Fraction]
    top_p: NotRequired[Fraction]
    top_k: NotRequired[Count]


class MessagesRequest(RequestFields):
    """The body of `POST /v1/messages`. `max_tokens` 0 only fills the prompt cache."""

    max_tokens: Count


class CountTokensRequest(RequestFields):
    """The body of `POST /v1/messages/count_tokens`."""

    max_tokens: NotRequired[Count]
