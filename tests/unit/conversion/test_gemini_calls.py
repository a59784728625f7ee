"""Equal calls of one turn on the way to Gemini, and signatures whose call is not there."""

from typing import Any

from openrouter_anthropic_server.conversion.chat_context import ChatContext
from openrouter_anthropic_server.conversion.gemini_calls import distinct_calls
from openrouter_anthropic_server.conversion.gemini_signatures import signature_detail
from openrouter_anthropic_server.conversion.litellm_history import gemini_messages


def calls(*ids: str, **more: Any) -> dict[str, Any]:
    function = {"name": "Read", "arguments": "{}"}
    return {
        "role": "assistant",
        "tool_calls": [{"id": one, "type": "function", "function": function} for one in ids],
        **more,
    }


def result(call_id: str, content: Any) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def context() -> ChatContext:
    return ChatContext("gemini-2.5-flash", "google")


def text(value: str) -> dict[str, Any]:
    return {"type": "text", "text": value}


def test_different_results_of_equal_calls_are_one() -> None:
    sent = distinct_calls(
        [calls("a", "b", "c"), result("b", "two"), result("a", [text("one")]), result("c", "two")], context()
    )

    assert [call["id"] for call in sent[0]["tool_calls"]] == ["a"]
    assert sent[1:] == [result("a", [text("two"), text("one"), text("two")])]


def test_equal_results_of_equal_calls_are_said_once() -> None:
    assert distinct_calls([calls("a", "b"), result("a", "x"), result("b", "x")], context())[1:] == [result("a", "x")]


def test_ids_of_one_turn_mean_nothing_in_the_next() -> None:
    history = [calls("a", "b"), result("a", "1"), result("b", "2"), calls("b"), result("b", "3")]

    assert distinct_calls(history, context())[-1] == result("b", "3")


def test_signature_of_a_call_that_is_not_there_is_noted() -> None:
    ctx = context()
    detail = signature_detail("QUJD", "toolu_9")
    (turn, *_) = gemini_messages([calls("a", reasoning_details=[detail]), result("a", "x")], ctx)

    assert "provider_specific_fields" not in turn["tool_calls"][0]
    assert [(note.kind, note.detail) for note in ctx.notes.notes()] == [
        ("not_sent", "a signature of a call that is not in the turn")
    ]
