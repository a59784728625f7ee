"""`thinking` and `output_config.effort` as Databricks' chat completions take them.

Claude models get both fields in Anthropic's own form; the others that reason take `reasoning_effort`.
"""

from typing import Any

from openrouter_anthropic_server.conversion.chat_context import ChatContext, Json
from openrouter_anthropic_server.conversion.thinking_kinds import fit_thinking

_OWN_FIELDS = ("type", "budget_tokens")
_THINKING_FIELDS = frozenset({*_OWN_FIELDS, "display", "block_binding"})


def databricks_reasoning(request: Json, ctx: ChatContext) -> dict[str, Any]:
    """The parameters for thinking and effort; what the model does not take is noted."""
    effort = (request.get("output_config") or {}).get("effort")
    rule = _of_claude if ctx.anthropic else _of_others
    return rule(request, request.get("thinking"), effort, ctx)


def _of_claude(request: Json, thinking: Json | None, effort: str | None, ctx: ChatContext) -> dict[str, Any]:
    fitted = fit_thinking(thinking, effort, ctx.capabilities, max_tokens=request.get("max_tokens"))
    ctx.notes.add(fitted.notes)
    body: dict[str, Any] = {}
    if fitted.thinking is not None:
        body["thinking"] = {name: fitted.thinking[name] for name in _OWN_FIELDS if name in fitted.thinking}
        ctx.note_unknown(fitted.thinking, _THINKING_FIELDS, "thinking")
        for name in ("display", "block_binding"):
            if fitted.thinking.get(name) is not None:
                ctx.notes.not_sent(f"thinking.{name}", "not known on this wire")
    if fitted.effort is not None:
        body["output_config"] = {"effort": fitted.effort}
    return body


def _of_others(_request: Json, thinking: Json | None, effort: str | None, ctx: ChatContext) -> dict[str, Any]:
    efforts = ctx.capabilities.efforts
    if thinking is not None and thinking["type"] == "disabled":
        if efforts is not None and "none" in efforts:
            return {"reasoning_effort": "none"}
        ctx.notes.not_sent("thinking", "the model decides itself whether it thinks")
        return {}
    if effort is None:
        if thinking is not None:
            ctx.notes.not_sent("thinking", "the model decides itself whether it thinks")
        return {}
    if not efforts:
        ctx.notes.not_sent("output_config.effort", f"{ctx.model} is not known to take an effort")
        return {}
    fitted = fit_thinking(None, effort, ctx.capabilities, max_tokens=None)
    ctx.notes.add(fitted.notes)
    return {} if fitted.effort is None else {"reasoning_effort": fitted.effort}
