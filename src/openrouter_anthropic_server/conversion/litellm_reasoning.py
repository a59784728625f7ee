"""`thinking` and effort as arguments for LiteLLM: what each provider understands of them, and nothing guessed."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from openrouter_anthropic_server.conversion.chat_context import ChatContext, Json
from openrouter_anthropic_server.conversion.thinking_kinds import FittedThinking, fit_thinking

_KNOWN_FIELDS: Final = frozenset({"type", "budget_tokens"})
_SWITCHED_ON: Final = frozenset({"enabled", "adaptive", "between_tools"})
_OLD_GEMINI: Final = re.compile(r"(?:^|/)gemini-2\.5")
_LEAST_OF_PRO: Final = 128
"""The smallest budget of thinking of Gemini 2.5 Pro, which cannot be kept from it."""

_DYNAMIC: Final = -1
_HIGHEST_OF_GEMINI: Final = "high"
_BUDGETS: Final = ((4_096, "low"), (16_384, "medium"))
"""Up to which budget an effort stands for it; above all of them it is "high"."""

Reading = Callable[[FittedThinking, ChatContext], dict[str, Any]]


def litellm_reasoning(request: Json, ctx: ChatContext) -> dict[str, Any]:
    """`reasoning_effort`, `thinking` or fields of the provider's own; nothing if the request says nothing of it."""
    effort = (request.get("output_config") or {}).get("effort")
    fitted = fit_thinking(request.get("thinking"), effort, ctx.capabilities, max_tokens=request.get("max_tokens"))
    for one in fitted.notes:
        (ctx.notes.converted if one.kind == "converted" else ctx.notes.not_sent)(one.path, one.detail)
    if fitted.thinking is None and fitted.effort is None:
        return {}
    if not ctx.anthropic:
        ctx.note_unknown(fitted.thinking or {}, _KNOWN_FIELDS, "thinking")
    return _READINGS.get(ctx.dialect.provider, _by_effort)(fitted, ctx)


def _gemini(fitted: FittedThinking, ctx: ChatContext) -> dict[str, Any]:
    """Gemini 2.5 takes a budget, Gemini 3 a level; both show thoughts only where thinking was asked for."""
    if fitted.thinking is None:
        return {"reasoning_effort": _gemini_level(fitted.effort or "", ctx)}
    is_old = _OLD_GEMINI.search(ctx.model) is not None
    if fitted.thinking.get("type") not in _SWITCHED_ON:
        if not is_old:
            return {"reasoning_effort": "none"}
        return {"thinking": {"type": "disabled", "budget_tokens": _LEAST_OF_PRO if "-pro" in ctx.model else 0}}
    budget = fitted.thinking.get("budget_tokens")
    if is_old and budget is not None:
        return {"thinking": {"type": "enabled", "budget_tokens": budget}}
    if budget is not None and fitted.effort is None:
        level = _level_of(budget)
        ctx.notes.converted("thinking.budget_tokens", f"sent as the level {level}, the only measure of {ctx.model}")
        return {"reasoning_effort": level}
    if fitted.effort is not None:
        return {"reasoning_effort": _gemini_level(fitted.effort, ctx)}
    return {"thinking": {"type": "enabled", "budget_tokens": _DYNAMIC}}


def _gemini_level(effort: str, ctx: ChatContext) -> str:
    if effort not in {"xhigh", "max"}:
        return effort
    ctx.notes.converted("output_config.effort", f"sent as {_HIGHEST_OF_GEMINI}, the highest of {ctx.model}")
    return _HIGHEST_OF_GEMINI


def _bedrock(fitted: FittedThinking, ctx: ChatContext) -> dict[str, Any]:
    """Claude takes both as they are; other models an effort, if anything."""
    if not ctx.anthropic:
        return _by_effort(fitted, ctx)
    sent: dict[str, Any] = {} if fitted.thinking is None else {"thinking": dict(fitted.thinking)}
    return sent if fitted.effort is None else sent | {"output_config": {"effort": fitted.effort}}


def _cohere(fitted: FittedThinking, ctx: ChatContext) -> dict[str, Any]:
    """Cohere's own `thinking`; it knows no effort."""
    if "reasoning" not in ctx.model and fitted.thinking is not None:
        ctx.notes.not_sent("thinking", f"{ctx.model} does not think")
        return {}
    if fitted.effort is not None:
        ctx.notes.not_sent("output_config.effort", "Cohere knows no effort")
    if fitted.thinking is None:
        return {}
    if fitted.thinking.get("type") not in _SWITCHED_ON:
        return {"extra_body": {"thinking": {"type": "disabled"}}}
    budget = fitted.thinking.get("budget_tokens")
    limit = {} if budget is None else {"token_budget": budget}
    return {"extra_body": {"thinking": {"type": "enabled", **limit}}}


def _by_effort(fitted: FittedThinking, ctx: ChatContext) -> dict[str, Any]:
    """Models that know only an effort: a budget becomes the nearest one, disabled the lowest that switches it off."""
    if fitted.effort is not None:
        return {"reasoning_effort": fitted.effort}
    thinking: Mapping[str, Any] = fitted.thinking or {}
    if thinking.get("type") not in _SWITCHED_ON:
        return _switched_off(ctx)
    budget = thinking.get("budget_tokens")
    if budget is None or ctx.capabilities.efforts == ():
        ctx.notes.converted("thinking", f"{ctx.model} decides by itself how much it thinks")
        return {}
    level = _level_of(budget)
    ctx.notes.converted("thinking.budget_tokens", f"sent as the effort {level}")
    return {"reasoning_effort": level}


def _switched_off(ctx: ChatContext) -> dict[str, Any]:
    least = next((level for level in ("none", "minimal") if level in (ctx.capabilities.efforts or ())), None)
    if least is None:
        ctx.notes.not_sent("thinking", f"{ctx.model} has no way to switch thinking off")
        return {}
    return {"reasoning_effort": least}


def _level_of(budget: int) -> str:
    return next((level for most, level in _BUDGETS if budget <= most), "high")


_READINGS: Final[Mapping[str, Reading]] = {"google": _gemini, "bedrock": _bedrock, "cohere": _cohere}
