"""Thinking and effort of a request as `reasoning` and `verbosity`."""

from typing import Any, cast

import pytest

from openrouter_anthropic_server.capabilities.traits import Capabilities
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


@pytest.mark.parametrize(
    ("thinking", "expected"),
    [(None, {}), (BUDGET, {"reasoning": {"max_tokens": 2000}}), (DISABLED, {"reasoning": {"enabled": False}})],
)
def test_a_claude_without_efforts_gets_no_verbosity(thinking: Any, expected: dict[str, Any]) -> None:
    known = Capabilities(efforts=(), thinking=frozenset({"enabled", "disabled"}))
    body = {"model": "m", "messages": [user("hi")], "output_config": {"effort": "high"}}
    body |= {} if thinking is None else {"thinking": thinking}

    converted = convert_request(cast(Any, body), model=CLAUDE, capabilities=known)

    sent = cast(Any, converted.body)
    assert {name: sent[name] for name in ("reasoning", "verbosity") if name in sent} == expected
    assert notes(converted) == {("not_sent", "output_config.effort")}


@pytest.mark.parametrize("thinking", [BUDGET, ADAPTIVE, BETWEEN])
def test_a_model_that_does_not_think_is_not_asked_to(thinking: Any) -> None:
    body = {"model": "m", "messages": [user("hi")], "thinking": thinking}
    known = Capabilities(efforts=(), thinking=frozenset())

    converted = convert_request(cast(Any, body), model="openai/gpt-4o", capabilities=known)

    assert "reasoning" not in converted.body
    assert notes(converted) == {("not_sent", "thinking")}


def test_thinking_between_tools_is_noted_as_converted() -> None:
    assert notes(convert(user("hi"), model=GPT, thinking=BETWEEN)) == {("converted", "thinking.type")}


@pytest.mark.parametrize(
    ("name", "value"), [("reasoning", {"effort": "high"}), ("reasoning_effort", "high"), ("include_reasoning", True)]
)
def test_openrouters_own_parameter_overrules_anthropics(name: str, value: Any) -> None:
    own: dict[str, Any] = {name: value}
    converted = convert(user("hi"), thinking=ADAPTIVE, output_config={"effort": "low"}, **own)

    assert converted.body[name] == value
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
