"""`thinking` and `output_config.effort` as the upstream's dialect says them; here as OpenRouter's `reasoning`.

`reasoning` takes one of `effort` and `max_tokens`. For Claude, `verbosity` becomes `output_config.effort` without
switching thinking on, so it carries an effort that stands beside disabled, absent or budgeted thinking.
"""

from collections.abc import Callable, Mapping
from typing import Any

from openrouter_anthropic_server.conversion.chat_context import ChatContext, Json
from openrouter_anthropic_server.conversion.databricks_reasoning import databricks_reasoning
from openrouter_anthropic_server.conversion.litellm_reasoning import litellm_reasoning
from openrouter_anthropic_server.conversion.own_reasoning import (
    REASONING_PARAMETERS,
    with_reasoning_in_anthropics_terms,
)
from openrouter_anthropic_server.conversion.thinking_kinds import can_think, fit_thinking

_DIALECTS: Mapping[str, Callable[[Json, ChatContext], dict[str, Any]]] = {
    "databricks": databricks_reasoning,
    "litellm": litellm_reasoning,
}
_THINKING_FIELDS = frozenset({"type", "budget_tokens", "display", "block_binding"})


def reasoning_parameters(request: Json, ctx: ChatContext) -> dict[str, Any]:
    """How the request asks for reasoning in the upstream's dialect; nothing if it says nothing about it."""
    convert = _DIALECTS.get(ctx.dialect.reasoning)
    if convert is None:
        return _openrouter(request, ctx)
    return convert(with_reasoning_in_anthropics_terms(request, ctx), ctx)


def _openrouter(request: Json, ctx: ChatContext) -> dict[str, Any]:
    """`reasoning` and `verbosity`.

    A client that gave OpenRouter's own parameters is obeyed: then Anthropic's are noted as not sent.
    """
    thinking = request.get("thinking")
    effort = (request.get("output_config") or {}).get("effort")
    given = next((name for name in REASONING_PARAMETERS if request.get(name) is not None), None)
    if given is not None:
        return _overruled(given, thinking, effort, ctx)
    if thinking is None:
        return _effort_alone(effort, ctx)
    _note_fields(thinking, ctx)
    kind = thinking["type"]
    rule = _KINDS.get(kind)
    if rule is None:
        raise ctx.refusal("thinking.type", f"thinking of type '{kind}'")
    if rule is not _disabled and can_think(ctx.capabilities) is False:
        ctx.notes.not_sent("thinking", "the model does not think")
        return _verbosity(effort, ctx) if effort is not None else {}
    return rule(thinking, effort, ctx)


def _enabled(thinking: Json, effort: str | None, ctx: ChatContext) -> dict[str, Any]:
    budget = thinking.get("budget_tokens")
    if budget is None:
        return _adaptive(thinking, effort, ctx)
    if effort is None:
        return {"reasoning": {"max_tokens": budget}}
    if ctx.anthropic:
        return {"reasoning": {"max_tokens": budget}} | _verbosity(effort, ctx)
    ctx.notes.not_sent("thinking.budget_tokens", "effort says it already; this wire takes one of them")
    return {"reasoning": {"effort": effort}}


def _adaptive(thinking: Json, effort: str | None, ctx: ChatContext) -> dict[str, Any]:
    return {"reasoning": {"enabled": True} if effort is None else {"effort": effort}}


def _between_tools(thinking: Json, effort: str | None, ctx: ChatContext) -> dict[str, Any]:
    ctx.notes.converted("thinking.type", "thinking is switched on everywhere, not only between tools")
    return _adaptive(thinking, effort, ctx)


def _disabled(thinking: Json, effort: str | None, ctx: ChatContext) -> dict[str, Any]:
    off: dict[str, Any] = {"reasoning": {"enabled": False}}
    if effort is None:
        return off
    if ctx.anthropic:
        return off | _verbosity(effort, ctx)
    ctx.notes.not_sent("output_config.effort", "thinking is disabled")
    return off


_KINDS: Mapping[str, Callable[[Json, str | None, ChatContext], dict[str, Any]]] = {
    "enabled": _enabled,
    "adaptive": _adaptive,
    "between_tools": _between_tools,
    "disabled": _disabled,
}


def _effort_alone(effort: str | None, ctx: ChatContext) -> dict[str, Any]:
    if effort is None:
        return {}
    return _verbosity(effort, ctx) if ctx.anthropic else {"reasoning": {"effort": effort}}


def _verbosity(effort: str, ctx: ChatContext) -> dict[str, Any]:
    """An effort that does not switch thinking on, as far as the Claude has efforts of its own."""
    fitted = fit_thinking(None, effort, ctx.capabilities, max_tokens=None)
    ctx.notes.add(fitted.notes)
    return {} if fitted.effort is None else {"verbosity": fitted.effort}


def _overruled(given: str, thinking: Json | None, effort: str | None, ctx: ChatContext) -> dict[str, Any]:
    for path, value in (("thinking", thinking), ("output_config.effort", effort)):
        if value is not None:
            ctx.notes.not_sent(path, f"the request has its own '{given}'")
    return {}


def _note_fields(thinking: Json, ctx: ChatContext) -> None:
    ctx.note_unknown(thinking, _THINKING_FIELDS, "thinking")
    if thinking.get("display") is not None:
        ctx.notes.not_sent("thinking.display", "the upstream decides how much thinking it shows")
    if thinking.get("block_binding") is not None:
        ctx.notes.not_sent("thinking.block_binding", "not known on this wire")
