"""Short forms for tests of the conversion to the chat wire."""

from copy import deepcopy
from typing import Any

from openrouter_anthropic_server.conversion.chat_request import ConvertedRequest, convert_request
from openrouter_anthropic_server.conversion.validation import validate_messages_request

CLAUDE = "anthropic/claude-sonnet-4.5"
GPT = "openai/gpt-5"
GEMINI = "google/gemini-2.5-pro"
DEEPSEEK = "deepseek/deepseek-r1"

EPHEMERAL = {"type": "ephemeral"}

Block = dict[str, Any]


def convert(*messages: dict[str, Any], model: str = DEEPSEEK, **fields: Any) -> ConvertedRequest:
    """Validate and convert a request of these messages and fields; asserts that conversion left it as it was."""
    request: dict[str, Any] = {"model": "any", "max_tokens": 4096, "messages": list(messages), **fields}
    return convert_body(request, model=model)


def convert_body(request: dict[str, Any], *, model: str = DEEPSEEK) -> ConvertedRequest:
    """The same for a whole request."""
    before = deepcopy(request)
    converted = convert_request(validate_messages_request(request, api_version="2023-06-01"), model=model)
    assert request == before
    return converted


def sent_messages(*messages: dict[str, Any], model: str = DEEPSEEK, **fields: Any) -> list[dict[str, Any]]:
    """The chat messages that these messages become."""
    sent: list[dict[str, Any]] = convert(*messages, model=model, **fields).body["messages"]
    return sent


def notes(converted: ConvertedRequest) -> set[tuple[str, str]]:
    """Kind and path of each note."""
    return {(note.kind, note.path) for note in converted.notes}


def user(*content: str | Block) -> dict[str, Any]:
    """A user message; strings become text blocks."""
    return {"role": "user", "content": blocks(content)}


def assistant(*content: str | Block) -> dict[str, Any]:
    """An assistant message; strings become text blocks."""
    return {"role": "assistant", "content": blocks(content)}


def system(*content: str | Block, **fields: Any) -> dict[str, Any]:
    """A message with the role system."""
    return {"role": "system", "content": blocks(content), **fields}


def blocks(content: tuple[str | Block, ...]) -> list[Block]:
    """Content blocks."""
    return [text(block) if isinstance(block, str) else block for block in content]


def text(value: str, **fields: Any) -> Block:
    """A text block, and the chat part for one."""
    return {"type": "text", "text": value, **fields}


def call(identifier: str, name: str = "Bash", **arguments: Any) -> Block:
    """A tool_use block."""
    return {"type": "tool_use", "id": identifier, "name": name, "input": arguments}


def result(identifier: str, content: Any = "done", **fields: Any) -> Block:
    """A tool_result block."""
    return {"type": "tool_result", "tool_use_id": identifier, "content": content, **fields}


def tool(name: str = "Bash", **fields: Any) -> Block:
    """A custom tool."""
    return {"name": name, "input_schema": {"type": "object", "properties": {}}, **fields}
