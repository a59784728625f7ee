"""What a model or an upstream does not take is left out, converted or refused, before the upstream refuses it."""

from typing import Any

import httpx
import pytest

from tests.api.calls import assert_error, body, post
from tests.gateway_fixtures import Line

OPUS = "claude-opus-4-7"
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}


def sent(http: httpx.Client, line: Line, model: str, **fields: Any) -> dict[str, Any]:
    """What the upstream receives of a request."""
    response = post(http, line.url, body(model, **fields))
    assert response.status_code == 200, response.text
    return line.upstream.last.body


def test_a_claude_without_sampling_and_budgets_gets_neither(http: httpx.Client, messages_line: Line) -> None:
    received = sent(
        http, messages_line, OPUS, max_tokens=8000, top_k=3, thinking={"type": "enabled", "budget_tokens": 2000}
    )

    assert received["model"] == "anthropic/claude-opus-4.7"
    assert received["thinking"] == {"type": "adaptive"}
    assert "top_k" not in received


def test_an_older_claude_gets_a_budget_for_adaptive_thinking(http: httpx.Client, messages_line: Line) -> None:
    received = sent(
        http,
        messages_line,
        "claude-sonnet-4-5",
        max_tokens=8000,
        thinking={"type": "adaptive"},
        output_config={"effort": "low"},
        messages=[{"role": "user", "content": "hi"}, {"role": "system", "content": "be brief"}],
    )

    assert received["thinking"] == {"type": "enabled", "budget_tokens": 1600}
    assert "output_config" not in received
    assert [message["role"] for message in received["messages"]] == ["user", "user"]
    assert "be brief" in received["messages"][1]["content"][0]["text"]


def test_a_field_that_openrouter_does_not_take_is_left_out(http: httpx.Client, messages_line: Line) -> None:
    assert "safeguards" not in sent(http, messages_line, OPUS, safeguards={"x": 1})


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"messages": [{"role": "user", "content": [IMAGE]}]}, "messages.0.content.0"),
        ({"stop_sequences": list("abcde")}, "stop_sequences"),
    ],
)
def test_what_a_model_cannot_take_is_refused_by_name(
    http: httpx.Client, chat_line: Line, fields: dict[str, Any], path: str
) -> None:
    response = post(http, chat_line.url, body("cohere/command-r-08-2024", **fields))

    assert_error(response, 400, "invalid_request_error", path)


def test_a_prefill_is_refused_where_the_model_takes_none(http: httpx.Client, messages_line: Line) -> None:
    messages = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "Sure"}]

    response = post(http, messages_line.url, body(OPUS, messages=messages))

    assert_error(response, 400, "invalid_request_error", "messages.1")
