"""Content of user and system messages and of tool results as parts of a chat message: one function per block type."""

from collections.abc import Callable, Mapping
from typing import Any

from openrouter_anthropic_server.conversion.chat_context import ChatContext, Json, Part
from openrouter_anthropic_server.conversion.chat_documents import document_parts, search_result_parts
from openrouter_anthropic_server.conversion.chat_parts import image_source_part, mark_cached, text_part

PartRule = Callable[[Json, str, ChatContext], list[Part]]
"""Turns one block at a path into parts; none if nothing is left to send."""

TOOL_ERROR = "[tool error]"
"""Stands before the content of a result with `is_error`: the tool role has no field for it."""

_TEXT_FIELDS = frozenset({"type", "text", "cache_control", "citations"})
_IMAGE_FIELDS = frozenset({"type", "source", "cache_control", "transformations"})
_REFERENCE_FIELDS = frozenset({"type", "tool_name", "cache_control"})
_PLAIN_TEXT = len(("type", "text"))
_PLAIN_RESULT = len(("type", "tool_use_id", "content"))
_RESULT_FIELDS = frozenset({"type", "tool_use_id", "content", "is_error", "cache_control", "toolset_name"})


def _text_parts(block: Json, path: str, ctx: ChatContext) -> list[Part]:
    ctx.note_unknown(block, _TEXT_FIELDS, path)
    if block.get("citations"):
        ctx.notes.not_sent(f"{path}.citations", "chat messages carry no citations")
    text = block["text"]
    if not text:
        ctx.notes.not_sent(path, "empty text block")
        return []
    return [text_part(text, block.get("cache_control"))]


def _image_parts(block: Json, path: str, ctx: ChatContext) -> list[Part]:
    ctx.note_unknown(block, _IMAGE_FIELDS, path)
    if block.get("transformations"):
        ctx.notes.not_sent(f"{path}.transformations", "the upstream decides about oversized images")
    return mark_cached([image_source_part(block["source"], f"{path}.source", ctx)], block)


def _tool_reference_parts(block: Json, path: str, ctx: ChatContext) -> list[Part]:
    ctx.note_unknown(block, _REFERENCE_FIELDS, path)
    ctx.notes.converted(path, "a reference to a tool became text")
    name = ctx.tool_name(block["tool_name"], f"{path}.tool_name")
    return [text_part(f"Tool loaded: {name}", block.get("cache_control"))]


def _added_tool_parts(block: Json, path: str, ctx: ChatContext) -> list[Part]:
    tool = block.get("tool")
    if not isinstance(tool, Mapping) or tool.get("type") != "tool_reference":
        raise ctx.refusal(path, "blocks of type 'tool_addition' with anything but a tool_reference")
    ctx.notes.not_sent(path, "deferred tools are offered from the first message on")
    return []


SYSTEM_RULES: Mapping[str, PartRule] = {"text": _text_parts, "tool_addition": _added_tool_parts}
"""Blocks of the system prompt and of messages with the role system."""

USER_RULES: Mapping[str, PartRule] = {
    "text": _text_parts,
    "image": _image_parts,
    "document": document_parts,
    "search_result": search_result_parts,
}
"""Blocks of user messages, except tool results: those become messages of their own."""

RESULT_RULES: Mapping[str, PartRule] = {**USER_RULES, "tool_reference": _tool_reference_parts}
"""Blocks inside a tool result."""


def parts_of(content: Any, path: str, ctx: ChatContext, rules: Mapping[str, PartRule]) -> list[Part]:
    """The parts of a content: a string, a list of blocks, or nothing. A block without a rule is refused by name."""
    if content is None or content == "":
        return []
    if isinstance(content, str):
        return [text_part(content)]
    parts: list[Part] = []
    for position, block in enumerate(content):
        if is_plain_text(block):
            parts.append(text_part(block["text"]))
        else:
            parts += block_parts(block, f"{path}.{position}", ctx, rules)
    return parts


def block_parts(block: Json, path: str, ctx: ChatContext, rules: Mapping[str, PartRule]) -> list[Part]:
    """The parts of one block."""
    kind = block["type"]
    rule = rules.get(kind)
    if rule is None:
        raise ctx.refusal(path, f"blocks of type '{kind}'")
    return rule(block, path, ctx)


def plain_tool_message(block: Json) -> dict[str, Any] | None:
    """The `tool` message for a tool result of just an id and a text, as most are: there is nothing to note about it.

    None for any other block.
    """
    if block["type"] != "tool_result" or len(block) - (block.get("is_error") is False) != _PLAIN_RESULT:
        return None
    content = block.get("content")
    if type(content) is list and len(content) == 1 and is_plain_text(content[0]):
        content = content[0]["text"]
    if type(content) is not str:
        return None
    return {"role": "tool", "tool_call_id": block["tool_use_id"], "content": content}


def is_plain_text(block: Json) -> bool:
    """Whether a block is a text and nothing else."""
    return len(block) == _PLAIN_TEXT and block["type"] == "text" and block["text"] != ""


def tool_message(block: Json, path: str, ctx: ChatContext) -> dict[str, Any]:
    """The `tool` message for a tool_result block. Images and files stay inside it, as parts."""
    ctx.note_unknown(block, _RESULT_FIELDS, path)
    if block.get("toolset_name"):
        ctx.notes.not_sent(f"{path}.toolset_name", "the call's id tells which tool it was")
    parts = parts_of(block.get("content"), f"{path}.content", ctx, RESULT_RULES)
    if block.get("is_error"):
        ctx.notes.converted(f"{path}.is_error", f"the content starts with '{TOOL_ERROR}'")
        parts = _marked_as_error(parts)
    if block.get("cache_control") and not parts:
        ctx.notes.not_sent(f"{path}.cache_control", "nothing to mark in an empty result")
    return {"role": "tool", "tool_call_id": block["tool_use_id"], "content": collapsed(mark_cached(parts, block))}


def collapsed(parts: list[Part]) -> str | list[Part]:
    """Content for a chat message: a plain string where one unmarked text says it all, else the parts.

    Several texts stay several parts, so that nothing is glued together that was apart.
    """
    if not parts:
        return ""
    if len(parts) == 1 and len(parts[0]) == 2 and parts[0]["type"] == "text":
        text: str = parts[0]["text"]
        return text
    return parts


def _marked_as_error(parts: list[Part]) -> list[Part]:
    if len(parts) == 1 and parts[0]["type"] == "text":
        return [{**parts[0], "text": f"{TOOL_ERROR} {parts[0]['text']}"}]
    return [text_part(TOOL_ERROR), *parts]
