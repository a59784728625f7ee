"""The last step of a conversion for Databricks' chat completions: nothing that it refuses is left in the request."""

from typing import Any, Final

from openrouter_anthropic_server.conversion.chat_context import ChatContext
from openrouter_anthropic_server.conversion.databricks_messages import fit_messages
from openrouter_anthropic_server.openai_types.chat import ChatRequest

_ALWAYS: Final = frozenset({"model", "messages", "stream"})
_TOOL_FIELDS: Final = frozenset({"type", "function"})
_STRICT: Final = "strict"


def fit_databricks(body: ChatRequest, ctx: ChatContext) -> ChatRequest:
    """`body` as Databricks takes it. Unknown fields are refused there, so they are left out and noted."""
    accepted = _ALWAYS | (ctx.dialect.parameters or frozenset())
    fitted = {name: value for name, value in body.items() if name in accepted}
    for name in body:
        if name not in accepted:
            ctx.notes.not_sent(name, "Databricks does not take it")
    fitted["messages"] = fit_messages(body["messages"], ctx)
    # Its reference calls streaming the default.
    fitted.setdefault("stream", False)
    if "tools" in fitted:
        fitted["tools"] = [_tool(tool, f"tools.{number}", ctx) for number, tool in enumerate(fitted["tools"])]
    return fitted


def _tool(tool: dict[str, Any], path: str, ctx: ChatContext) -> dict[str, Any]:
    if tool["type"] != "function":
        raise ctx.refusal(path, f"tools of type '{tool['type']}'")
    for name in tool:
        if name not in _TOOL_FIELDS:
            ctx.notes.not_sent(f"{path}.{name}", "Databricks does not take it")
    function = tool["function"]
    if _STRICT in function:
        ctx.notes.not_sent(f"{path}.{_STRICT}", "Databricks does not take it")
        function = {name: value for name, value in function.items() if name != _STRICT}
    return {"type": "function", "function": function}
