"""What API version 2026-10-21 refuses, and older versions still take."""

from typing import Any

import pytest

from openrouter_anthropic_server.conversion.validation import validate_count_tokens_request, validate_messages_request
from openrouter_anthropic_server.errors import InvalidRequestError

NEW = "2026-10-21"
OLD = ["2023-06-01", "2023-01-01", "2026-10-20", "", "zzz", "2026-10-21x", "9"]
CITED = {"type": "text", "text": "a", "citations": [{"type": "char_location"}]}
UNCITED = [{"type": "text", "text": "a", "citations": []}, {"type": "text", "text": "a", "citations": None}]
DOCUMENT = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "x"}}
SEARCH = {"type": "search_result", "source": "s", "title": "t", "content": [UNCITED[0], CITED]}
EXTRA = "Extra inputs are not permitted"


def request(*messages: tuple[str, Any], **changes: Any) -> dict[str, Any]:
    turns = [{"role": role, "content": content} for role, content in messages or [("user", "hi")]]
    return {"model": "m", "max_tokens": 100, "messages": turns} | changes


REFUSED = [
    (request(temperature=1), f"temperature: {EXTRA}"),
    (request(top_p=1), f"top_p: {EXTRA}"),
    (request(top_k=0), f"top_k: {EXTRA}"),
    (request(temperature=0.5, top_k=5), f"temperature: {EXTRA}; top_k: {EXTRA}"),
    (
        request(("user", "hi"), ("assistant", [DOCUMENT])),
        "messages.1.content.0: document blocks are not permitted in assistant messages",
    ),
    (request(("user", [*UNCITED, CITED])), f"messages.0.content.2.citations: {EXTRA}"),
    (request(("user", [SEARCH])), f"messages.0.content.0.content.1.citations: {EXTRA}"),
    (
        request(("user", [{"type": "tool_result", "tool_use_id": "a", "content": [SEARCH]}])),
        f"messages.0.content.0.content.0.content.1.citations: {EXTRA}",
    ),
]
ACCEPTED = [
    request(),
    request(("assistant", [CITED])),
    request(("user", [DOCUMENT, *UNCITED])),
    request(("user", [{"type": "tool_result", "tool_use_id": "a", "content": "x"}])),
    request(("user", [{"type": "tool_result", "tool_use_id": "a"}, {"type": "of_tomorrow", "content": [3]}])),
    request(("system", [CITED])),
]


@pytest.mark.parametrize(("body", "message"), REFUSED, ids=str)
@pytest.mark.parametrize("version", [NEW, "2027-01-01"])
def test_the_new_version_refuses(body: dict[str, Any], message: str, version: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        validate_messages_request(body, api_version=version)

    assert caught.value.message == message


@pytest.mark.parametrize("body", [body for body, _ in REFUSED], ids=str)
@pytest.mark.parametrize("version", OLD)
def test_an_older_or_unreadable_version_accepts(body: dict[str, Any], version: str) -> None:
    assert validate_messages_request(body, api_version=version) is body


@pytest.mark.parametrize("body", ACCEPTED, ids=str)
def test_the_new_version_accepts_the_rest(body: dict[str, Any]) -> None:
    assert validate_messages_request(body, api_version=NEW) is body


def test_counting_tokens_follows_the_version_too() -> None:
    with pytest.raises(InvalidRequestError, match=f"temperature: {EXTRA}"):
        validate_count_tokens_request(request(temperature=1), api_version=NEW)


def test_a_budget_over_several_turns_may_exceed_one_answer() -> None:
    body = {
        "model": "m",
        "max_tokens": 2000,
        "messages": [{"role": "user", "content": "hi"}],
        "thinking": {"type": "enabled", "budget_tokens": 4000},
    }

    with pytest.raises(InvalidRequestError, match=r"^thinking\.budget_tokens: "):
        validate_messages_request(body, api_version="2023-06-01")

    betas = "claude-code-20250219,interleaved-thinking-2025-05-14"
    assert validate_messages_request(body, api_version="2023-06-01", betas=betas) is body
