"""Tools and their choice, as OpenAI's chat completions have them, for the Messages API."""

from collections.abc import Mapping
from typing import Any

from openrouter_anthropic_server.conversion.chat_context import NoteBook
from openrouter_anthropic_server.conversion.request_shapes import (
    Json,
    name_at,
    note_rest,
    object_at,
    objects_at,
    refusal,
)

_CHOICES: Mapping[str, str] = {"auto": "auto", "required": "any", "none": "none"}
_FUNCTION_FIELDS = frozenset({"name", "description", "parameters", "strict"})


def tools_from_openai(body: Json, notes: NoteBook) -> dict[str, Any]:
    """`tools` and `tool_choice`, as far as there are any."""
    offered = objects_at(body.get("tools") or [], "tools")
    choice = _choice(body.get("tool_choice"))
    if body.get("parallel_tool_calls") is False and offered:
        choice = choice or {"type": "auto"}
        if choice["type"] != "none":
            choice["disable_parallel_tool_use"] = True
    converted: dict[str, Any] = {}
    if offered:
        converted["tools"] = [_tool(tool, f"tools.{number}", notes) for number, tool in enumerate(offered)]
    if choice == {"type": "none"} and not offered:
        notes.not_sent("tool_choice", "there are no tools")
    elif choice is not None:
        converted["tool_choice"] = choice
    return converted


def _tool(tool: Json, path: str, notes: NoteBook) -> dict[str, Any]:
    kind = tool.get("type", "function")
    if kind != "function":
        raise refusal(f"{path}.type", f"tools of type '{kind}'", "send a tool of type 'function'")
    function = object_at(tool.get("function"), f"{path}.function")
    converted: dict[str, Any] = {"name": name_at(function.get("name"), f"{path}.function.name")}
    if function.get("description") is not None:
        converted["description"] = function["description"]
    schema = function.get("parameters") or {"type": "object", "properties": {}}
    converted["input_schema"] = object_at(schema, f"{path}.function.parameters")
    if function.get("strict") is not None:
        converted["strict"] = function["strict"]
    if tool.get("cache_control"):
        converted["cache_control"] = tool["cache_control"]
    note_rest(function, _FUNCTION_FIELDS, f"{path}.function", notes)
    note_rest(tool, {"type", "function", "cache_control"}, path, notes)
    return converted


def _choice(choice: object) -> dict[str, Any] | None:
    if choice is None:
        return None
    if isinstance(choice, str):
        if choice not in _CHOICES:
            raise refusal("tool_choice", f"choices of '{choice}'", "send auto, required, none or a function")
        return {"type": _CHOICES[choice]}
    named = object_at(choice, "tool_choice")
    kind = named.get("type", "function")
    if kind != "function":
        raise refusal("tool_choice.type", f"choices of type '{kind}'", "offer only the tools that may be called")
    function = object_at(named.get("function"), "tool_choice.function")
    return {"type": "tool", "name": name_at(function.get("name"), "tool_choice.function.name")}
