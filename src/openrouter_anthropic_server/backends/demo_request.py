"""What the demo model reads in a request: the prompt, the round of tool results, what is asked of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import orjson

from openrouter_anthropic_server.backends.demo_script import has_directive
from openrouter_anthropic_server.errors import InvalidRequestError

Json = dict[str, Any]

MEDIA_TOKENS = 1500
"""Estimate for an image or a document."""

_REMINDER = "<system-reminder>"  # Claude Code puts its own texts beside the user's, in such tags


@dataclass(frozen=True, slots=True)
class ToolResult:
    """One result of the last round: the tool's name and what its content says, as text."""

    tool_name: str
    text: str
    is_error: bool


@dataclass(frozen=True, slots=True)
class DemoRequest:
    """A Messages request as the demo model sees it.

    `prompt` is the last text of the user that is not a mere companion of tool results; `turn`
    counts the assistant's turns since then; `schema` is the schema of structured output, or None.
    """

    model: str
    max_tokens: int | None
    messages: Sequence[Json]
    tools: Sequence[Json]
    tool_choice: Mapping[str, Any]
    thinking: Mapping[str, Any]
    schema: Any
    stop_sequences: Sequence[str]
    prompt: str
    turn: int
    calls: Sequence[str]
    results: Sequence[ToolResult]
    images: int
    documents: int
    input_tokens: int

    @property
    def thinks(self) -> bool:
        """Whether a thinking block comes first (`between_tools`: only after tool results)."""
        kind = self.thinking.get("type")
        return kind in {"enabled", "adaptive"} or (kind == "between_tools" and bool(self.results))

    @property
    def hides_thinking(self) -> bool:
        """Whether the thinking text is left out of the answer; the signature stays."""
        return self.thinking.get("display") == "omitted"

    def tool(self, name: str) -> Json | None:
        """The definition of the tool with this name, if it was offered."""
        return next((tool for tool in self.tools if tool.get("name") == name), None)


def read_request(body: bytes) -> DemoRequest:
    """Parse a body; raises `InvalidRequestError` where it is no Messages request."""
    request = _parse(body)
    messages = _objects(request, "messages")
    tools = _objects(request, "tools")
    prompt, start = _find_prompt(messages)
    media = [block for message in messages for block in _all_blocks(message) if _is_media(block)]
    return DemoRequest(
        model=str(request.get("model", "demo")),
        max_tokens=request.get("max_tokens"),
        messages=messages,
        tools=tools,
        tool_choice=request.get("tool_choice") or {},
        thinking=request.get("thinking") or {},
        schema=_output_schema(request),
        stop_sequences=[text for text in request.get("stop_sequences") or [] if text],
        prompt=prompt,
        turn=_count_turns(messages[start:]),
        calls=[block.get("name", "") for block in _calls(messages[start:])],
        results=_last_results(messages),
        images=sum(block["type"] == "image" for block in media),
        documents=sum(block["type"] == "document" for block in media),
        input_tokens=_input_tokens(body, media),
    )


def _parse(body: bytes) -> Json:
    try:
        request = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidRequestError("The request body is not valid JSON.") from error
    if not isinstance(request, dict):
        raise InvalidRequestError("The request body must be a JSON object.")
    return request


def _objects(request: Json, key: str) -> list[Json]:
    value = request.get(key) or []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise InvalidRequestError(f"{key}: must be a list of objects")
    return value


def blocks_of(content: Any) -> list[Json]:
    """Content as a list of blocks: a string is one text block."""
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [block for block in content or [] if isinstance(block, dict)]


def _all_blocks(message: Json) -> Iterator[Json]:
    """The blocks of a message and those inside its tool results."""
    for block in blocks_of(message.get("content")):
        yield block
        if block.get("type") == "tool_result":
            yield from blocks_of(block.get("content"))


def _is_media(block: Json) -> bool:
    return block.get("type") in {"image", "document"}


def _find_prompt(messages: Sequence[Json]) -> tuple[str, int]:
    """The prompt and the index of its message.

    Text beside tool results is a remark of the client, unless it holds a directive: a user can
    type one while tools run.
    """
    for index in range(len(messages) - 1, -1, -1):
        if messages[index].get("role") != "user":
            continue
        blocks = blocks_of(messages[index].get("content"))
        text = "\n".join(filter(None, map(_own_text, blocks)))
        has_results = any(block.get("type") == "tool_result" for block in blocks)
        if has_directive(text) or (text and not has_results):
            return text, index
    return "", 0


def _own_text(block: Json) -> str:
    text = block.get("text")
    if block.get("type") != "text" or not isinstance(text, str) or text.lstrip().startswith(_REMINDER):
        return ""
    return text


def _count_turns(messages: Sequence[Json]) -> int:
    """Turns of the assistant; neighbouring assistant messages are one."""
    roles = [message.get("role") for message in messages if message.get("role") != "system"]
    return sum(role == "assistant" != before for before, role in pairwise([None, *roles]))


def _calls(messages: Sequence[Json]) -> list[Json]:
    return [
        block
        for message in messages
        if message.get("role") == "assistant"
        for block in blocks_of(message.get("content"))
        if block.get("type") == "tool_use"
    ]


def _last_results(messages: Sequence[Json]) -> list[ToolResult]:
    """Tool results that came after the assistant's last turn."""
    names = {block.get("id"): str(block.get("name", "tool")) for block in _calls(messages)}
    roles = [message.get("role") for message in messages]
    last = len(roles) - roles[::-1].index("assistant") if "assistant" in roles else 0
    return [
        ToolResult(
            tool_name=names.get(block.get("tool_use_id"), "tool"),
            text=" ".join(map(_as_text, blocks_of(block.get("content")))),
            is_error=bool(block.get("is_error")),
        )
        for message in messages[last:]
        for block in blocks_of(message.get("content"))
        if block.get("type") == "tool_result"
    ]


def _as_text(block: Json) -> str:
    if block.get("type") == "text":
        return str(block.get("text", ""))
    if block.get("type") == "tool_reference":
        return f"(tool {block.get('tool_name')})"
    return f"({block.get('type')})"


def _output_schema(request: Json) -> Any:
    """The schema of `output_config.format`, or of `output_format` as SDKs before 1.0 send it."""
    config = request.get("output_config") or {}
    wanted = config.get("format") or request.get("output_format") or {}
    return wanted.get("schema", {}) if wanted.get("type") == "json_schema" else None


def _input_tokens(body: bytes, media: Sequence[Json]) -> int:
    """An estimate: a token per four bytes of JSON, media by their number instead of their size."""
    encoded = sum(len(data) for data in map(_data_of, media) if isinstance(data, str))
    return max(1, (len(body) - encoded) // 4 + MEDIA_TOKENS * len(media))


def _data_of(block: Json) -> Any:
    source = block.get("source")
    return source.get("data") if isinstance(source, dict) else None
