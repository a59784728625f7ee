"""Every provider's way to say that a prompt does not fit, in the words that make Claude Code compact."""

import json

import pytest

from openrouter_anthropic_server.conversion.context_overflow import overflow_message
from openrouter_anthropic_server.conversion.upstream_errors import error_from_chat_error, error_from_response
from openrouter_anthropic_server.errors import InvalidRequestError, RateLimitError

BOTH = "prompt is too long: 140000 tokens > 131072 maximum"

WORDINGS = [
    "This endpoint's maximum context length is 131072 tokens. However, you requested about 140000 tokens "
    "(120000 of text input, 12000 of tool input, 8000 in the output). Please reduce the length of either one.",
    "This model's maximum context length is 131,072 tokens. However, your messages resulted in 140,000 tokens.",
    "This model's maximum context length is 131072 tokens. However, you requested 140000 tokens (130000 in the "
    "messages, 10000 in the completion). Please reduce the length of the messages or completion.",
    "'max_tokens' is too large. This model's maximum context length is 131072 tokens and your request has 140000 "
    "input tokens.",
    "This model's maximum context length is 131072 tokens. However, your prompt contains at least 140000 input tokens.",
    "This model's maximum prompt length is 131072 but the request contains 140000 tokens.",
    "The input token count (140000) exceeds the maximum number of tokens allowed (131072).",
    "The input token count 140000 exceeds the maximum number of tokens allowed 131072.",
    "Prompt contains 140000 tokens and 0 draft tokens, too large for model with 131072 maximum context length",
    "The prompt is too long: 140000, model maximum context length: 131072",
    "The decoder prompt (length 140000) is longer than the maximum model length of 131072.",
    "prompt token count of 140000 exceeds the limit of 131072",
    "Invalid request: Your request exceeded model token limit: 131072 (requested: 140000)",
    "Please reduce the length of the messages or completion. Current length is 140000 while limit is 131072",
    "request (140000 tokens) exceeds the available context size (131072 tokens), try increasing it",
]
OWN = [
    "prompt is too long: 210000 tokens > 200000 maximum",
    "input length and `max_tokens` exceed context limit: 190000 + 21333 > 200000",
]


@pytest.mark.parametrize("text", WORDINGS)
def test_both_numbers_are_found(text: str) -> None:
    assert overflow_message(text) == BOTH


@pytest.mark.parametrize("text", OWN)
def test_anthropics_own_sentences_stay(text: str) -> None:
    assert overflow_message(f"messages: {text}, decrease it") == text


@pytest.mark.parametrize(
    "text",
    [
        "This model's maximum context length is 131072 tokens. Shorten your input.",
        "Range of input length should be [1, 131072]",
        "the request exceeds the available context size (131072 tokens)",
        "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 131072.",
    ],
)
def test_a_limit_alone_is_told(text: str) -> None:
    message = overflow_message(text) or ""
    assert message.startswith("prompt is too long")
    assert "131072" in message


@pytest.mark.parametrize(
    "text",
    [
        "Input is too long for requested model.",
        "Your input exceeds the context window of this model. Please adjust your input and try again.",
        "Prompt exceeds max length",
        "invalid params, context window exceeds limit (2013)",
        "Please reduce the length of the messages or completion.",
        "Number of input tokens exceeds maximum length",
    ],
)
def test_without_numbers_the_sentence_is_still_recognised(text: str) -> None:
    assert (overflow_message(text) or "").startswith("prompt is too long")


def test_the_error_type_alone_is_enough() -> None:
    error = error_from_chat_error({"code": 400, "message": "no", "metadata": {"error_type": "context_length_exceeded"}})
    assert type(error) is InvalidRequestError
    assert error.message.startswith("prompt is too long")


def test_where_the_answer_takes_most_of_the_room_the_client_is_told_to_ask_for_less() -> None:
    text = (
        "This endpoint's maximum context length is 32768 tokens. However, you requested about 40000 tokens "
        "(8000 of text input, 32000 in the output)."
    )
    expected = "input length and `max_tokens` exceed context limit: 8000 + 32000 > 32768"
    assert overflow_message(text) == expected


@pytest.mark.parametrize("text", [*WORDINGS, *OWN])
@pytest.mark.parametrize("status", [400, 413, 422, 500, 502])
def test_it_is_a_400_wherever_the_words_stand(text: str, status: int) -> None:
    outer = {"error": {"code": status, "message": text}}
    raw = json.dumps({"error": {"message": text}})
    inner = {"error": {"code": status, "message": "Provider returned error", "metadata": {"raw": raw}}}
    for answer in (outer, inner):
        error = error_from_response(status, {}, json.dumps(answer).encode())
        assert type(error) is InvalidRequestError
        assert error.message in (BOTH, *OWN)


@pytest.mark.parametrize(
    "text",
    [
        "max_tokens: 200000 > 128000, which is the maximum allowed number of output tokens",
        "tools.0.name: String should have at most 64 characters",
        "messages: at least one message is required",
        "Invalid `signature` in `thinking` block",
        "thinking.budget_tokens must be less than max_tokens",
    ],
)
def test_other_errors_are_left_alone(text: str) -> None:
    assert overflow_message(text) is None


def test_a_rate_limit_that_speaks_of_tokens_stays_a_rate_limit() -> None:
    text = "Rate limit reached: maximum context window is 30000 tokens, requested 40000 tokens"
    error = error_from_response(429, {}, json.dumps({"error": {"message": text, "code": 429}}).encode())
    assert type(error) is RateLimitError
    assert error.message == text
