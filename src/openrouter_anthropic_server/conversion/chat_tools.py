"""Tools and tool_choice for the chat wire: functions for client tools, OpenRouter's own for web search and fetch."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from openrouter_anthropic_server.conversion.chat_client_tools import (
    Function,
    bash_function,
    memory_function,
    old_text_editor_function,
    text_editor_function,
)
from openrouter_anthropic_server.conversion.chat_context import ChatContext, Json
from openrouter_anthropic_server.conversion.chat_support import chat_name
from openrouter_anthropic_server.conversion.tool_schemas import meets_strict_rules, normalise_schema

PLACEHOLDER = "DeferredToolPlaceholder"
"""A tool without parameters that Claude Code sends to announce that more tools can be loaded."""

WEB_SEARCH = "openrouter:web_search"
WEB_FETCH = "openrouter:web_fetch"

_OPENROUTER_PREFIX = "openrouter:"
_SERVER_TOOLS = frozenset({"web_search", "web_fetch"})
_STRICT_TOOLS = frozenset({"openrouter", "openai", "azure", "mistral", "databricks"})
_CACHING_TOOLS = frozenset({"openrouter", "bedrock"})
"""Providers whose tools may have `strict`, and a mark for the prompt cache."""
_CUSTOM = "custom"
_OLD_EDITORS = frozenset({"text_editor_20241022", "text_editor_20250124"})
_DATE = re.compile(r"_\d{8}$")

_COMMON_FIELDS = frozenset({"type", "name", "cache_control", "strict", "defer_loading"})
_CUSTOM_FIELDS = _COMMON_FIELDS | {"description", "input_schema"}
_NOT_SENT: Mapping[str, str] = {
    "input_examples": "this wire has no examples of input",
    "eager_input_streaming": "the upstream decides how it streams input",
    "allowed_callers": "no code calls tools on this wire",
    "max_characters": "the client's own limit",
}

ToolRule = Callable[[Json, str, ChatContext], dict[str, Any] | None]
"""The chat tool for one tool at a path; None if it is not needed there."""


def convert_tools(request: Json, ctx: ChatContext) -> dict[str, Any]:
    """`tools`, `tool_choice` and `parallel_tool_calls`, as far as there is something to send."""
    offered: Sequence[Json] = request.get("tools") or []
    choice: Json | None = request.get("tool_choice")
    converted = [_convert_tool(tool, f"tools.{n}", ctx) for n, tool in enumerate(offered)]
    tools = [tool for tool in converted if tool is not None]
    if not tools:
        if choice is not None:
            ctx.notes.not_sent("tool_choice", "there are no tools to choose from")
        return {}
    server_tools = {
        tool["name"]: sent["type"]
        for tool, sent in zip(offered, converted, strict=True)
        if sent is not None and sent["type"] in {WEB_SEARCH, WEB_FETCH} and "name" in tool
    }
    return {"tools": tools} | _tool_choice(choice, server_tools, ctx)


def _convert_tool(tool: Json, path: str, ctx: ChatContext) -> dict[str, Any] | None:
    kind = tool.get("type") or _CUSTOM
    if kind == _CUSTOM:  # almost all are
        return _custom_tool(tool, path, ctx)
    runs_tools = ctx.dialect.provider == "openrouter"
    if kind.startswith(_OPENROUTER_PREFIX) and runs_tools:
        return dict(tool)
    rule = _RULES.get(_family(kind))
    if rule is None or (_family(kind) in _SERVER_TOOLS and not runs_tools):
        raise ctx.refusal(path, f"tools of type '{kind}'")
    return rule(tool, path, ctx)


def _custom_tool(tool: Json, path: str, ctx: ChatContext) -> dict[str, Any] | None:
    name, schema = tool["name"], tool.get("input_schema") or {}
    if name == PLACEHOLDER and not schema.get("properties"):
        ctx.notes.not_sent(path, "a placeholder for deferred tools, which are sent themselves")
        return None
    function: Function = {"name": name}
    if tool.get("description") is not None:
        function["description"] = tool["description"]
    function["parameters"] = normalise_schema(schema, vendor=ctx.vendor)
    _note_tool_fields(tool, _CUSTOM_FIELDS, path, ctx)
    return _function_tool(tool, function, path, ctx)


def _client_tool(make: Callable[[str], Function]) -> ToolRule:
    def rule(tool: Json, path: str, ctx: ChatContext) -> dict[str, Any]:
        ctx.notes.converted(path, f"a tool of type '{tool['type']}' became a function")
        _note_tool_fields(tool, _COMMON_FIELDS, path, ctx)
        return _function_tool(tool, make(tool.get("name") or _family(tool["type"])), path, ctx)

    return rule


def _text_editor(tool: Json, path: str, ctx: ChatContext) -> dict[str, Any] | None:
    make = old_text_editor_function if tool["type"] in _OLD_EDITORS else text_editor_function
    return _client_tool(make)(tool, path, ctx)


def _function_tool(tool: Json, function: Function, path: str, ctx: ChatContext) -> dict[str, Any]:
    function["name"] = ctx.tool_name(function["name"], f"{path}.name")
    if tool.get("strict") is not None:
        function |= _strict(tool, path, ctx)
    converted: dict[str, Any] = {"type": "function", "function": function}
    if tool.get("cache_control"):
        if ctx.dialect.provider in _CACHING_TOOLS:
            converted["cache_control"] = tool["cache_control"]
        else:
            ctx.notes.not_sent(f"{path}.cache_control", f"{ctx.dialect.provider} does not take it")
    return converted


def _strict(tool: Json, path: str, ctx: ChatContext) -> Function:
    if ctx.dialect.provider not in _STRICT_TOOLS or (ctx.dialect.provider == "databricks" and not ctx.anthropic):
        ctx.notes.not_sent(f"{path}.strict", f"{ctx.dialect.provider} does not take it")
    elif not tool["strict"] or ctx.anthropic or meets_strict_rules(tool.get("input_schema") or {}):
        return {"strict": tool["strict"]}
    else:
        ctx.notes.not_sent(f"{path}.strict", "the schema leaves properties optional or objects open")
    return {}


def _server_tool(openrouter_type: str, parameters: Mapping[str, str]) -> ToolRule:
    """A tool that OpenRouter runs; `parameters` are Anthropic's names and OpenRouter's."""
    known = frozenset({"type", "name", "defer_loading", *parameters})

    def rule(tool: Json, path: str, ctx: ChatContext) -> dict[str, Any]:
        ctx.notes.converted(path, f"a tool of type '{tool['type']}' became '{openrouter_type}'")
        _note_tool_fields(tool, known, path, ctx)
        given = {there: tool[here] for here, there in parameters.items() if tool.get(here) is not None}
        return {"type": openrouter_type, "parameters": given} if given else {"type": openrouter_type}

    return rule


def _tool_search(tool: Json, path: str, ctx: ChatContext) -> dict[str, Any] | None:
    ctx.notes.not_sent(path, "tool search is not needed: deferred tools are sent themselves")
    return None


_RULES: Mapping[str, ToolRule] = {
    _CUSTOM: _custom_tool,
    "bash": _client_tool(bash_function),
    "text_editor": _text_editor,
    "memory": _client_tool(memory_function),
    "web_search": _server_tool(
        WEB_SEARCH,
        {
            "max_uses": "max_uses",
            "max_results": "max_results",
            "allowed_domains": "allowed_domains",
            "blocked_domains": "excluded_domains",
            "user_location": "user_location",
        },
    ),
    "web_fetch": _server_tool(
        WEB_FETCH,
        {
            "max_uses": "max_uses",
            "allowed_domains": "allowed_domains",
            "blocked_domains": "blocked_domains",
            "max_content_tokens": "max_content_tokens",
        },
    ),
    "tool_search_tool_bm25": _tool_search,
    "tool_search_tool_regex": _tool_search,
}
"""By type without its date. Not here, so refused by name: computer, toolsets, code execution, advisor, MCP toolsets."""


def _family(kind: str) -> str:
    return _DATE.sub("", kind)


def _note_tool_fields(tool: Json, known: frozenset[str], path: str, ctx: ChatContext) -> None:
    if not known.issuperset(tool):
        for name, value in tool.items():
            if name not in known and value is not None:
                ctx.notes.not_sent(f"{path}.{name}", _NOT_SENT.get(name, "unknown field"))
    if tool.get("defer_loading"):
        ctx.notes.converted(f"{path}.defer_loading", "the tool is offered from the start")


def _tool_choice(choice: Json | None, server_tools: Mapping[str, str], ctx: ChatContext) -> dict[str, Any]:
    if choice is None:
        return {}
    named = choice["type"] == "tool"
    wanted: Any = _named_tool(choice["name"], server_tools, ctx) if named else _CHOICES[choice["type"]]
    ctx.note_unknown(choice, _CHOICE_FIELDS, "tool_choice")
    return {"tool_choice": wanted} | _one_call_at_a_time(choice, ctx)


def _one_call_at_a_time(choice: Json, ctx: ChatContext) -> dict[str, Any]:
    if not choice.get("disable_parallel_tool_use"):
        return {}
    name = chat_name("parallel_tool_calls", ctx.model, ctx.dialect, ctx.capabilities)
    if name is None:
        ctx.notes.not_sent(
            "tool_choice.disable_parallel_tool_use", f"{ctx.model} at {ctx.dialect.provider} does not take it"
        )
        return {}
    return {name: False}


_CHOICES: Mapping[str, str] = {"auto": "auto", "any": "required", "none": "none"}
_CHOICE_FIELDS = frozenset({"type", "name", "disable_parallel_tool_use"})


def _named_tool(name: str, server_tools: Mapping[str, str], ctx: ChatContext) -> dict[str, Any]:
    if name in server_tools:
        return {"type": server_tools[name]}
    return {"type": "function", "function": {"name": ctx.tool_name(name, "tool_choice.name")}}
