"""What the universal endpoint makes of the options and the form of a request."""

from typing import Any

import pytest

from openrouter_anthropic_server.conversion.universal_forms import detect_form, read_options
from openrouter_anthropic_server.errors import InvalidRequestError

HELLO = [{"role": "user", "content": "Hello"}]


@pytest.mark.parametrize(
    ("body", "form"),
    [
        ({"contents": [{"parts": [{"text": "Hello"}]}]}, "google_gemini"),
        ({"messages": HELLO, "max_tokens": 10}, "anthropic_messages"),
        ({"messages": HELLO}, "openai_chat"),
        ({"messages": HELLO, "max_completion_tokens": 10}, "openai_chat"),
        ({"messages": [{"role": "system", "content": "x"}, *HELLO], "max_tokens": 10}, "openai_chat"),
        ({"messages": [{"role": "developer", "content": "x"}, *HELLO], "max_tokens": 10}, "openai_chat"),
        ({"messages": [*HELLO, {"role": "tool", "content": "x"}], "max_tokens": 10}, "openai_chat"),
        ({"messages": HELLO, "max_tokens": 10, "response_format": {"type": "text"}}, "openai_chat"),
        ({"messages": HELLO, "max_tokens": 10, "tools": [{"type": "function", "function": {}}]}, "openai_chat"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}], "max_tokens": 10}, "openai_chat"),
        ({"messages": [*HELLO, {"role": "assistant", "tool_calls": []}], "thinking": {}}, "openai_chat"),
        ({"messages": HELLO, "max_tokens": 10, "system": "x"}, "anthropic_messages"),
        ({"messages": HELLO, "system": "x"}, "anthropic_messages"),
        ({"messages": HELLO, "max_tokens": 10, "tools": [{"name": "a", "input_schema": {}}]}, "anthropic_messages"),
        # Anthropic's form has messages with the role system too, and takes parameters of OpenAI's beside its own.
        (
            {"messages": [*HELLO, {"role": "system", "content": "x"}], "max_tokens": 10, "system": "y", "seed": 1},
            "anthropic_messages",
        ),
        ({"messages": HELLO, "max_tokens": 10, "thinking": {}, "frequency_penalty": 1}, "anthropic_messages"),
        ({"messages": HELLO, "max_tokens": 10, "tool_choice": "auto"}, "openai_chat"),
        ({"messages": HELLO, "max_tokens": 10, "tool_choice": {"type": "function"}}, "openai_chat"),
        ({"messages": HELLO, "tool_choice": {"type": "any"}}, "anthropic_messages"),
        ({"messages": [{"role": "assistant", "content": [{"type": "tool_use"}]}], "stop": "x"}, "anthropic_messages"),
        ({"messages": [{"role": "user", "content": [{"type": "tool_result"}]}]}, "anthropic_messages"),
        ({"messages": [{"role": "user", "content": [{"type": "image"}]}]}, "anthropic_messages"),
        ({"messages": [{"role": ["odd"], "content": [{"type": {}}]}, 3], "max_tokens": 10}, "anthropic_messages"),
    ],
)
def test_form_is_known_by_what_stands_in_the_request(body: dict[str, Any], form: str) -> None:
    assert detect_form(body) == form


def test_given_form_counts_more_than_the_looks() -> None:
    options = read_options({"model": "m", "messages": HELLO, "input_format": "anthropic_messages"})

    assert options.input_form == options.output_form == "anthropic_messages"


def test_keys_of_this_server_are_no_part_of_the_request() -> None:
    own = {"input_format": "openai_chat", "output_format": "universal", "fallback": False, "stream": False}
    options = read_options({"model": "m", "messages": HELLO, "provider": "OpenAI", **own})

    assert options.body == {"model": "m", "messages": HELLO}
    assert (options.output_form, options.provider, options.fallback, options.stream) == (
        "universal",
        "openai",
        False,
        False,
    )


@pytest.mark.parametrize("form", ["anthropic_messages", "google_gemini"])
def test_usage_at_the_end_of_chunks_can_be_asked_for_in_every_form(form: str) -> None:
    own = {"input_format": form, "output_format": "openai_chat", "stream_options": {"include_usage": True}}
    options = read_options({"model": "m", **own})

    assert options.include_usage
    assert options.body == {"model": "m"}


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ({"contents": []}, False),
        ({"contents": [], "generationConfig": {"thinkingConfig": {"includeThoughts": False}}}, False),
        ({"contents": [], "generationConfig": {"thinkingConfig": {"includeThoughts": True}}}, True),
        ({"contents": [], "generation_config": {"thinking_config": {"include_thoughts": True}}}, True),
        ({"contents": [], "generationConfig": [3]}, False),
        ({"messages": HELLO, "output_format": "google_gemini"}, True),
    ],
)
def test_clients_of_geminis_form_ask_for_thoughts(body: dict[str, Any], shown: bool) -> None:
    assert read_options({"model": "m", **body}).include_thoughts is shown


def test_provider_that_is_an_object_is_the_upstreams_parameter() -> None:
    options = read_options({"model": "m", "messages": HELLO, "provider": {"order": ["x"]}})

    assert options.provider is None
    assert options.body["provider"] == {"order": ["x"]}


def test_answers_stream_and_may_come_from_others_unless_said_otherwise() -> None:
    options = read_options({"model": "models/gemini-2.5-flash", "contents": []})

    assert (options.stream, options.fallback, options.model) == (True, True, "gemini-2.5-flash")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("input_format", "soap"),
        ("input_format", "universal"),
        ("output_format", 3),
        ("provider", ""),
        ("provider", 3),
        ("stream", "yes"),
        ("fallback", "openai:gpt-5"),
        ("fallback", [1]),
        ("model", ""),
        ("model", None),
    ],
)
def test_bad_option_is_refused_by_name(field: str, value: object) -> None:
    with pytest.raises(InvalidRequestError, match=f"^{field}: "):
        read_options({"model": "m", "messages": HELLO} | {field: value})
