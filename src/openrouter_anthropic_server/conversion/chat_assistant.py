"""Assistant turns: texts, tool calls and reasoning of one turn, gathered into one chat message."""

from collections.abc import Callable, Mapping
from typing import Any

from openrouter_anthropic_server.conversion.chat_content import SYSTEM_RULES, collapsed, is_plain_text
from openrouter_anthropic_server.conversion.chat_context import ChatContext, Json, Part
from openrouter_anthropic_server.conversion.chat_history_reasoning import Detail, redacted_details, thinking_details
from openrouter_anthropic_server.conversion.chat_parts import text_part
from openrouter_anthropic_server.conversion.chat_server_blocks import SERVER_RULES
from openrouter_anthropic_server.conversion.databricks_history import redacted_parts, thinking_parts
from openrouter_anthropic_server.conversion.json_text import dump_json

_CALL_FIELDS = frozenset({"type", "id", "name", "input", "cache_control", "caller", "toolset_name"})
_PLAIN_CALL = len(("type", "id", "name", "input"))
_DIRECT_CALLERS = (None, {"type": "direct"})


class AssistantDraft:
    """An assistant turn so far, from `path` on; consecutive assistant messages fill the same draft."""

    __slots__ = ("calls", "details", "parts", "path")

    def __init__(self, path: str) -> None:
        self.path = path
        self.parts: list[Part] = []
        self.calls: list[dict[str, Any]] = []
        self.details: list[Detail] = []

    def message(self) -> dict[str, Any] | None:
        """The chat message, or None if nothing of the turn could be sent."""
        if not (self.parts or self.calls or self.details):
            return None
        message: dict[str, Any] = {"role": "assistant", "content": collapsed(self.parts) or None}
        if self.calls:
            message["tool_calls"] = self.calls
        if self.details:
            message["reasoning_details"] = self.details
        return message


AssistantRule = Callable[[Json, str, ChatContext, AssistantDraft], None]
"""Adds one block to the draft."""


def add_assistant_content(content: Any, path: str, ctx: ChatContext, draft: AssistantDraft) -> None:
    """Add the content of an assistant message (a string or blocks) to `draft`."""
    if isinstance(content, str):
        if content:
            draft.parts.append(text_part(content))
        return
    for position, block in enumerate(content):
        kind = block["type"]
        if kind == "tool_use" and _add_plain_call(block, ctx, draft):
            continue
        if not draft.calls and is_plain_text(block):
            draft.parts.append({"type": "text", "text": block["text"]})
            continue
        here = f"{path}.{position}"
        rule = _RULES.get(kind)
        if rule is None:
            raise ctx.refusal(here, f"blocks of type '{kind}'")
        rule(block, here, ctx, draft)


def _add_plain_call(block: Json, ctx: ChatContext, draft: AssistantDraft) -> bool:
    """Add a call that has just its four fields, as most have; False if there is anything to note about it."""
    name = block["name"]
    if len(block) != _PLAIN_CALL or "input" not in block or ctx.tool_names.to_upstream(name) != name:
        return False
    function = {"name": name, "arguments": dump_json(block["input"]).decode()}
    draft.calls.append({"id": block["id"], "type": "function", "function": function})
    return True


def _add_text(block: Json, path: str, ctx: ChatContext, draft: AssistantDraft) -> None:
    parts = SYSTEM_RULES["text"](block, path, ctx)
    if parts and draft.calls:
        ctx.notes.converted(path, "text after a tool call stands before it")
    draft.parts += parts


def _add_call(block: Json, path: str, ctx: ChatContext, draft: AssistantDraft) -> None:
    ctx.note_unknown(block, _CALL_FIELDS, path)
    _note_call_fields(block, path, ctx)
    function = {
        "name": ctx.tool_name(block["name"], f"{path}.name"),
        "arguments": dump_json(block.get("input") or {}).decode(),
    }
    draft.calls.append({"id": block["id"], "type": "function", "function": function})


def _note_call_fields(block: Json, path: str, ctx: ChatContext) -> None:
    if block.get("cache_control"):
        ctx.notes.not_sent(f"{path}.cache_control", "tool calls carry no cache marker")
    if block.get("caller") not in _DIRECT_CALLERS:
        ctx.notes.not_sent(f"{path}.caller", "calls from code look like the model's own")
    if block.get("toolset_name"):
        ctx.notes.not_sent(f"{path}.toolset_name", "the name alone tells the tool")


def _add_thinking(block: Json, path: str, ctx: ChatContext, draft: AssistantDraft) -> None:
    if ctx.dialect.reasoning == "databricks":
        draft.parts += thinking_parts(block, path, ctx)
        return
    draft.details += thinking_details(block, path, ctx, index=len(draft.details))


def _add_redacted(block: Json, path: str, ctx: ChatContext, draft: AssistantDraft) -> None:
    if ctx.dialect.reasoning == "databricks":
        draft.parts += redacted_parts(block, path, ctx)
        return
    draft.details += redacted_details(block, path, ctx, index=len(draft.details))


def _add_server_block(block: Json, path: str, ctx: ChatContext, draft: AssistantDraft) -> None:
    text = SERVER_RULES[block["type"]](block, path, ctx)
    if text:
        draft.parts.append(text_part(text, block.get("cache_control")))


_RULES: Mapping[str, AssistantRule] = {
    "text": _add_text,
    "tool_use": _add_call,
    "thinking": _add_thinking,
    "redacted_thinking": _add_redacted,
    **dict.fromkeys(SERVER_RULES, _add_server_block),
}
