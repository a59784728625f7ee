"""How the demo model calls tools: which one is forced, with what input, and the server's tools it cannot run."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from openrouter_anthropic_server.backends.demo_answer import Block, text_block, tool_block
from openrouter_anthropic_server.backends.demo_request import DemoRequest
from openrouter_anthropic_server.backends.demo_schema import sample
from openrouter_anthropic_server.errors import InvalidRequestError

Json = dict[str, Any]

_QUERY_CHARACTERS = 200
_SEARCH_REQUEST = "Perform a web search for the query: "  # how Claude Code words its inner search call

_BUILT_IN_INPUTS: Mapping[str, Json] = {
    "bash": {"command": "echo demo"},
    "str_replace_editor": {"command": "view", "path": "/tmp"},
    "str_replace_based_edit_tool": {"command": "view", "path": "/tmp"},
    "memory": {"command": "view", "path": "/memories"},
    "computer": {"action": "screenshot"},
}
"""Harmless inputs for Anthropic's client tools, which come without a schema."""


@dataclass(frozen=True, slots=True)
class ServerTool:
    """A tool that the API runs itself: its result block, and the input key that holds the prompt."""

    result: str
    input_key: str


_SERVER_TOOLS: Mapping[str, ServerTool] = {
    "web_search": ServerTool("web_search_tool_result", "query"),
    "web_fetch": ServerTool("web_fetch_tool_result", "url"),
    "code_execution": ServerTool("code_execution_tool_result", "code"),
    "tool_search_tool_bm25": ServerTool("tool_search_tool_result", "query"),
    "tool_search_tool_regex": ServerTool("tool_search_tool_result", "pattern"),
}


def server_tool(tool: Json) -> ServerTool | None:
    """How the API answers for this tool; None where the client runs it."""
    kind = tool.get("type") or "custom"
    return None if kind == "custom" else _SERVER_TOOLS.get(str(tool.get("name")))


def forced_tool(request: DemoRequest) -> Json | None:
    """The tool that `tool_choice` demands; None for `auto` and `none`.

    Raises `InvalidRequestError` where the choice cannot be met.
    """
    kind = request.tool_choice.get("type", "auto")
    if kind == "tool":
        return _named_tool(request)
    if kind != "any":
        return None
    named = [tool for tool in request.tools if tool.get("name")]
    if not named:
        raise InvalidRequestError("tool_choice: `any` needs a tool with a name in `tools`")
    return next((tool for tool in named if not tool.get("defer_loading")), named[0])


def _named_tool(request: DemoRequest) -> Json:
    name = str(request.tool_choice.get("name"))
    tool = request.tool(name)
    if tool is None:
        raise InvalidRequestError(f"tool_choice: tool `{name}` is not in `tools`")
    return tool


def call_blocks(request: DemoRequest, name: str, tool_input: Json | None) -> list[Block]:
    """A call of the tool `name`, offered or not; without an input, one is made for it.

    A tool of the server gets its result in the same answer: an error, for nothing is looked up here.
    """
    tool = request.tool(name) or {"name": name}
    served = server_tool(tool)
    if served is None:
        return [tool_block(name, _client_input(tool) if tool_input is None else tool_input)]
    call = tool_block(name, tool_input or {served.input_key: _query(request)}, kind="server_tool_use")
    return [call, _unavailable(served, call), *_apology(request, name)]


def _client_input(tool: Json) -> Json:
    if "input_schema" not in tool:
        return _BUILT_IN_INPUTS.get(str(tool.get("name")), {})
    made = sample({"type": "object", **tool["input_schema"]})
    return made if isinstance(made, dict) else {}


def _query(request: DemoRequest) -> str:
    return request.prompt.removeprefix(_SEARCH_REQUEST).strip()[:_QUERY_CHARACTERS] or "demo"


def _unavailable(served: ServerTool, call: Block) -> Block:
    error = {"type": f"{served.result}_error", "error_code": "unavailable"}
    return Block({"type": served.result, "tool_use_id": call.content["id"], "content": error}, 0)


def _apology(request: DemoRequest, name: str) -> list[Block]:
    if request.schema is not None:  # structured output: text blocks are JSON alone
        return []
    return [
        text_block(
            f"[demo model] {name} is not available: the demo model reaches no network and invents no results. "
            "Set OPENROUTER_API_KEY and restart the server to use a real model."
        )
    ]
