"""Other APIs' ways to ask for reasoning, in Anthropic's terms: `reasoning`, `reasoning_effort`, `verbosity`.

Where a client sends both, these win over `thinking` and `output_config.effort`.
"""

from collections.abc import Mapping
from typing import Any, Final

from openrouter_anthropic_server.conversion.chat_context import ChatContext, Json, NoteBook
from openrouter_anthropic_server.conversion.chat_dialects import ChatDialect
from openrouter_anthropic_server.conversion.thinking_kinds import MIN_BUDGET

REASONING_PARAMETERS: Final = ("reasoning", "reasoning_effort", "include_reasoning")
ALL_PARAMETERS: Final = frozenset({*REASONING_PARAMETERS, "verbosity"})

_DECIDING: Final = ("enabled", "effort", "max_tokens")
_NOT_HERE: Final = ("summary", "context", "mode")
_EFFORTS: Final[Mapping[str, str]] = {"minimal": "low"}


def foreign_parameters(dialect: ChatDialect) -> frozenset[str]:
    """Those of them that chat completions in this dialect do not take. OpenAI's `verbosity` is no effort."""
    if dialect.reasoning == "openrouter":
        return frozenset()
    return ALL_PARAMETERS - {"verbosity"} if dialect.provider in ("openai", "azure") else ALL_PARAMETERS


def with_reasoning_in_anthropics_terms(request: Json, ctx: ChatContext) -> Json:
    """The request as a conversion can read it that knows only `thinking` and `output_config.effort`."""
    foreign = foreign_parameters(ctx.dialect)
    if foreign.isdisjoint(request):
        return request
    readable = {name: value for name, value in request.items() if name in foreign or name not in ALL_PARAMETERS}
    return {**request, **in_anthropics_terms(readable, ctx.notes)}


def in_anthropics_terms(request: Json, notes: NoteBook) -> dict[str, Any]:
    """The request's `thinking` and `output_config`, as far as these parameters change them."""
    asked = {name: request[name] for name in REASONING_PARAMETERS if request.get(name) is not None}
    verbosity = request.get("verbosity")
    reasoning = _merged(asked)
    for name in _NOT_HERE:
        if reasoning.get(name) is not None:
            notes.not_sent(f"reasoning.{name}", "Anthropic's thinking has no such setting")
    decides = any(reasoning.get(name) is not None for name in _DECIDING)
    for name in asked:
        if decides:
            notes.converted(name, "sent as thinking and effort in Anthropic's terms")
        else:
            notes.not_sent(name, "it does not say whether to think")
    if verbosity is not None:
        notes.converted("verbosity", "sent as output_config.effort")
    effort = _effort(reasoning, verbosity)
    if decides:
        _note_overruled(request, next(iter(asked)), notes)
    changes = _thinking(reasoning, effort, request, notes) if decides else {}
    return changes | _output_config(request, effort, decides)


def _note_overruled(request: Json, by: str, notes: NoteBook) -> None:
    config = request.get("output_config") or {}
    for path, value in (("thinking", request.get("thinking")), ("output_config.effort", config.get("effort"))):
        if value is not None:
            notes.not_sent(path, f"the request has its own '{by}'")


def _merged(asked: Json) -> dict[str, Any]:
    """One `reasoning` object; the shorthands fill what it leaves open."""
    reasoning: dict[str, Any] = dict(asked.get("reasoning") or {})
    if "reasoning_effort" in asked:
        reasoning.setdefault("effort", asked["reasoning_effort"])
    if "include_reasoning" in asked:
        reasoning.setdefault("exclude", not asked["include_reasoning"])
    return reasoning


def _effort(reasoning: Json, verbosity: str | None) -> str | None:
    effort = verbosity or reasoning.get("effort")
    return None if effort in (None, "none") else _EFFORTS.get(effort, effort)


def _thinking(reasoning: Json, effort: str | None, request: Json, notes: NoteBook) -> dict[str, Any]:
    if reasoning.get("enabled") is False or reasoning.get("effort") == "none":
        return {"thinking": {"type": "disabled"}}
    display = {"display": "omitted"} if reasoning.get("exclude") else {}
    budget = reasoning.get("max_tokens")
    if budget is None:
        return {"thinking": {"type": "adaptive", **display}}
    limit = request.get("max_tokens")
    fitting = max(budget, MIN_BUDGET) if limit is None else min(max(budget, MIN_BUDGET), limit - 1)
    if fitting < MIN_BUDGET:
        notes.not_sent("reasoning.max_tokens", f"max_tokens leaves no room for {MIN_BUDGET} tokens of thinking")
        return {"thinking": {"type": "disabled"}}
    return {"thinking": {"type": "enabled", "budget_tokens": fitting, **display}}


def _output_config(request: Json, effort: str | None, overrules: bool) -> dict[str, Any]:
    config = dict(request.get("output_config") or {})
    if overrules:
        config.pop("effort", None)
    if effort is not None:
        config["effort"] = effort
    if config == (request.get("output_config") or {}):
        return {}
    return {"output_config": config}
