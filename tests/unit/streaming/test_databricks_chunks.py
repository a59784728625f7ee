"""What is peculiar in Databricks' chunks and completions."""

from typing import Any, cast

import pytest

from openrouter_anthropic_server.openai_types.chat import ChatChunk, ChatCompletion
from openrouter_anthropic_server.streaming.databricks_chunks import normalise_chunk, normalise_completion
from openrouter_anthropic_server.streaming.delta_types import (
    Failure,
    RedactedThinking,
    SignatureDelta,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
)
from openrouter_anthropic_server.streaming.deltas import deltas_of


def chunk_of(delta: dict[str, Any], **more: Any) -> ChatChunk:
    """A chunk with one choice."""
    return cast(ChatChunk, {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} | more)


def test_reasoning_of_all_kinds_is_read_from_content_lists() -> None:
    summary = [
        {"type": "summary_text", "text": "Hm.", "signature": ""},
        {"type": "summary_text", "text": "", "signature": "EqQ=="},
        {"type": "summary_encrypted_text", "data": "b64=="},
    ]
    content = [{"type": "reasoning", "summary": summary}, {"type": "text", "text": "So."}]

    assert deltas_of(chunk_of({"role": "assistant", "content": content})) == [
        ThinkingDelta("Hm.", None),
        SignatureDelta("EqQ==", None),
        RedactedThinking("b64=="),
        TextDelta("So."),
    ]


def test_the_empty_object_that_a_call_begins_with_is_no_argument() -> None:
    function = {"name": "f", "arguments": "{}"}
    chunk = chunk_of({"tool_calls": [{"index": 0, "id": "a", "function": function}]})

    normalise_chunk(chunk)

    assert deltas_of(chunk) == [ToolCallDelta(index=0, id="a", name="f", arguments="")]


def test_a_whole_call_keeps_its_arguments() -> None:
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    completion = cast(ChatCompletion, {"choices": [{"message": {"tool_calls": [call]}, "finish_reason": "tool_calls"}]})

    normalise_completion(completion)

    assert call["function"] == {"name": "f", "arguments": "{}"}


@pytest.mark.parametrize(
    ("usage", "prompt", "details"),
    [
        (
            {"prompt_tokens": 19, "cache_read_input_tokens": 5, "cache_creation_input_tokens": 3},
            19,
            {"cached_tokens": 5, "cache_write_tokens": 3},
        ),
        ({"prompt_tokens": 4, "cache_read_input_tokens": 500}, 504, {"cached_tokens": 500}),
        ({"prompt_tokens": 4, "cache_read_input_tokens": 0}, 4, None),
        (
            {"prompt_tokens": 9, "cache_read_input_tokens": 5, "prompt_tokens_details": {"cached_tokens": 2}},
            9,
            {"cached_tokens": 2},
        ),
    ],
)
def test_tokens_of_the_cache_are_counted_in_the_common_form(
    usage: dict[str, Any], prompt: int, details: dict[str, int] | None
) -> None:
    normalise_completion(cast(ChatCompletion, {"usage": usage}))

    assert usage["prompt_tokens"] == prompt
    assert usage.get("prompt_tokens_details") == details


def test_tokens_of_reasoning_are_counted_in_the_common_form() -> None:
    usage: dict[str, Any] = {"completion_tokens": 9, "reasoning_tokens": 4}

    normalise_chunk(cast(ChatChunk, {"choices": [], "usage": usage}))

    assert usage["completion_tokens_details"] == {"reasoning_tokens": 4}


@pytest.mark.parametrize(
    "strange",
    [
        {},
        {"choices": 3, "usage": 4},
        {"choices": [None, {"delta": 3}, {"delta": {"tool_calls": 5}}], "usage": None},
        {"choices": [{"delta": {"tool_calls": [None, {"function": 1}]}}], "usage": {"cache_read_input_tokens": "x"}},
    ],
)
def test_strange_values_are_left_to_those_who_read_them(strange: dict[str, Any]) -> None:
    normalise_chunk(cast(ChatChunk, strange))
    normalise_completion(cast(ChatCompletion, strange))


def test_an_error_that_is_the_whole_chunk_is_a_failure_of_its_kind() -> None:
    [failure] = deltas_of(cast(ChatChunk, {"error_code": "REQUEST_LIMIT_EXCEEDED", "message": '{"message": "slow"}'}))

    assert isinstance(failure, Failure)
    assert (failure.error.status, failure.error.message) == (429, "slow")
