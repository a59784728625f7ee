"""Keeps the answer a request asks for within what the model can write and its context window can hold."""

from collections.abc import Callable
from typing import Any, Final

from openrouter_anthropic_server.capabilities.globs import matches_glob
from openrouter_anthropic_server.capabilities.traits import Capabilities
from openrouter_anthropic_server.conversion.betas import fit_betas
from openrouter_anthropic_server.conversion.chat_context import Json, NoteBook
from openrouter_anthropic_server.conversion.thinking_kinds import MIN_BUDGET, can_think

_FEWEST_BYTES_PER_TOKEN: Final = 2
"""JSON text of a length that matters here never has more tokens than that."""

_SURPLUS: Final = 1.5
"""An estimate is at most this many times the count, as measured over prose, code and JSON (0.5 to 1.24)."""

_LEAST_ANSWER: Final = 4_096
"""An estimate never leaves less than that: an answer cut short by a wrong guess is worse than the upstream's error."""


def within_output(body: dict[str, Any], capabilities: Capabilities, betas: str, notes: NoteBook) -> dict[str, Any]:
    """`body` with the `max_tokens` that the model can write, given the `betas` sent; the same object if it fits."""
    wanted, most = body.get("max_tokens") or 0, capabilities.max_output
    if most is None or wanted <= most:
        return body
    most = _with_betas("max_output", most, capabilities, betas)
    return body if wanted <= most else _lowered(body, most, f"the {most} of the model", capabilities, notes)


def within_window(
    body: dict[str, Any],
    capabilities: Capabilities,
    betas: str,
    size: int,
    estimate: Callable[[], int],
    notes: NoteBook,
) -> dict[str, Any]:
    """`body` with a smaller `max_tokens` where input and answer cannot fit into the window; else the same object.

    `size` is the length of the request's JSON text in bytes. `estimate` tells the tokens of the input; it is only
    asked where these could matter, and taken for more than it may be wrong by.
    """
    wanted, window = body.get("max_tokens") or 0, capabilities.context_window
    if window is None or wanted <= _LEAST_ANSWER or wanted + size // _FEWEST_BYTES_PER_TOKEN <= window:
        return body
    window = _with_betas("context_window", window, capabilities, betas)
    room = window - int(estimate() / _SURPLUS)
    most = max(room, _LEAST_ANSWER)
    if room <= 0 or wanted <= most:  # without any room the upstream says best what is wrong
        return body
    return _lowered(
        body, most, f"the {most} that its input leaves of the model's window of {window}", capabilities, notes
    )


def _with_betas(name: str, known: int, capabilities: Capabilities, betas: str) -> int:
    """A limit as the client's betas raise it."""
    if not betas or not capabilities.beta_limits:
        return known
    sent = fit_betas(betas, capabilities).sent.split(",")
    raised = (
        limit
        for glob, field, limit in capabilities.beta_limits
        if field == name and any(matches_glob(beta.strip(), glob) for beta in sent)
    )
    return max(raised, default=known)


def _lowered(body: Json, limit: int, why: str, capabilities: Capabilities, notes: NoteBook) -> dict[str, Any]:
    wanted = body["max_tokens"]
    notes.converted("max_tokens", f"{wanted} is more than {why}")
    smaller = {} if can_think(capabilities) is False else _smaller_budget(body, wanted, limit, notes)
    return {**body, "max_tokens": limit, **smaller}


def _smaller_budget(body: Json, wanted: int, limit: int, notes: NoteBook) -> dict[str, Any]:
    """Thinking that still fits; a budget that was larger than one answer (interleaved thinking) stays."""
    thinking = body.get("thinking") or {}
    budget = thinking.get("budget_tokens")
    if budget is None or budget < limit or budget >= wanted:
        return {}
    if limit <= MIN_BUDGET:
        notes.not_sent("thinking", f"max_tokens leaves no room for {MIN_BUDGET} tokens of thinking")
        return {"thinking": {"type": "disabled"}}
    fitting = max(MIN_BUDGET, budget * limit // wanted)
    notes.converted("thinking.budget_tokens", f"{budget} is not less than max_tokens: sent as {fitting}")
    return {"thinking": {**thinking, "budget_tokens": fitting}}
