"""Parameters of requests, end to end: what OpenRouter gets over both wires, Anthropic, and what a client is told."""

from typing import Any

import httpx
import pytest

from tests.api.calls import assert_error, body, post
from tests.api.test_run_facts import run_of
from tests.gateway_fixtures import Line, open_line
from tests.server_process import Gateways

OPERATORS = {
    "OPENROUTER_MIN_P": "0.1",
    "OPENROUTER_TEMPERATURE_RANGE": "[0.2, 0.6]",
    "OPENROUTER_PROVIDER": '{"order": ["anthropic"]}',
    "OPENAI_SEED": "7",
    "BIG_MODEL": "openai/gpt-5",
    "SMALL_MODEL": "anthropic/claude-opus-4.8",
    "MODEL_ALIASES": '{"old": {"model": "anthropic/claude-sonnet-4", "effort": "low"}, "plain": "openai/gpt-5"}',
}


@pytest.fixture(name="operators")
def _operators(gateways: Gateways) -> Line:
    """A server in front of OpenRouter with defaults of its operator's."""
    return open_line(gateways, "chat", **OPERATORS)


def sent(http: httpx.Client, line: Line, request: dict[str, Any]) -> dict[str, Any]:
    """What the upstream got."""
    response = post(http, line.url, request)
    assert response.status_code == 200, response.text
    return line.upstream.last.body


def test_openais_parameters_reach_models_that_take_them(http: httpx.Client, chat_line: Line) -> None:
    fields: dict[str, Any] = {"seed": 1, "frequency_penalty": 0.5, "min_p": 0.1, "logit_bias": {"1": 5}, "user": "me"}

    received = sent(http, chat_line, body("deepseek/deepseek-chat", **fields))

    assert {name: received.get(name) for name in fields} == fields


def test_anthropic_gets_nothing_that_it_refuses(http: httpx.Client, anthropic_line: Line) -> None:
    fields = {"seed": 1, "min_p": 0.1, "provider": {"order": ["a"]}, "user": "me", "stop": "END"}
    request = body(anthropic_line.model, **fields)

    received = sent(http, anthropic_line, request)

    assert received == body(anthropic_line.model, metadata={"user_id": "me"}, stop_sequences=["END"])


def test_openrouters_messages_api_gets_routing_but_no_seed(http: httpx.Client, messages_line: Line) -> None:
    response = post(http, messages_line.url, body(messages_line.model, seed=1, provider={"order": ["a"]}))

    assert messages_line.upstream.last.body == body(messages_line.model, provider={"order": ["a"]})
    assert response.status_code == 200


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("min_p", 2, "min_p: must be a number between 0 and 1"),
        ("n", 2, "n: must be 1"),
        ("provider", {"sort": "luck"}, "provider.sort: must be one of price, throughput, latency"),
    ],
)
def test_a_bad_value_is_a_400_and_reaches_nobody(
    http: httpx.Client, line: Line, name: str, value: Any, wanted: str
) -> None:
    assert_error(post(http, line.url, body(line.model, **{name: value})), 400, "invalid_request_error", wanted)
    assert line.upstream.calls == []


class TestOperatorsDefaults:
    def test_they_fill_what_a_request_leaves_open(self, http: httpx.Client, operators: Line) -> None:
        received = sent(http, operators, body("deepseek/deepseek-chat", seed=3, temperature=0.9))

        expected = {"min_p": 0.1, "seed": 3, "temperature": 0.6, "provider": {"order": ["anthropic"]}}
        assert {name: received.get(name) for name in expected} == expected

    def test_the_messages_wire_gets_those_that_it_knows(self, http: httpx.Client, operators: Line) -> None:
        received = sent(http, operators, body("anthropic/claude-sonnet-4.5"))

        assert received == body("anthropic/claude-sonnet-4.5", provider={"order": ["anthropic"]})


class TestEffort:
    @pytest.mark.parametrize(
        ("model", "expected"),
        [
            ("big", {"reasoning": {"effort": "high"}}),
            ("small", {"output_config": {"effort": "medium"}}),
            ("old", {"thinking": {"type": "enabled", "budget_tokens": 6400}}),
            ("plain", {}),
            ("openai/gpt-5", {}),
        ],
    )
    def test_names_stand_for_an_effort(
        self, http: httpx.Client, operators: Line, model: str, expected: dict[str, Any]
    ) -> None:
        received = sent(http, operators, body(model, max_tokens=32_000))

        asked = {name: received[name] for name in ("thinking", "output_config", "reasoning") if name in received}
        assert asked == expected

    @pytest.mark.parametrize("model", ["big", "small"])
    def test_a_client_that_asks_itself_decides(self, http: httpx.Client, operators: Line, model: str) -> None:
        received = sent(http, operators, body(model, output_config={"effort": "low"}))

        assert received.get("output_config", received.get("reasoning")) == {"effort": "low"}

    def test_the_run_tells_it(self, http: httpx.Client, operators: Line) -> None:
        run = run_of(operators.gateway, post(http, operators.url, body("small")))

        assert run["facts"]["effort"] == "medium"


def test_max_tokens_beyond_the_model_is_lowered(http: httpx.Client, messages_line: Line) -> None:
    received = sent(http, messages_line, body("anthropic/claude-sonnet-4.5", max_tokens=200_000))

    assert received["max_tokens"] == 64_000
