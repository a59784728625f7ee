"""What Databricks refuses, as far as it is documented or was reported: each check gives the message of the 400."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

EXTRA = "Extra inputs are not permitted"
_MESSAGES_FIELDS = frozenset(
    {
        *("model", "messages", "max_tokens", "system", "stream", "stop_sequences", "metadata", "tools", "tool_choice"),
        *("thinking", "output_config", "cache_control", "context_management", "temperature", "top_p", "top_k"),
    }
)
_CHAT_FIELDS = frozenset(
    {
        *("model", "messages", "max_tokens", "stream", "temperature", "top_p", "top_k", "stop", "n", "tools"),
        *("tool_choice", "response_format", "logprobs", "top_logprobs", "reasoning_effort", "thinking"),
        "output_config",
    }
)
_ROLE_FIELDS: Mapping[str, frozenset[str]] = {
    "system": frozenset({"role", "content"}),
    "user": frozenset({"role", "content"}),
    "assistant": frozenset({"role", "content", "tool_calls"}),
    "tool": frozenset({"role", "content", "tool_call_id"}),
}
_PART_FIELDS: Mapping[str, frozenset[str]] = {
    "text": frozenset({"type", "text", "cache_control"}),
    "image_url": frozenset({"type", "image_url", "cache_control"}),
    "reasoning": frozenset({"type", "summary"}),
}
_CLIENT_TOOLS = re.compile(r"custom$|bash_|text_editor_|memory_")
_NEWEST = re.compile(r"claude-[a-z]+-5-\d")
_WITH_SYSTEM_ROLE = re.compile(r"claude-[a-z]+-5|claude-opus-4-8")

Signed = set[tuple[str, str]]
"""Text and signature of the thinking that was handed out; hidden thinking has no text."""


def problem(body: dict[str, Any], wire: str, signed: Signed) -> str | None:
    """Why Databricks answers a request with a 400; None if it takes it."""
    checks = _messages_problems(body, signed) if wire == "messages" else _chat_problems(body, signed)
    return next(checks, None)


# ---------------------------------------------------------------- both wires


def _thinking_problems(body: dict[str, Any]) -> Iterator[str]:
    thinking = body.get("thinking")
    if thinking is None:
        return
    if _NEWEST.search(body["model"]) and thinking["type"] != "adaptive":
        yield f"thinking.type: Input should be 'adaptive' for this model, got '{thinking['type']}'"
    if "claude-sonnet-4-5" in body["model"] and thinking["type"] == "adaptive":
        yield "thinking.type: adaptive thinking is not supported by this model"
    if thinking["type"] == "enabled":
        if thinking["budget_tokens"] < 1024:
            yield "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024"
        if thinking["budget_tokens"] >= body["max_tokens"]:
            yield "`max_tokens` must be greater than `thinking.budget_tokens`"


def _extra(found: Mapping[str, Any], known: frozenset[str], path: str = "") -> Iterator[str]:
    yield from (f"{path}{name}: {EXTRA}" for name in found if name not in known)


# ---------------------------------------------------------------- messages wire


def _messages_problems(body: dict[str, Any], signed: Signed) -> Iterator[str]:
    yield from _extra(body, _MESSAGES_FIELDS)
    for number, tool in enumerate(body.get("tools") or ()):
        kind = tool.get("type", "custom")
        if not _CLIENT_TOOLS.match(kind):
            yield f"tools.{number}: Input tag '{kind}' found using 'type' does not match any of the expected tags"
    yield from _thinking_problems(body)
    for number, message in enumerate(body["messages"]):
        path = f"messages.{number}"
        if message["role"] == "system" and not _WITH_SYSTEM_ROLE.search(body["model"]):
            yield f"{path}.role: Input should be 'user' or 'assistant'"
        for place, block in enumerate(message["content"] if isinstance(message["content"], list) else ()):
            if _is_forged(block, signed):
                yield f"{path}.content.{place}: Invalid `signature` in `thinking` block"


def _is_forged(block: dict[str, Any], signed: Signed) -> bool:
    match block["type"]:
        case "thinking":
            return (block["thinking"], block.get("signature", "")) not in signed
        case "redacted_thinking":
            return ("", block["data"]) not in signed
        case _:
            return False


# ---------------------------------------------------------------- chat wire


def _chat_problems(body: dict[str, Any], signed: Signed) -> Iterator[str]:
    claude = "claude" in body["model"]
    yield from _extra(body, _CHAT_FIELDS)
    if "stream" not in body:
        yield "stream: the test wants to see it, because streaming is the default"
    if claude:
        yield from _thinking_problems(body)
    else:
        yield from (f"{name}: {EXTRA}" for name in ("thinking", "output_config") if name in body)
    if "response_format" in body and _NEWEST.search(body["model"]):
        yield "response_format is not supported for this model"
    yield from _tool_problems(body)
    for number, message in enumerate(body["messages"]):
        yield from _message_problems(message, number, claude, signed)
    yield from _order_problems(body["messages"], claude)


def _tool_problems(body: dict[str, Any]) -> Iterator[str]:
    for number, tool in enumerate(body.get("tools") or ()):
        yield from _extra(tool, frozenset({"type", "function"}), f"tools.{number}.")
        yield from _extra(tool["function"], frozenset({"name", "description", "parameters"}), f"tools.{number}.")


def _message_problems(message: dict[str, Any], number: int, claude: bool, signed: Signed) -> Iterator[str]:
    path = f"messages.{number}."
    yield from _extra(message, _ROLE_FIELDS[message["role"]], path)
    content = message.get("content")
    if content == "" or (content is None and not message.get("tool_calls")):
        yield f"{path}content: text content blocks must be non-empty"
    if not isinstance(content, list):
        return
    if not claude and all(part["type"] == "text" for part in content):
        yield f"{path}content: Input should be a valid string"
    for part in content:
        yield from _part_problems(part, message["role"], f"{path}content", signed)


def _part_problems(part: dict[str, Any], role: str, path: str, signed: Signed) -> Iterator[str]:
    yield from _extra(part, _PART_FIELDS.get(part["type"], frozenset()), f"{path}.")
    if part["type"] == "text" and not part["text"].strip():
        yield f"{path}: text content blocks must be non-empty"
    if role == "tool" and part["type"] != "text":
        yield f"{path}: a tool message holds text"
    for piece in part.get("summary", ()):
        if (piece.get("text", ""), piece.get("signature") or piece.get("data")) not in signed:
            yield f"{path}: Invalid `signature` in `thinking` block"


def _order_problems(messages: list[dict[str, Any]], claude: bool) -> Iterator[str]:
    for number, message in enumerate(messages):
        before = messages[number - 1] if number else None
        if message["role"] == "system" and number:
            yield f"messages.{number}.role: the system role can only be used once, as the first message"
        if message["role"] != "tool":
            continue
        if claude and before is not None and before["role"] == "tool":
            continue
        if before is None or not before.get("tool_calls"):
            yield f"messages.{number}: a tool message must follow a message with tool_calls"
