"""Thinking and effort that a model does not take become what it takes, with a note."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openrouter_anthropic_server.capabilities.traits import UNLIMITED, Capabilities
from openrouter_anthropic_server.conversion.thinking_kinds import (
    EFFORTS,
    MIN_BUDGET,
    can_think,
    fit_thinking,
)

BUDGETS = Capabilities(thinking=frozenset({"enabled", "disabled"}), efforts=())
ADAPTIVE = Capabilities(thinking=frozenset({"adaptive"}), efforts=("low", "medium", "high", "max"))
NONE = Capabilities(thinking=frozenset(), efforts=())

Thinking = dict[str, Any]


def fitted(thinking: Thinking | None, effort: str | None, known: Capabilities, max_tokens: int | None = 32_000) -> Any:
    found = fit_thinking(thinking, effort, known, max_tokens=max_tokens)
    return found.thinking, found.effort, [(note.kind, note.path) for note in found.notes]


@pytest.mark.parametrize(
    ("thinking", "effort", "known"),
    [
        (None, None, NONE),
        ({"type": "adaptive"}, "max", UNLIMITED),
        ({"type": "adaptive", "display": "omitted"}, "high", ADAPTIVE),
        ({"type": "enabled", "budget_tokens": 2000}, None, BUDGETS),
        ({"type": "disabled"}, None, BUDGETS),
        ({"type": "of tomorrow"}, None, ADAPTIVE),
        (None, "of tomorrow", ADAPTIVE),
    ],
)
def test_what_the_model_takes_or_nobody_knows_is_left_alone(
    thinking: Thinking | None, effort: str | None, known: Capabilities
) -> None:
    found = fit_thinking(thinking, effort, known, max_tokens=32_000)
    assert found.thinking is thinking
    assert (found.effort, found.notes) == (effort, ())


@pytest.mark.parametrize(
    ("effort", "budget"), [(None, 16_000), ("low", 6_400), ("high", 25_600), ("max", 30_400), ("minimal", 3_200)]
)
def test_adaptive_becomes_a_budget_by_effort(effort: str | None, budget: int) -> None:
    thinking, sent, notes = fitted({"type": "adaptive", "display": "omitted"}, effort, BUDGETS)
    assert thinking == {"type": "enabled", "budget_tokens": budget, "display": "omitted"}
    assert sent is None
    assert ("converted", "thinking.type") in notes
    assert (("not_sent", "output_config.effort") in notes) is (effort is not None)


def test_a_budget_becomes_adaptive_and_the_note_names_what_is_lost() -> None:
    found = fit_thinking({"type": "enabled", "budget_tokens": 5000, "display": "x"}, None, ADAPTIVE, max_tokens=9000)
    assert found.thinking == {"type": "adaptive", "display": "x"}
    assert "5000" in found.notes[0].detail


def test_thinking_between_tools_becomes_the_nearest_kind() -> None:
    assert fitted({"type": "between_tools"}, None, ADAPTIVE)[0] == {"type": "adaptive"}
    assert fitted({"type": "between_tools"}, None, BUDGETS)[0]["type"] == "enabled"


@pytest.mark.parametrize("kind", ["adaptive", "enabled", "disabled", "between_tools", "of tomorrow"])
def test_a_model_that_cannot_think_is_not_asked_to(kind: str) -> None:
    assert fitted({"type": kind}, "high", NONE) == (
        None,
        None,
        [("not_sent", "thinking"), ("not_sent", "output_config.effort")],
    )


def test_thinking_cannot_be_switched_off_where_the_model_always_thinks() -> None:
    assert fitted({"type": "disabled"}, None, ADAPTIVE) == (None, None, [("not_sent", "thinking")])


def test_thinking_stays_off_where_max_tokens_leaves_no_room() -> None:
    assert fitted({"type": "adaptive"}, None, BUDGETS, MIN_BUDGET) == (None, None, [("not_sent", "thinking")])


@pytest.mark.parametrize(("effort", "sent"), [("xhigh", "high"), ("minimal", "low"), ("none", "low"), ("max", "max")])
def test_an_effort_becomes_the_next_lower_one_that_the_model_takes(effort: str, sent: str) -> None:
    assert fitted(None, effort, ADAPTIVE)[1] == sent


def test_whether_a_model_can_think_is_known_or_not() -> None:
    assert [can_think(known) for known in (BUDGETS, ADAPTIVE, NONE, UNLIMITED)] == [True, True, False, None]
    assert can_think(Capabilities(efforts=("low",)))


@given(
    kind=st.sampled_from(["adaptive", "enabled", "between_tools", "disabled"]),
    effort=st.none() | st.sampled_from(EFFORTS),
    known=st.frozensets(st.sampled_from(["adaptive", "enabled", "disabled"])).flatmap(
        lambda kinds: st.sampled_from([kinds, kinds | {"between_tools"}] if "adaptive" in kinds else [kinds])
    ),
    efforts=st.lists(st.sampled_from(EFFORTS), unique=True).map(lambda some: tuple(sorted(some, key=EFFORTS.index))),
    max_tokens=st.integers(1, 300_000),
)
def test_what_is_sent_is_always_taken(
    kind: str, effort: str | None, known: frozenset[str], efforts: tuple[str, ...], max_tokens: int
) -> None:
    thinking = {"type": kind} | ({"budget_tokens": 1024} if kind == "enabled" else {})
    found = fit_thinking(thinking, effort, Capabilities(thinking=known, efforts=efforts), max_tokens=max_tokens)
    changed = found.thinking != thinking or found.effort != effort
    assert changed == bool(found.notes)
    assert found.effort is None or found.effort in efforts
    if found.thinking is not None:
        assert found.thinking["type"] in known
    if found.thinking is not None and kind != "enabled" and found.thinking["type"] == "enabled":
        assert MIN_BUDGET <= found.thinking["budget_tokens"] < max_tokens
