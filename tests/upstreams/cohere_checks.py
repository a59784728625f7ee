"""What the real Cohere API refuses: fields of other APIs, calls without results, images where no model sees."""

from collections.abc import Iterator
from typing import Any

from tests.upstreams.answers import ApiError
from tests.upstreams.received import Received

_FIELDS = frozenset(
    {
        *("model", "messages", "tools", "strict_tools", "documents", "citation_options", "response_format"),
        *("safety_mode", "max_tokens", "stop_sequences", "temperature", "seed", "frequency_penalty", "stream"),
        *("presence_penalty", "k", "p", "logprobs", "tool_choice", "thinking", "priority"),
    }
)
_MESSAGE_FIELDS = {
    "user": {"role", "content"},
    "system": {"role", "content"},
    "assistant": {"role", "content", "tool_calls", "tool_plan", "citations"},
    "tool": {"role", "content", "tool_call_id"},
}
_PART_FIELDS = {
    "text": {"type", "text"},
    "image_url": {"type", "image_url"},
    "thinking": {"type", "thinking"},
    "document": {"type", "document"},
}


def problem_of(received: Received) -> ApiError | None:
    """The error that the real API would answer with; None for a good request."""
    if not received.headers.get("authorization", "").startswith("Bearer "):
        return ApiError(401, "no api key supplied")
    found = next(_problems(received.body), None)
    return None if found is None else ApiError(422 if "unknown field" in found else 400, found)


def _problems(body: dict[str, Any]) -> Iterator[str]:
    yield from (f"unknown field: parameter '{name}' is not a valid field" for name in body if name not in _FIELDS)
    if body.get("tool_choice") not in {None, "REQUIRED", "NONE"}:
        yield "invalid request: tool_choice must be REQUIRED or NONE"
    if body.get("response_format") and body.get("tools"):
        yield "invalid request: response_format is not supported with tools"
    for tool in body.get("tools", []):
        yield from (f"unknown field: tools.{name}" for name in tool if name not in {"type", "function"})
        known = {"name", "description", "parameters"}
        yield from (f"unknown field: tools.function.{name}" for name in tool["function"] if name not in known)
    yield from _turn_problems(body)


def _turn_problems(body: dict[str, Any]) -> Iterator[str]:
    messages = body.get("messages", [])
    if not messages or messages[-1]["role"] not in {"user", "tool"}:
        yield "invalid request: the last message must be of the user or a tool"
    open_calls: list[str] = []
    for number, message in enumerate(messages):
        yield from _message_problems(message, f"messages[{number}]", str(body.get("model")))
        if message["role"] == "tool" and message["tool_call_id"] not in open_calls:
            yield f"invalid request: {message['tool_call_id']} is the result of no call in the turn before"
        if message["role"] == "tool":
            open_calls.remove(message["tool_call_id"])
        elif open_calls:
            yield f"invalid request: all tool calls must have results, missing: {open_calls}"
        if message["role"] == "assistant":
            open_calls = [call["id"] for call in message.get("tool_calls", [])]


def _message_problems(message: dict[str, Any], path: str, model: str) -> Iterator[str]:
    known = _MESSAGE_FIELDS.get(message["role"])
    if known is None:
        yield f"invalid request: {path}.role"
        return
    yield from (f"unknown field: {path}.{name}" for name in message if name not in known)
    content = message.get("content")
    if content in (None, "") and not message.get("tool_calls"):
        yield f"invalid request: {path} needs content"
    for part in content if isinstance(content, list) else []:
        fields = _PART_FIELDS.get(part.get("type"), set())
        yield from (f"unknown field: {path}.content.{name}" for name in part if name not in fields)
        if part.get("type") == "image_url" and "vision" not in model:
            yield f"invalid request: {model} does not support image inputs"
