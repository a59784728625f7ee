from typing import Any

import pytest

from openrouter_anthropic_server.conversion.reasoning_envelope import unpack_reasoning
from openrouter_anthropic_server.conversion.tool_names import ToolNames
from openrouter_anthropic_server.errors import OverloadedError, UpstreamError
from openrouter_anthropic_server.openai_types.chat import ChatUsage
from openrouter_anthropic_server.streaming.assembler import Assembler
from openrouter_anthropic_server.streaming.deltas import (
    CitationDelta,
    Delta,
    Failure,
    Finish,
    ForeignReasoning,
    RedactedThinking,
    SignatureDelta,
    TextDelta,
    ThinkingDelta,
    UsageDelta,
)
from tests.unit.streaming.events import USAGE, assemble, call, check_stream, message_of, new_assembler

STOP = Finish("stop")
SOURCE = {"type": "web_search_result_location", "url": "https://a.example", "title": "A", "cited_text": "x"}
ENCRYPTED = {"type": "reasoning.encrypted", "data": "gAAA", "format": "openai-responses-v1", "id": "rs_1", "index": 1}


def content(*deltas: Delta) -> list[dict[str, Any]]:
    events = assemble([*deltas, STOP])
    check_stream(events)
    return [dict(block) for block in message_of(events)["content"]]


def thinking(text: str, signature: str = "") -> dict[str, Any]:
    return {"type": "thinking", "thinking": text, "signature": signature}


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def foreign(words: str, index: int = 0) -> list[Delta]:
    detail = {"type": "reasoning.text", "text": words, "format": "google-gemini-v1", "index": index}
    return [ThinkingDelta(words, index), ForeignReasoning(detail)]


def test_a_plain_answer_is_these_events() -> None:
    events = assemble([TextDelta("Hel"), TextDelta("lo"), STOP, UsageDelta(USAGE)])

    usage = {"input_tokens": 30, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 12}
    estimate = usage | {"input_tokens": 7, "output_tokens": 1}
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "maker/model", "content": []}
    assert events == [
        {"type": "message_start", "message": message | {"stop_reason": None, "stop_sequence": None, "usage": estimate}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hel"}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "lo"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": usage},
        {"type": "message_stop"},
    ]


def test_text_goes_out_with_the_delta_that_brings_it() -> None:
    assembler = new_assembler()
    assembler.start()

    assert [event["type"] for event in assembler.feed(TextDelta("a"))] == ["content_block_start", "content_block_delta"]
    assert [event["type"] for event in assembler.feed(TextDelta("b"))] == ["content_block_delta"]


def test_an_empty_completion_has_no_blocks() -> None:
    assert content() == []


def test_empty_text_makes_no_block_and_white_space_does() -> None:
    assert content(TextDelta(""), ThinkingDelta("")) == []
    assert content(TextDelta("\n")) == [text("\n")]


def test_an_estimate_of_zero_is_sent_as_one() -> None:
    assert Assembler("msg_1", "m", 0, ToolNames()).start()[0]["message"]["usage"]["input_tokens"] == 1


# Thinking


def test_claude_thinking_is_signed_just_before_its_stop() -> None:
    events = assemble([ThinkingDelta("hm", 0), SignatureDelta("sig", 0), TextDelta("a"), STOP])

    assert [event.get("delta", {}).get("type") or event["type"] for event in events[1:5]] == [
        "content_block_start",
        "thinking_delta",
        "signature_delta",
        "content_block_stop",
    ]
    assert content(ThinkingDelta("hm", 0), SignatureDelta("sig", 0)) == [thinking("hm", "sig")]


def test_plain_reasoning_has_no_signature_event() -> None:
    events = assemble([ThinkingDelta("hm"), TextDelta("a"), STOP])

    assert not [event for event in events if event.get("delta", {}).get("type") == "signature_delta"]
    assert message_of(events)["content"] == [thinking("hm"), text("a")]


def test_a_new_upstream_index_begins_a_new_thinking_block() -> None:
    deltas: list[Delta] = [ThinkingDelta("a", 0), ThinkingDelta("b", 0), ThinkingDelta("c", 1), SignatureDelta("s", 1)]

    assert content(*deltas) == [thinking("ab"), thinking("c", "s")]


def test_thinking_after_its_signature_begins_a_new_block() -> None:
    assert content(ThinkingDelta("a"), SignatureDelta("s"), ThinkingDelta("b")) == [thinking("a", "s"), thinking("b")]


def test_thinking_after_text_begins_a_new_block() -> None:
    assert content(ThinkingDelta("a"), TextDelta("t"), ThinkingDelta("b")) == [thinking("a"), text("t"), thinking("b")]


def test_a_signature_alone_is_a_block_whose_thinking_was_not_shown() -> None:
    assert content(SignatureDelta("s", 0), TextDelta("t")) == [thinking("", "s"), text("t")]


def test_a_repeated_signature_changes_nothing() -> None:
    assert content(ThinkingDelta("a"), SignatureDelta("s"), SignatureDelta("s")) == [thinking("a", "s")]


def test_redacted_thinking_stands_whole_in_its_start_event() -> None:
    events = assemble([ThinkingDelta("a"), RedactedThinking("EmwK"), TextDelta("t"), STOP])

    check_stream(events)
    starts = [event["content_block"] for event in events if event["type"] == "content_block_start"]
    assert starts[1] == {"type": "redacted_thinking", "data": "EmwK"}


def test_foreign_reasoning_travels_in_the_signature() -> None:
    [block, _] = content(*foreign("Let "), *foreign("me"), ForeignReasoning(ENCRYPTED), TextDelta("t"))

    assert block["thinking"] == "Let me"
    assert unpack_reasoning(block["signature"]) == [
        {"type": "reasoning.text", "text": "Let me", "format": "google-gemini-v1", "index": 0},
        ENCRYPTED,
    ]


def test_encrypted_reasoning_before_text_makes_a_block_without_visible_thinking() -> None:
    [block, *rest] = content(ForeignReasoning(ENCRYPTED), TextDelta("t"))

    assert block["thinking"] == ""
    assert unpack_reasoning(block["signature"]) == [ENCRYPTED]
    assert rest == [text("t")]


def test_encrypted_reasoning_within_a_text_neither_splits_it_nor_stands_behind_it() -> None:
    """Claude Code takes the last block for the result of its run: it must stay the text."""
    assert content(TextDelta("a"), ForeignReasoning(ENCRYPTED), TextDelta("b")) == [text("ab")]


def test_encrypted_reasoning_after_text_stands_before_the_next_call_or_thinking() -> None:
    for following in (call(0, "{}", "f"), ThinkingDelta("hm"), RedactedThinking("x")):
        blocks = content(TextDelta("a"), ForeignReasoning(ENCRYPTED), following)

        assert unpack_reasoning(blocks[1]["signature"]) == [ENCRYPTED]


def test_empty_foreign_entries_make_no_block() -> None:
    empty = ForeignReasoning({"type": "reasoning.text", "text": "", "format": "unknown", "index": 0})

    assert content(empty, TextDelta("t")) == [text("t")]
    assert content(empty) == []


def test_anthropics_signature_and_an_envelope_never_share_a_block() -> None:
    blocks = content(ThinkingDelta("hm"), ForeignReasoning(ENCRYPTED), SignatureDelta("sig"), TextDelta("t"))

    assert blocks[0] == thinking("hm", "sig")
    assert unpack_reasoning(blocks[1]["signature"]) == [ENCRYPTED]
    assert blocks[2:] == [text("t")]


# Sources


def test_a_source_belongs_to_the_open_text_once() -> None:
    assert content(TextDelta("a"), CitationDelta(SOURCE), TextDelta("b"), CitationDelta(dict(SOURCE))) == [
        text("ab") | {"citations": [SOURCE]}
    ]


def test_a_source_before_any_text_belongs_to_the_next_text() -> None:
    assert content(CitationDelta(SOURCE), TextDelta("a")) == [text("a") | {"citations": [SOURCE]}]


def test_a_source_without_any_text_makes_a_text_of_its_own() -> None:
    assert content(ThinkingDelta("hm"), CitationDelta(SOURCE)) == [
        thinking("hm"),
        text("[A](https://a.example)") | {"citations": [SOURCE]},
    ]


def test_a_source_after_the_finish_reason_still_counts() -> None:
    events = assemble([TextDelta("a"), STOP, CitationDelta(SOURCE)])

    check_stream(events)
    assert message_of(events)["content"] == [text("a") | {"citations": [SOURCE]}]


# Ends


def test_a_stream_without_finish_reason_ends_with_an_error_and_an_open_block() -> None:
    events = assemble([TextDelta("half an ans")])

    check_stream(events)
    assert events[-1]["type"] == "error"
    assert events[-1]["error"]["type"] == "api_error"
    assert events[-2]["type"] == "content_block_delta"


def test_a_failure_ends_the_stream_with_its_own_type() -> None:
    assembler = new_assembler()
    assembler.start()
    error = OverloadedError("The upstream is busy.")

    events = assembler.feed(Failure(error))

    assert events == [
        {
            "type": "error",
            "error": {"type": "overloaded_error", "message": "The upstream is busy."},
        }
    ]
    assert assembler.failure is error
    assert assembler.finish() == []
    assert assembler.stop_reason is None


def test_an_error_after_the_finish_reason_is_only_noted() -> None:
    """Recorded: two chunks with "length", then an error with usage."""
    assembler = new_assembler()
    events = assembler.start()
    late: list[Delta] = [Finish("length"), Finish("length"), Failure(UpstreamError("Token limit")), UsageDelta(USAGE)]
    for delta in [TextDelta("a"), *late]:
        events += assembler.feed(delta)
    events += assembler.finish()

    check_stream(events)
    assert message_of(events)["stop_reason"] == assembler.stop_reason == "max_tokens"
    assert [note.path for note in assembler.notes] == ["error"]
    assert assembler.failure is None


def test_the_first_finish_reason_stands() -> None:
    assert message_of(assemble([Finish("length"), Finish("stop")]))["stop_reason"] == "max_tokens"


def test_the_only_stop_sequence_is_named() -> None:
    message = message_of(assemble([Finish("stop", "stop_sequence")], stop_sequences=["END"]))

    assert (message["stop_reason"], message["stop_sequence"]) == ("stop_sequence", "END")


# Usage


@pytest.mark.parametrize("position", range(4))
def test_usage_counts_wherever_it_comes(position: int) -> None:
    deltas: list[Delta] = [TextDelta("a"), STOP, TextDelta("b")]
    deltas.insert(position, UsageDelta(USAGE))

    assert message_of(assemble(deltas))["usage"]["input_tokens"] == 30


def test_without_usage_the_estimates_stay_and_say_so() -> None:
    assembler = new_assembler()
    events = assembler.start() + assembler.feed(TextDelta("x" * 400)) + assembler.feed(STOP) + assembler.finish()

    assert message_of(events)["usage"]["input_tokens"] == 7
    assert message_of(events)["usage"]["output_tokens"] == 100
    assert assembler.usage_is_estimate


@pytest.mark.parametrize(
    ("reports", "expected"),
    [
        ([{"prompt_tokens": 5, "completion_tokens": 1}, {"prompt_tokens": 5, "completion_tokens": 9}], (5, 9)),
        ([{"prompt_tokens": 5, "completion_tokens": 9}, {"prompt_tokens": 0, "completion_tokens": 0}], (5, 9)),
        ([{"completion_tokens": 9}], (7, 9)),
        ([{"prompt_tokens": 0, "completion_tokens": 0}], (7, 1)),
    ],
    ids=["the latest", "not zeros after numbers", "the estimate for what is missing", "the estimate for zeros"],
)
def test_of_several_reports_of_usage_counts(reports: list[ChatUsage], expected: tuple[int, int]) -> None:
    usage = message_of(assemble([*(UsageDelta(report) for report in reports), STOP]))["usage"]

    assert (usage["input_tokens"], usage["output_tokens"]) == expected


def test_calls_without_id_and_arguments_under_one_index_are_told_apart_by_name() -> None:
    events = assemble([call(0, "", "foo"), call(0, "", "bar"), Finish("tool_calls")])

    check_stream(events)
    assert [block["name"] for block in message_of(events)["content"]] == ["foo", "bar"]  # type: ignore[typeddict-item]
