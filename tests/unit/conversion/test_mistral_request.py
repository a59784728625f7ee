"""Mistral's own rules for chat completions."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openrouter_anthropic_server.conversion.chat_context import ChatContext
from openrouter_anthropic_server.conversion.chat_dialects import ChatDialect
from openrouter_anthropic_server.conversion.mistral_request import fit_mistral, short_id

USER: dict[str, Any] = {"role": "user", "content": "Hi"}


def fitted(messages: list[dict[str, Any]], model: str = "mistral-large-2512", **more: Any) -> tuple[Any, ChatContext]:
    ctx = ChatContext(model, "mistralai", dialect=ChatDialect("mistral", "litellm"))
    return fit_mistral({"model": model, "messages": messages, **more}, ctx), ctx


@given(st.text())
def test_ids_become_nine_letters_and_digits_and_stay_the_same(call_id: str) -> None:
    short = short_id(call_id)

    assert len(short) == 9
    assert short.isascii()
    assert short.isalnum()
    assert short == short_id(call_id) == short_id(short)


def test_ids_of_its_own_stay() -> None:
    assert short_id("D681PevKs") == "D681PevKs"


def test_a_call_and_its_result_keep_one_id() -> None:
    call = {"id": "toolu_1", "type": "function", "function": {"name": "Read", "arguments": "{}"}}
    messages: list[dict[str, Any]] = [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "toolu_1", "content": "empty"},
    ]

    sent = fitted(messages)[0]["messages"]

    assert sent[0]["tool_calls"][0]["id"] == sent[1]["tool_call_id"] == short_id("toolu_1")
    assert call["id"] == "toolu_1"


def test_what_a_user_says_after_results_becomes_a_part_of_the_last_one() -> None:
    results: list[dict[str, Any]] = [
        {"role": "tool", "tool_call_id": f"callCall{n}", "content": f"result {n}"} for n in (1, 2)
    ]

    body, ctx = fitted([*results, USER, {"role": "user", "content": [{"type": "text", "text": "more"}]}])

    assert body["messages"][0] == results[0]
    (last,) = body["messages"][1:]
    assert [part["text"] for part in last["content"]] == ["result 2", "Hi", "more"]
    assert [note.kind for note in ctx.notes.notes()] == ["converted"]


def test_an_answer_to_continue_is_marked() -> None:
    assert fitted([USER, {"role": "assistant", "content": "It is"}])[0]["messages"][-1]["prefix"] is True
    assert "prefix" not in fitted([USER])[0]["messages"][-1]


def test_cache_marks_and_earlier_thinking_stay_out_and_are_noted() -> None:
    marked = {"type": "text", "text": "Hi", "cache_control": {"type": "ephemeral"}}
    thought = {"role": "assistant", "content": "x", "reasoning_details": [{"type": "reasoning.text", "text": "y"}]}

    body, ctx = fitted([{"role": "user", "content": [marked]}, thought, USER])

    assert "cache_control" not in str(body)
    assert "reasoning" not in str(body)
    assert {note.path for note in ctx.notes.notes()} == {"cache_control", "messages.thinking"}


@pytest.mark.parametrize(
    ("model", "effort", "sent"),
    [
        ("mistral-small-latest", "low", "high"),
        ("mistral-medium-3-5", "none", "none"),
        ("mistral-medium-latest", "high", "high"),
        ("magistral-medium-latest", "high", None),
        ("mistral-large-2512", "high", None),
    ],
)
def test_effort_is_high_or_none_where_there_is_any(model: str, effort: str, sent: str | None) -> None:
    body, ctx = fitted([USER], model, reasoning_effort=effort)

    assert body.get("reasoning_effort") == sent
    assert bool(ctx.notes.notes()) == (sent != effort)


def test_the_seed_has_another_name() -> None:
    body, _ = fitted([USER], seed=7)

    assert body["random_seed"] == 7
    assert "seed" not in body
