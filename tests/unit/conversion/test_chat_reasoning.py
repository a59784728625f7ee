"""Thinking and effort of a request as `reasoning` and `verbosity`."""

from typing import Any, cast

import pytest

from openrouter_anthropic_server.conversion.chat_request import convert_request
from openrouter_anthropic_server.errors import InvalidRequestError
from tests.unit.conversion.converting import CLAUDE, GEMINI, GPT, convert, notes, user

BUDGET = {"type": "enabled", "budget_tokens": 2000}
ADAPTIVE = {"type": "adaptive"}
DISABLED = {"type": "disabled"}
BETWEEN = {"type": "between_tools"}


def reasoning(model: str, thinking: Any, effort: str | None) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if thinking is not None:
        fields["thinking"] = thinking
    if effort is not None:
        fields["output_config"] = {"effort": effort}
    body = convert(user("hi"), model=model, **fields).body
    return {name: body[name] for name in ("reasoning", "verbosity") if name in body}


@pytest.mark.parametrize(
    ("model", "thinking", "effort", "expected"),
    [
        (CLAUDE, None, None, {}),
        (CLAUDE, None, "high", {"verbosity": "high"}),
        (CLAUDE, BUDGET, None, {"reasoning": {"max_tokens": 2000}}),
        (CLAUDE, BUDGET, "low", {"reasoning": {"max_tokens": 2000}, "verbosity": "low"}),
        (CLAUDE, ADAPTIVE, None, {"reasoning": {"enabled": True}}),
        (CLAUDE, ADAPTIVE, "xhigh", {"reasoning": {"effort": "xhigh"}}),
        (CLAUDE, DISABLED, None, {"reasoning": {"enabled": False}}),
        (CLAUDE, DISABLED, "medium", {"reasoning": {"enabled": False}, "verbosity": "medium"}),
        (GPT, None, None, {}),
        (GPT, None, "max", {"reasoning": {"effort": "max"}}),
        (GPT, BUDGET, None, {"reasoning": {"max_tokens": 2000}}),
        (GEMINI, BUDGET, "low", {"reasoning": {"effort": "low"}}),
        (GPT, ADAPTIVE, None, {"reasoning": {"enabled": True}}),
        (GPT, ADAPTIVE, "medium", {"reasoning": {"effort": "medium"}}),
        (GPT, DISABLED, None, {"reasoning": {"enabled": False}}),
        (GPT, DISABLED, "high", {"reasoning": {"enabled": False}}),
        (GPT, BETWEEN, None, {"reasoning": {"enabled": True}}),
    ],
)
def test_thinking_and_effort_become_one_setting(
    model: str, thinking: Any, effort: str | None, expected: dict[str, Any]
) -> None:
    assert reasoning(model, thinking, effort) == expected


@pytest.mark.parametrize(
    ("thinking", "effort", "path"),
    [
        (DISABLED, "high", "output_config.effort"),
        (BUDGET, "high", "thinking.budget_tokens"),
        (ADAPTIVE | {"display": "omitted"}, None, "thinking.display"),
        (ADAPTIVE | {"block_binding": {}}, None, "thinking.block_binding"),
    ],
)
def test_what_the_wire_cannot_say_is_noted(thinking: dict[str, Any], effort: str | None, path: str) -> None:
    converted = convert(user("hi"), model=GPT, thinking=thinking, output_config={"effort": effort})

    assert notes(converted) == {("not_sent", path)}


def test_thinking_between_tools_is_noted_as_converted() -> None:
    assert notes(convert(user("hi"), model=GPT, thinking=BETWEEN)) == {("converted", "thinking.type")}


@pytest.mark.parametrize("name", ["reasoning", "reasoning_effort", "include_reasoning"])
def test_openrouters_own_parameter_overrules_anthropics(name: str) -> None:
    own: dict[str, Any] = {name: {"effort": "high"}}
    converted = convert(user("hi"), thinking=ADAPTIVE, output_config={"effort": "low"}, **own)

    assert converted.body[name] == {"effort": "high"}
    assert {"reasoning", "verbosity"} & converted.body.keys() <= {name}
    assert notes(converted) == {("not_sent", "thinking"), ("not_sent", "output_config.effort")}


def test_enabled_thinking_without_a_budget_is_left_to_the_model() -> None:
    body = convert_request(
        cast(Any, {"messages": [{"role": "user", "content": "hi"}], "thinking": {"type": "enabled"}}), model=GPT
    ).body

    assert body["reasoning"] == {"enabled": True}


def test_an_unknown_kind_of_thinking_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match=r"^thinking\.type: thinking of type 'psychic' cannot be sent"):
        convert(user("hi"), thinking={"type": "psychic"})
