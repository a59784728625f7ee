"""Recognises at a glance the usual messages, tools and system prompts that are certainly valid.

Claude Code sends hundreds of them in each request. Pydantic would copy each; here they are only
looked at. What is not recognised is no error: pydantic judges it, and words what is wrong.

The checks of blocks are written out, not shared: a call costs as much as such a check.
"""

from collections.abc import Callable
from typing import Any

_PLAIN_TEXT = len(("type", "text"))
_ROLES = frozenset(("user", "assistant", "system"))
_STAND_IN: dict[str, Any] = {"messages": [{"role": "user", "content": ""}], "tools": [], "system": ""}


def without_the_usual(body: dict[str, Any]) -> dict[str, Any]:
    """A copy of `body` in which the bulky fields that are certainly valid are replaced by short valid ones."""
    rest = dict(body)
    for field, is_usual in _FIELDS.items():
        if field in rest and is_usual(rest[field]):
            rest[field] = _STAND_IN[field]
    return rest


def usual_messages(messages: object) -> bool:
    """Whether these are messages of text, thinking, tool calls and their results, without a mistake."""
    if type(messages) is not list or not messages:
        return False
    try:
        for message in messages:
            if type(message) is not dict or message["role"] not in _ROLES:
                return False
            content = message["content"]
            if type(content) is not str and not _usual_blocks(content, _BLOCKS):
                return False
    except (KeyError, TypeError):
        return False
    return True


def usual_tools(tools: object) -> bool:
    """Whether these are the client's own tools, without a mistake."""
    return type(tools) is list and all([_usual_tool(tool) for tool in tools])  # noqa: C419 - half the time


def usual_system(system: object) -> bool:
    """Whether this is a system prompt of text, without a mistake."""
    return type(system) is str or _usual_blocks(system, _TEXT_ONLY)


def _usual_tool(tool: object) -> bool:
    if type(tool) is not dict or tool.get("type", "custom") != "custom":
        return False
    return (
        _named(tool.get("name"))
        and type(tool.get("input_schema")) is dict
        and type(tool.get("description", "")) is str
        and _cacheable(tool)
    )


_Blocks = dict[str, Callable[[dict[str, Any]], bool]]


def _usual_blocks(blocks: object, kinds: _Blocks) -> bool:
    if type(blocks) is not list:
        return False
    try:
        for block in blocks:
            if type(block) is not dict or not kinds[block["type"]](block):
                return False
    except (KeyError, TypeError):  # no type, an unusual one, or one that cannot even be a key
        return False
    return True


def _usual_text(block: dict[str, Any]) -> bool:
    if type(block.get("text")) is not str:
        return False
    if len(block) == _PLAIN_TEXT:
        return True
    control = block.get("cache_control")
    return (control is None or type(control) is dict) and block.get("citations") is None


def _usual_thinking(block: dict[str, Any]) -> bool:
    return type(block.get("thinking")) is str and type(block.get("signature")) is str


def _usual_redacted_thinking(block: dict[str, Any]) -> bool:
    return type(block.get("data")) is str


def _usual_tool_use(block: dict[str, Any]) -> bool:
    call, name, control = block.get("id"), block.get("name"), block.get("cache_control")
    return (
        type(call) is str
        and type(name) is str
        and call != ""
        and name != ""
        and type(block.get("input")) is dict
        and (control is None or type(control) is dict)
    )


def _usual_tool_result(block: dict[str, Any]) -> bool:
    call, control, content = block.get("tool_use_id"), block.get("cache_control"), block.get("content", "")
    return (
        type(call) is str
        and call != ""
        and (control is None or type(control) is dict)
        and type(block.get("is_error", False)) is bool
        and (type(content) is str or _usual_blocks(content, _TEXT_ONLY))
    )


def _named(value: object) -> bool:
    return type(value) is str and value != ""


def _cacheable(value: dict[str, Any]) -> bool:
    control = value.get("cache_control")
    return control is None or type(control) is dict


_TEXT_ONLY: _Blocks = {"text": _usual_text}
_BLOCKS: _Blocks = {
    **_TEXT_ONLY,
    "thinking": _usual_thinking,
    "redacted_thinking": _usual_redacted_thinking,
    "tool_use": _usual_tool_use,
    "tool_result": _usual_tool_result,
}
_FIELDS: dict[str, Callable[[object], bool]] = {
    "messages": usual_messages,
    "tools": usual_tools,
    "system": usual_system,
}
