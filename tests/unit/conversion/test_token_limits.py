"""max_tokens within the model's limits, and thinking within max_tokens."""

from typing import Any

import pytest

from openrouter_anthropic_server.capabilities.traits import UNLIMITED, Capabilities
from openrouter_anthropic_server.conversion.chat_context import NoteBook
from openrouter_anthropic_server.conversion.token_limits import within_output, within_window

KNOWN = Capabilities(max_output=64_000, context_window=200_000)


def never() -> int:
    raise AssertionError("no estimate is needed here")


def clamped(
    body: dict[str, Any], known: Capabilities, size: int = 100, tokens: int | None = None, betas: str = ""
) -> Any:
    notes = NoteBook()
    changed = within_output(body, known, betas, notes)
    changed = within_window(changed, known, betas, size, never if tokens is None else lambda: tokens, notes)
    return changed, [f"{note.kind} {note.path}: {note.detail}" for note in notes.notes()]


@pytest.mark.parametrize(
    ("max_tokens", "known", "size"),
    [
        (64_000, KNOWN, 100),
        (10**9, UNLIMITED, 10**9),
        (64_000, KNOWN, 272_000),
        (0, KNOWN, 100),
        (8_000, Capabilities(max_output=8_000), 10**9),
    ],
)
def test_what_fits_stays_the_same_object_without_an_estimate(max_tokens: int, known: Capabilities, size: int) -> None:
    body = {"max_tokens": max_tokens}

    changed, notes = clamped(body, known, size)

    assert changed is body
    assert notes == []


def test_more_than_the_model_writes_is_lowered_and_noted() -> None:
    changed, notes = clamped({"max_tokens": 200_000, "model": "m"}, KNOWN)

    assert changed == {"max_tokens": 64_000, "model": "m"}
    assert notes == ["converted max_tokens: 200000 is more than the 64000 of the model"]


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        (150_000, 64_000),  # so rough an estimate: it may be 100 000
        (240_000, 40_000),
        (299_000, 4_096),  # a wrong guess leaves room for an answer
        (300_000, 64_000),
        (900_000, 64_000),
    ],
)
def test_a_long_input_leaves_less_room_for_the_answer(tokens: int, expected: int) -> None:
    changed, notes = clamped({"max_tokens": 64_000}, KNOWN, size=600_000, tokens=tokens)

    assert changed["max_tokens"] == expected
    assert len(notes) == (expected != 64_000)


@pytest.mark.parametrize(
    ("betas", "most", "window"),
    [
        ("", 64_000, 200_000),
        ("more-2025-01-01", 128_000, 200_000),
        ("a, wide-2025-08-07 ,more-2025-01-01", 128_000, 1_000_000),
        ("wide-2025-08-07", 64_000, 1_000_000),
    ],
)
def test_a_beta_raises_the_limits(betas: str, most: int, window: int) -> None:
    limits = (("more-2025-01-01", "max_output", 128_000), ("wide-*", "context_window", 1_000_000))
    known = Capabilities(max_output=64_000, context_window=200_000, beta_limits=limits)

    changed, _ = clamped({"max_tokens": 200_000}, known, betas=betas)
    assert changed["max_tokens"] == most

    changed, _ = clamped({"max_tokens": 60_000}, known, size=900_000, tokens=240_000, betas=betas)
    assert changed["max_tokens"] == (40_000 if window == 200_000 else 60_000)


def test_a_beta_that_the_upstream_does_not_get_raises_nothing() -> None:
    known = Capabilities(max_output=64_000, betas=(), beta_limits=(("more", "max_output", 128_000),))

    assert clamped({"max_tokens": 200_000}, known, betas="more")[0]["max_tokens"] == 64_000


def test_the_budget_of_a_model_that_does_not_think_is_left_for_the_wire_to_drop() -> None:
    thinking = {"type": "enabled", "budget_tokens": 9_000}

    changed, notes = clamped(
        {"max_tokens": 10_000, "thinking": thinking}, Capabilities(max_output=8_192, thinking=frozenset())
    )

    assert changed == {"max_tokens": 8_192, "thinking": thinking}
    assert notes == ["converted max_tokens: 10000 is more than the 8192 of the model"]


@pytest.mark.parametrize(
    ("max_tokens", "budget", "most", "expected"),
    [
        (100_000, 50_000, 64_000, None),  # still fits
        (100_000, 80_000, 64_000, {"type": "enabled", "budget_tokens": 51_200}),
        (100_000, 80_000, 1_200, {"type": "enabled", "budget_tokens": 1_024}),
        (100_000, 80_000, 1_024, {"type": "disabled"}),
        (100_000, 120_000, 64_000, None),  # interleaved thinking: more than one answer anyway
    ],
)
def test_the_budget_stays_below_max_tokens(
    max_tokens: int, budget: int, most: int, expected: dict[str, Any] | None
) -> None:
    thinking = {"type": "enabled", "budget_tokens": budget}

    changed, _ = clamped({"max_tokens": max_tokens, "thinking": thinking}, Capabilities(max_output=most))

    assert changed == {"max_tokens": most, "thinking": expected or thinking}
