"""Content blocks of requests, as they are validated: required fields are strict, unknown fields stay.

Source: the parameter types of the official Python SDK (2.11.0).
"""

from typing import Annotated, Any, Literal, NotRequired

from annotated_types import MinLen
from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict

from openrouter_anthropic_server.anthropic_types.kinds import Items, Kinds, TextOr

NonEmpty = Annotated[str, MinLen(1)]

_BASE64_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_PADDINGS = (b"", b"=", b"==")


def check_base64(data: str) -> str:
    """Refuse text that does not decode, without decoding it (a third of the time for megabytes)."""
    text = data.encode(errors="replace")
    padding = text.translate(None, _BASE64_ALPHABET)
    if not text or len(text) % 4 or padding not in _PADDINGS or not text.endswith(padding):
        raise PydanticCustomError("base64", "Input should be valid, non-empty base64 data")
    return data


Base64Text = Annotated[
    str,
    AfterValidator(check_base64),
    Field(
        json_schema_extra={
            "contentEncoding": "base64",
            "pattern": "^([A-Za-z0-9+/]{4})*[A-Za-z0-9+/]{2}(==|[A-Za-z0-9+/][A-Za-z0-9+/=])$",
        }
    ),
]


class Typed(TypedDict):
    """The least that any object with a kind needs."""

    type: NonEmpty


class Base64ImageSource(TypedDict):
    """An image in the request itself."""

    type: Literal["base64"]
    media_type: Literal["image/jpeg", "image/png", "image/gif", "image/webp"]
    data: Base64Text


class Base64DocumentSource(TypedDict):
    """A PDF in the request itself."""

    type: Literal["base64"]
    media_type: NonEmpty
    data: Base64Text


class TextSource(TypedDict):
    """A plain-text document."""

    type: Literal["text"]
    data: str


class UrlSource(TypedDict):
    """Something the upstream fetches."""

    type: Literal["url"]
    url: NonEmpty


class FileSource(TypedDict):
    """Something uploaded before."""

    type: Literal["file"]
    file_id: NonEmpty


class TextBlockParam(TypedDict):
    """Text; `citations` come back from earlier answers."""

    type: Literal["text"]
    text: str
    citations: NotRequired[Items[dict[str, Any]] | None]
    cache_control: NotRequired[dict[str, Any] | None]


ImageSource = Annotated[
    dict[str, Any],
    Kinds({"base64": Base64ImageSource, "url": UrlSource, "file": FileSource}, other=Typed, in_path=True),
]


class ImageBlockParam(TypedDict):
    """An image."""

    type: Literal["image"]
    source: ImageSource
    cache_control: NotRequired[dict[str, Any] | None]


_SourceBlock = Annotated[dict[str, Any], Kinds({"text": TextBlockParam, "image": ImageBlockParam}, other=Typed)]


class ContentSource(TypedDict):
    """A document made of blocks."""

    type: Literal["content"]
    content: Annotated[str | list[dict[str, Any]], TextOr(Items[_SourceBlock])]


DocumentSource = Annotated[
    dict[str, Any],
    Kinds(
        {
            "base64": Base64DocumentSource,
            "text": TextSource,
            "content": ContentSource,
            "url": UrlSource,
            "file": FileSource,
        },
        other=Typed,
        in_path=True,
    ),
]


class DocumentBlockParam(TypedDict):
    """A document: PDF, text, or blocks."""

    type: Literal["document"]
    source: DocumentSource
    title: NotRequired[str | None]
    context: NotRequired[str | None]
    citations: NotRequired[dict[str, Any] | None]
    cache_control: NotRequired[dict[str, Any] | None]


class SearchResultBlockParam(TypedDict):
    """A search result that the client found."""

    type: Literal["search_result"]
    source: str
    title: str
    content: Items[Annotated[dict[str, Any], Kinds({"text": TextBlockParam}, other=Typed)]]
    citations: NotRequired[dict[str, Any] | None]
    cache_control: NotRequired[dict[str, Any] | None]


class ThinkingBlockParam(TypedDict):
    """Thinking of an earlier answer; the signature may be empty."""

    type: Literal["thinking"]
    thinking: str
    signature: str


class RedactedThinkingBlockParam(TypedDict):
    """Encrypted thinking of an earlier answer."""

    type: Literal["redacted_thinking"]
    data: str


class ToolUseBlockParam(TypedDict):
    """A call of a client tool in an earlier answer; the same shape for `server_tool_use` and `mcp_tool_use`."""

    type: Literal["tool_use", "server_tool_use", "mcp_tool_use"]
    id: NonEmpty
    name: NonEmpty
    input: dict[str, Any]
    cache_control: NotRequired[dict[str, Any] | None]


class ToolReferenceBlockParam(TypedDict):
    """The name of a tool that tool search found."""

    type: Literal["tool_reference"]
    tool_name: NonEmpty


ToolResultContent = Annotated[
    dict[str, Any],
    Kinds(
        {
            "text": TextBlockParam,
            "image": ImageBlockParam,
            "document": DocumentBlockParam,
            "search_result": SearchResultBlockParam,
            "tool_reference": ToolReferenceBlockParam,
        },
        other=Typed,
    ),
]


class ToolResultBlockParam(TypedDict):
    """What a client tool answered."""

    type: Literal["tool_result"]
    tool_use_id: NonEmpty
    content: NotRequired[Annotated[str | list[dict[str, Any]], TextOr(Items[ToolResultContent])]]
    is_error: NotRequired[bool]
    cache_control: NotRequired[dict[str, Any] | None]


class ServerToolResultBlockParam(TypedDict):
    """What a server tool answered in an earlier message: a list, or an object (also for errors)."""

    type: Literal[
        "web_search_tool_result",
        "web_fetch_tool_result",
        "code_execution_tool_result",
        "bash_code_execution_tool_result",
        "text_editor_code_execution_tool_result",
        "tool_search_tool_result",
    ]
    tool_use_id: NonEmpty
    content: Any


class McpToolResultBlockParam(TypedDict):
    """What a tool of an MCP server answered in an earlier message."""

    type: Literal["mcp_tool_result"]
    tool_use_id: NonEmpty


class ContainerUploadBlockParam(TypedDict):
    """A file for the code-execution container."""

    type: Literal["container_upload"]
    file_id: NonEmpty


class ToolChangeBlockParam(TypedDict):
    """`tool_addition` and `tool_removal` in system messages."""

    type: Literal["tool_addition", "tool_removal"]
    tool: dict[str, Any]


ContentBlockParam = Annotated[
    dict[str, Any],
    Kinds(
        {
            "text": TextBlockParam,
            "image": ImageBlockParam,
            "document": DocumentBlockParam,
            "search_result": SearchResultBlockParam,
            "thinking": ThinkingBlockParam,
            "redacted_thinking": RedactedThinkingBlockParam,
            "tool_use": ToolUseBlockParam,
            "tool_result": ToolResultBlockParam,
            "server_tool_use": ToolUseBlockParam,
            "web_search_tool_result": ServerToolResultBlockParam,
            "web_fetch_tool_result": ServerToolResultBlockParam,
            "code_execution_tool_result": ServerToolResultBlockParam,
            "bash_code_execution_tool_result": ServerToolResultBlockParam,
            "text_editor_code_execution_tool_result": ServerToolResultBlockParam,
            "tool_search_tool_result": ServerToolResultBlockParam,
            "mcp_tool_use": ToolUseBlockParam,
            "mcp_tool_result": McpToolResultBlockParam,
            "container_upload": ContainerUploadBlockParam,
            "tool_addition": ToolChangeBlockParam,
            "tool_removal": ToolChangeBlockParam,
        },
        other=Typed,
    ),
]
"""Any block of a message. Statically a plain object: `type` is there, and unknown kinds are let through."""
