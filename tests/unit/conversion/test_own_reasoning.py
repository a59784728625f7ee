"""OpenRouter's and OpenAI's ways to ask for reasoning, in Anthropic's terms."""

from typing import Any

import pytest

from openrouter_anthropic_server.conversion.chat_context import NoteBook
from openrouter_anthropic_server.conversion.own_reasoning import in_anthropics_terms

ADAPTIVE = {"type": "adaptive"}


def effort(level: str) -> dict[str, Any]:
    return {"output_config": {"effort": level}}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, {}),
        ({"reasoning": {"effort": "high"}}, {"thinking": ADAPTIVE} | effort("high")),
        ({"reasoning": {"effort": "minimal"}}, {"thinking": ADAPTIVE} | effort("low")),
        ({"reasoning": {"effort": "none"}}, {"thinking": {"type": "disabled"}}),
        ({"reasoning": {"enabled": False}}, {"thinking": {"type": "disabled"}}),
        ({"reasoning": {"enabled": True}}, {"thinking": ADAPTIVE}),
        ({"reasoning": {"max_tokens": 2000}}, {"thinking": {"type": "enabled", "budget_tokens": 2000}}),
        ({"reasoning": {"max_tokens": 10}}, {"thinking": {"type": "enabled", "budget_tokens": 1024}}),
        ({"reasoning": {"max_tokens": 9000}}, {"thinking": {"type": "enabled", "budget_tokens": 4095}}),
        ({"reasoning": {"max_tokens": 9000}, "max_tokens": 1000}, {"thinking": {"type": "disabled"}}),
        (
            {"reasoning": {"effort": "low", "exclude": True}},
            {"thinking": ADAPTIVE | {"display": "omitted"}} | effort("low"),
        ),
        ({"reasoning": {"exclude": True}}, {}),
        ({"include_reasoning": True}, {}),
        (
            {"reasoning_effort": "low", "include_reasoning": False},
            {"thinking": ADAPTIVE | {"display": "omitted"}} | effort("low"),
        ),
        ({"reasoning_effort": "medium"}, {"thinking": ADAPTIVE} | effort("medium")),
        ({"reasoning": {"effort": "low"}, "reasoning_effort": "high"}, {"thinking": ADAPTIVE} | effort("low")),
        ({"verbosity": "max"}, effort("max")),
        ({"verbosity": "low", "thinking": ADAPTIVE}, effort("low")),
        ({"reasoning_effort": "high", "verbosity": "low"}, {"thinking": ADAPTIVE} | effort("low")),
        (
            {"reasoning_effort": "none", "output_config": {"effort": "high"}},
            {"thinking": {"type": "disabled"}, "output_config": {}},
        ),
        (
            {"verbosity": "low", "output_config": {"format": {"type": "json_schema"}}},
            {"output_config": {"format": {"type": "json_schema"}, "effort": "low"}},
        ),
    ],
)
def test_thinking_and_effort_that_a_request_asks_for(fields: dict[str, Any], expected: dict[str, Any]) -> None:
    assert in_anthropics_terms({"max_tokens": 4096, **fields}, NoteBook()) == expected


def test_what_is_overruled_or_has_no_counterpart_is_noted() -> None:
    notes = NoteBook()
    request = {"thinking": ADAPTIVE, **effort("low"), "reasoning": {"effort": "high", "mode": "pro", "summary": "auto"}}

    in_anthropics_terms(request, notes)

    assert {(note.kind, note.path) for note in notes.notes()} == {
        ("not_sent", "reasoning.summary"),
        ("not_sent", "reasoning.mode"),
        ("converted", "reasoning"),
        ("not_sent", "thinking"),
        ("not_sent", "output_config.effort"),
    }


def test_a_parameter_that_switches_nothing_leaves_anthropics_alone() -> None:
    notes = NoteBook()

    assert in_anthropics_terms({"thinking": ADAPTIVE, "include_reasoning": False}, notes) == {}
    assert [(note.kind, note.path) for note in notes.notes()] == [("not_sent", "include_reasoning")]
