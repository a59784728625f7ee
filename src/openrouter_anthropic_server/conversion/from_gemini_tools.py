"""Tools of Gemini's API for the Messages API: functions, and the two searches that have a counterpart."""

from collections.abc import Mapping
from typing import Any

from openrouter_anthropic_server.conversion.chat_context import NoteBook
from openrouter_anthropic_server.conversion.gemini_shapes import all_fields_of, fields_of, json_schema
from openrouter_anthropic_server.conversion.request_shapes import Json, name_at, note_rest, refusal
from openrouter_anthropic_server.errors import InvalidRequestError

Tool = dict[str, Any]

_SEARCHES: Mapping[str, Tool] = {
    "googleSearch": {"type": "web_search_20250305", "name": "web_search"},
    "googleSearchRetrieval": {"type": "web_search_20250305", "name": "web_search"},
    "urlContext": {"type": "web_fetch_20250910", "name": "web_fetch"},
}
_CHOICES: Mapping[str, str] = {"AUTO": "auto", "VALIDATED": "auto", "ANY": "any", "NONE": "none"}
_CHOICE_PATH = "toolConfig.functionCallingConfig"
_CHOICE_FIELDS = frozenset({"mode", "allowedFunctionNames"})


def tools_from_gemini(tools: object, config: object, notes: NoteBook) -> dict[str, Any]:
    """`tools` and `tool_choice`, as far as there are any."""
    offered: list[Tool] = []
    for number, tool in enumerate(all_fields_of(tools, "tools")):
        offered += _tools(tool, f"tools.{number}", notes)
    settings = fields_of(config, "toolConfig")
    choice = fields_of(settings.pop("functionCallingConfig", {}), _CHOICE_PATH)
    for name in settings:
        notes.not_sent(f"toolConfig.{name}", "only Google's own tools know it")
    note_rest(choice, _CHOICE_FIELDS, _CHOICE_PATH, notes)
    mode = str(choice.get("mode", "AUTO")).upper()
    if mode not in (*_CHOICES, "MODE_UNSPECIFIED"):
        raise InvalidRequestError(f"{_CHOICE_PATH}.mode: Input should be one of {', '.join(_CHOICES)}")
    allowed = _allowed(choice, offered, notes)
    converted: dict[str, Any] = {"tools": allowed} if allowed else {}
    if mode == "ANY" and len(allowed) == 1:
        return converted | {"tool_choice": {"type": "tool", "name": allowed[0]["name"]}}
    if "mode" in choice and mode in _CHOICES and allowed:
        converted["tool_choice"] = {"type": _CHOICES[mode]}
    return converted


def _tools(tool: Json, path: str, notes: NoteBook) -> list[Tool]:
    found: list[Tool] = []
    for name, value in tool.items():
        if name == "functionDeclarations":
            functions = all_fields_of(value, f"{path}.{name}")
            found += [_function(one, f"{path}.{name}.{n}", notes) for n, one in enumerate(functions)]
        elif name in _SEARCHES:
            found.append(_search(name, fields_of(value, f"{path}.{name}"), f"{path}.{name}", notes))
        else:
            raise refusal(f"{path}.{name}", "tools of this kind", "send functionDeclarations")
    return found


def _search(name: str, settings: Json, path: str, notes: NoteBook) -> Tool:
    tool = dict(_SEARCHES[name])
    notes.converted(path, f"became '{tool['type']}'")
    note_rest(settings, {"excludeDomains"}, path, notes)
    if settings.get("excludeDomains"):
        tool["blocked_domains"] = settings["excludeDomains"]
    return tool


def _function(function: Json, path: str, notes: NoteBook) -> Tool:
    tool: Tool = {"name": name_at(function.get("name"), f"{path}.name")}
    if "description" in function:
        tool["description"] = function["description"]
    schema = function.get("parametersJsonSchema")
    if schema is None:
        schema = json_schema(function.get("parameters"), f"{path}.parameters", notes)
    tool["input_schema"] = schema or {"type": "object", "properties": {}}
    for name in sorted(function.keys() - {"name", "description", "parameters", "parametersJsonSchema"}):
        notes.not_sent(f"{path}.{name}", "functions have no such field")
    return tool


def _allowed(choice: Json, offered: list[Tool], notes: NoteBook) -> list[Tool]:
    """Only the functions that may be called are offered: nothing else narrows the choice to several."""
    names = choice.get("allowedFunctionNames")
    if not names:
        return offered
    known = {tool["name"] for tool in offered}
    path = f"{_CHOICE_PATH}.allowedFunctionNames"
    if not isinstance(names, list) or any(not isinstance(name, str) or name not in known for name in names):
        raise InvalidRequestError(f"{path}: Input should be names of functions among the tools")
    if len(names) < len(offered):
        notes.converted(path, "the other tools are not offered")
    return [tool for tool in offered if tool["name"] in names]
