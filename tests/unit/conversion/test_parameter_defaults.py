"""What requests get that say nothing themselves: the operator's values, and an effort."""

from typing import Any

import pytest

from openrouter_anthropic_server.capabilities.traits import UNLIMITED, Capabilities
from openrouter_anthropic_server.conversion.chat_context import NoteBook
from openrouter_anthropic_server.conversion.parameter_defaults import (
    ParameterDefaults,
    effort_of,
    with_default_effort,
)

BY_EFFORT = Capabilities(thinking=frozenset({"adaptive", "disabled"}), efforts=("low", "medium", "high"))
BY_BUDGET = Capabilities(thinking=frozenset({"enabled", "disabled"}), efforts=())
HI = [{"role": "user", "content": "hi"}]
RESULT = [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "x"}]}]


def applied(values: dict[str, Any], body: dict[str, Any], upstream: str = "openrouter", takes: str = "") -> Any:
    notes = NoteBook()
    changed = ParameterDefaults(values).apply(body, upstream, takes.split().__contains__, notes)
    return changed, {(note.kind, note.path) for note in notes.notes()}


def thought(
    body: dict[str, Any], known: Capabilities, effort: str = "high", model: str = "anthropic/claude-opus-4.5"
) -> Any:
    notes = NoteBook()
    changed = with_default_effort(body, effort, model, known, notes)
    return changed, {(note.kind, note.path) for note in notes.notes()}


class TestOperatorsValues:
    def test_what_the_client_left_open_is_filled_and_noted(self) -> None:
        changed, notes = applied({"seed": 1, "min_p": 0.1}, {"min_p": 0.5, "seed": None}, takes="seed min_p")

        assert changed == {"min_p": 0.5, "seed": 1}
        assert notes == {("default", "seed")}

    def test_what_the_model_does_not_take_is_not_mentioned(self) -> None:
        body = {"max_tokens": 5}

        changed, notes = applied({"seed": 1, "transforms": []}, body, "anthropic")

        assert changed is body
        assert notes == set()

    def test_a_user_id_of_anthropics_is_a_user(self) -> None:
        body = {"metadata": {"user_id": "u"}}

        assert applied({"user": "me"}, body, takes="user")[0] is body

    def test_a_temperature_is_kept_within_the_range_at_openrouter_only(self) -> None:
        values = {"temperature_range": [0.2, 0.6]}

        assert applied(values, {"temperature": 1})[0] == {"temperature": 0.6}
        assert applied(values, {"temperature": 1, "temperature_range": [0, 1]})[0]["temperature"] == 1
        assert applied(values, {"temperature": 1}, "anthropic")[0] == {"temperature": 1}
        assert applied(values, {"max_tokens": 1})[0] == {"max_tokens": 1}

    @pytest.mark.parametrize(
        "asked",
        [
            {"thinking": {"type": "adaptive"}},
            {"thinking": {"type": "enabled", "budget_tokens": 2000}},
            {"reasoning": {"max_tokens": 2000}},
            {"reasoning_effort": "low"},
        ],
    )
    def test_the_temperature_of_thinking_is_left_alone(self, asked: dict[str, Any]) -> None:
        body = {"temperature": 1, **asked}

        changed, notes = applied({"temperature_range": [0.2, 0.6]}, body)

        assert changed["temperature"] == 1
        assert notes == {("not_sent", "temperature_range")}

    @pytest.mark.parametrize("asked", [{"thinking": {"type": "disabled"}}, {"reasoning": {"enabled": False}}])
    def test_thinking_that_is_off_is_no_hindrance(self, asked: dict[str, Any]) -> None:
        assert applied({"temperature_range": [0.2, 0.6]}, {"temperature": 1, **asked})[0]["temperature"] == 0.6

    def test_transforms_are_for_openrouter(self) -> None:
        assert applied({"transforms": []}, {})[0] == {"transforms": []}


class TestEffort:
    @pytest.mark.parametrize(("effort", "sent"), [("high", "high"), ("low", "low"), ("max", "high")])
    def test_a_model_that_knows_efforts_gets_the_nearest(self, effort: str, sent: str) -> None:
        changed, notes = thought({"messages": HI, "output_config": {"format": {}}}, BY_EFFORT, effort)

        assert changed["output_config"] == {"format": {}, "effort": sent}
        assert "thinking" not in changed
        assert notes == {("default", "output_config.effort")}

    @pytest.mark.parametrize(
        "known",
        [UNLIMITED, Capabilities(thinking=frozenset(), efforts=()), Capabilities(thinking=frozenset({"disabled"}))],
    )
    def test_a_model_that_is_not_known_to_think_gets_nothing(self, known: Capabilities) -> None:
        body = {"messages": HI, "max_tokens": 32_000}

        assert thought(body, known) == (body, set())

    @pytest.mark.parametrize(
        "asked",
        [
            {"thinking": {"type": "disabled"}},
            {"output_config": {"effort": "low"}},
            {"reasoning": {"enabled": False}},
            {"reasoning_effort": "low"},
            {"verbosity": "low"},
            {"messages": [{"role": "system", "content": "go", "output_config": {"effort": "low"}}, *HI]},
        ],
    )
    def test_a_client_that_asks_itself_is_left_alone(self, asked: dict[str, Any]) -> None:
        body = {"messages": HI, "max_tokens": 32_000, **asked}

        assert thought(body, BY_EFFORT)[0] is body
        assert thought(body, BY_BUDGET)[0] is body

    @pytest.mark.parametrize(("max_tokens", "effort"), [(50, None), (5_119, None), (5_120, "high")])
    def test_an_effort_leaves_room_for_the_answer_where_it_means_thinking(
        self, max_tokens: int, effort: str | None
    ) -> None:
        body = {"messages": HI, "max_tokens": max_tokens}

        gpt = thought(body, BY_EFFORT, model="openai/gpt-5.2")[0]
        assert gpt.get("output_config", {}).get("effort") == effort
        assert thought(body, BY_EFFORT)[0]["output_config"] == {"effort": "high"}  # a Claude does not think by it

    @pytest.mark.parametrize(
        ("effort", "max_tokens", "budget"),
        [("high", 32_000, 25_600), ("medium", 32_000, 16_000), ("high", 8_192, 4_096), ("high", 5_120, 1_024)],
    )
    def test_other_models_that_think_get_a_budget_beside_room_for_the_answer(
        self, effort: str, max_tokens: int, budget: int
    ) -> None:
        changed, notes = thought({"messages": HI, "max_tokens": max_tokens}, BY_BUDGET, effort)

        assert changed["thinking"] == {"type": "enabled", "budget_tokens": budget}
        assert notes == {("default", "thinking.budget_tokens")}

    @pytest.mark.parametrize(
        "fields",
        [
            {"max_tokens": 5_119},
            {"temperature": 0.5},
            {"top_k": 5},
            {"top_p": 0.5},
            {"tool_choice": {"type": "any"}},
            {"tool_choice": {"type": "tool", "name": "a"}},
            {"messages": [*HI, {"role": "assistant", "content": "{"}]},
            {"messages": RESULT},
        ],
    )
    def test_no_budget_where_thinking_would_be_refused(self, fields: dict[str, Any]) -> None:
        body = {"messages": HI, "max_tokens": 32_000, **fields}

        assert thought(body, BY_BUDGET)[0] is body

    @pytest.mark.parametrize(
        ("body", "effort"),
        [
            ({}, None),
            ({"output_config": {"effort": "low"}}, "low"),
            ({"reasoning_effort": "high", "output_config": {"effort": "low"}}, "high"),
            ({"reasoning": {"effort": "max"}}, "max"),
            ({"verbosity": "medium", "reasoning": {"effort": "max"}}, "medium"),
        ],
    )
    def test_the_effort_of_a_request(self, body: dict[str, Any], effort: str | None) -> None:
        assert effort_of(body) == effort
