from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openrouter_anthropic_server.conversion.usage import has_prompt_tokens, usage_from_chat


def converted(**usage: Any) -> dict[str, Any]:
    return dict(usage_from_chat(usage))  # type: ignore[arg-type]


def counts(usage: dict[str, Any]) -> tuple[int, int, int, int]:
    keys = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "output_tokens")
    return usage[keys[0]], usage[keys[1]], usage[keys[2]], usage[keys[3]]


def test_input_excludes_what_was_cached_and_written() -> None:
    """Recorded numbers of OpenRouter: 3329 = 3211 read + 115 written + 3."""
    details = {"cached_tokens": 3211, "cache_write_tokens": 115, "audio_tokens": 0}

    assert counts(converted(prompt_tokens=3329, completion_tokens=61, prompt_tokens_details=details)) == (
        3,
        3211,
        115,
        61,
    )


@pytest.mark.parametrize(
    "usage",
    [
        {},
        {"prompt_tokens": None, "completion_tokens": None, "prompt_tokens_details": None},
        {"prompt_tokens": -5, "completion_tokens": -1, "prompt_tokens_details": {"cached_tokens": -2}},
        {"prompt_tokens_details": [], "completion_tokens_details": "x", "cost": "free", "server_tool_use": 3},
    ],
)
def test_missing_null_negative_and_senseless_counts_are_zero(usage: dict[str, Any]) -> None:
    assert converted(**usage) == {
        "input_tokens": 0,
        "cache_read_input_tokens": 0,
        "cache_creation_input_tokens": 0,
        "output_tokens": 0,
    }


def test_more_cached_than_counted_is_no_negative_input() -> None:
    assert counts(converted(prompt_tokens=10, prompt_tokens_details={"cached_tokens": 12})) == (0, 12, 0, 0)


def test_a_float_is_a_count() -> None:
    assert counts(converted(prompt_tokens=10.0, completion_tokens=2.0)) == (10, 0, 0, 2)


def test_litellm_names_of_cache_writes_and_their_lifetimes_are_read() -> None:
    lifetimes = {"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": None}
    details = {"cache_creation_tokens": 3, "cache_creation_token_details": lifetimes}

    usage = converted(prompt_tokens=5, prompt_tokens_details=details)

    assert counts(usage) == (2, 0, 3, 0)
    assert usage["cache_creation"] == {"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 0}


def test_thinking_searches_and_cost_are_kept_where_known() -> None:
    usage = converted(
        prompt_tokens=1,
        completion_tokens_details={"reasoning_tokens": 0},
        server_tool_use_details={"web_search_requests": 2, "tool_calls_requested": 2},
        cost=0.0021,
    )

    assert usage["output_tokens_details"] == {"thinking_tokens": 0}
    assert usage["server_tool_use"] == {"web_search_requests": 2, "web_fetch_requests": 0}
    assert usage["cost"] == 0.0021


def test_the_other_documented_name_of_searches_is_read() -> None:
    assert converted(server_tool_use={"web_search_requests": 1})["server_tool_use"]["web_search_requests"] == 1


def test_a_cost_of_zero_is_a_cost() -> None:
    assert converted(cost=0)["cost"] == 0


def test_whether_the_prompt_was_counted_is_told() -> None:
    assert has_prompt_tokens({"prompt_tokens": 0})
    assert not has_prompt_tokens({"completion_tokens": 3})


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6))
def test_the_three_kinds_of_input_add_up_to_the_prompt(fresh: int, read: int, written: int) -> None:
    details = {"cached_tokens": read, "cache_write_tokens": written}

    usage = converted(prompt_tokens=fresh + read + written, prompt_tokens_details=details)

    assert counts(usage)[:3] == (fresh, read, written)
