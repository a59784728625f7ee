"""Brings `thinking` and `output_config.effort` into a kind that the model takes; both wires ask here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from openrouter_anthropic_server.capabilities import known_words
from openrouter_anthropic_server.capabilities.traits import Capabilities
from openrouter_anthropic_server.conversion.notes import Note

EFFORTS: Final = known_words.EFFORTS
"""Every level of effort that some model takes, lowest first."""

MIN_BUDGET: Final = 1024
MAX_BUDGET: Final = 128_000
"""The smallest and the largest `thinking.budget_tokens`."""

_SHARES: Final[Mapping[str, float]] = {
    "minimal": 0.1,
    "low": 0.2,
    "medium": 0.5,
    "high": 0.8,
    "xhigh": 0.95,
    "max": 0.95,
}
"""The part of `max_tokens` that an effort may spend on thinking: OpenRouter's figures."""

_USUAL_SHARE = 0.5  # without an effort half of the tokens stay for the answer
_STAND_INS: Final[Mapping[str, tuple[str, ...]]] = {
    "adaptive": ("enabled",),
    "between_tools": ("adaptive", "enabled"),
    "enabled": ("adaptive",),
}
"""What comes nearest to a kind of thinking that a model does not take, best first."""

_SWITCHED_ON = frozenset(_STAND_INS)

Thinking = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class FittedThinking:
    """What to send: None leaves the field out. Without notes nothing differs from what the client asked for."""

    thinking: Thinking | None
    effort: str | None
    notes: tuple[Note, ...] = ()


def can_think(capabilities: Capabilities) -> bool | None:
    """Whether the model can think; None if that is not known."""
    if capabilities.thinking is None:
        return bool(capabilities.efforts) or None
    return not capabilities.thinking.isdisjoint(_SWITCHED_ON)


def fit_thinking(
    thinking: Thinking | None, effort: str | None, capabilities: Capabilities, *, max_tokens: int | None
) -> FittedThinking:
    """`thinking` and `effort` of a request as the model takes them, with a note on each change.

    What is not known of the model goes through, and so do kinds and levels that are newer than this server.
    A budget that is made here is less than `max_tokens`; where not even the smallest one fits, thinking stays off.
    """
    notes: list[Note] = []
    known = capabilities.thinking
    if thinking is not None and known is not None and thinking.get("type") not in known:
        thinking = _other_kind(thinking, effort, known, max_tokens, notes)
    if effort is not None and capabilities.efforts is not None and effort not in capabilities.efforts:
        effort = _other_effort(effort, capabilities.efforts, notes)
    return FittedThinking(thinking, effort, tuple(notes))


def budget_for(effort: str | None, max_tokens: int | None) -> int | None:
    """A thinking budget for an effort, less than `max_tokens`; None if not even the smallest one fits."""
    if max_tokens is None:
        return MIN_BUDGET
    if max_tokens <= MIN_BUDGET:
        return None
    share = _SHARES.get(effort or "", _USUAL_SHARE)
    return min(max(int(max_tokens * share), MIN_BUDGET), MAX_BUDGET, max_tokens - 1)


def _other_kind(
    thinking: Thinking, effort: str | None, known: frozenset[str], max_tokens: int | None, notes: list[Note]
) -> Thinking | None:
    kind = str(thinking.get("type"))
    if kind == "disabled":
        why = "the model always thinks" if not known.isdisjoint(_SWITCHED_ON) else "the model does not think"
        notes.append(Note("not_sent", "thinking", why))
        return None
    if known.isdisjoint(_SWITCHED_ON):
        notes.append(Note("not_sent", "thinking", "the model does not think"))
        return None
    stand_in = next((other for other in _STAND_INS.get(kind, ()) if other in known), None)
    if stand_in is None:
        return thinking
    return _MAKERS[stand_in](thinking, effort, max_tokens, notes)


def _adaptive(thinking: Thinking, _effort: str | None, _max_tokens: int | None, notes: list[Note]) -> Thinking:
    budget = thinking.get("budget_tokens")
    lost = "" if budget is None else f"; it decides itself how much, instead of {budget} tokens"
    notes.append(Note("converted", "thinking.type", f"sent as adaptive, the kind that the model takes{lost}"))
    rest = {name: value for name, value in thinking.items() if name != "budget_tokens"}
    return rest | {"type": "adaptive"}


def _enabled(thinking: Thinking, effort: str | None, max_tokens: int | None, notes: list[Note]) -> Thinking | None:
    budget = budget_for(effort, max_tokens)
    if budget is None:
        notes.append(Note("not_sent", "thinking", f"max_tokens leaves no room for {MIN_BUDGET} tokens of thinking"))
        return None
    notes.append(Note("converted", "thinking.type", f"sent as enabled with a budget of {budget} tokens"))
    return {**thinking, "type": "enabled", "budget_tokens": budget}


_MAKERS: Final[Mapping[str, Callable[[Thinking, str | None, int | None, list[Note]], Thinking | None]]] = {
    "adaptive": _adaptive,
    "enabled": _enabled,
}


def _other_effort(effort: str, taken: tuple[str, ...], notes: list[Note]) -> str | None:
    """The next lower level that the model takes, else its lowest."""
    if not taken:
        notes.append(Note("not_sent", "output_config.effort", "the model takes no effort"))
        return None
    if effort not in EFFORTS:
        return effort
    lower = [level for level in taken if level in EFFORTS and EFFORTS.index(level) < EFFORTS.index(effort)]
    nearest = lower[-1] if lower else taken[0]
    notes.append(Note("converted", "output_config.effort", f"sent as {nearest}; the model takes {', '.join(taken)}"))
    return nearest
