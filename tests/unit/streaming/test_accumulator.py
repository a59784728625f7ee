from typing import Any

import pytest

from openrouter_anthropic_server.errors import UpstreamError
from openrouter_anthropic_server.streaming.accumulator import Accumulator

START = {
    "type": "message_start",
    "message": {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-x",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 5, "output_tokens": 1, "cache_read_input_tokens": 3},
    },
}
STOP: list[dict[str, Any]] = [
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 9}},
    {"type": "message_stop"},
]


def block(start: dict[str, Any], *deltas: dict[str, Any], index: int = 0) -> list[dict[str, Any]]:
    return [
        {"type": "content_block_start", "index": index, "content_block": start},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def accumulate(*events: dict[str, Any]) -> Any:
    accumulator = Accumulator()
    for event in events:
        accumulator.feed(event)
    return accumulator.message()


def test_totals_of_the_end_overwrite_and_missing_or_null_ones_do_not() -> None:
    end = STOP[0] | {"usage": {"output_tokens": 9, "input_tokens": None}}

    usage = accumulate(START, end, STOP[1])["usage"]

    assert usage == {"input_tokens": 5, "output_tokens": 9, "cache_read_input_tokens": 3}


def test_the_events_are_not_changed() -> None:
    start = {"type": "text", "text": ""}

    first = accumulate(START, *block(start, {"type": "text_delta", "text": "a"}), *STOP)

    assert START["message"]["usage"]["output_tokens"] == 1  # type: ignore[index]
    assert start == {"type": "text", "text": ""}
    assert first["content"] == [{"type": "text", "text": "a"}]


def test_the_message_can_be_asked_for_twice() -> None:
    accumulator = Accumulator()
    for event in (START, *block({"type": "text", "text": ""}, {"type": "text_delta", "text": "a"}), *STOP):
        accumulator.feed(event)

    assert accumulator.message() == accumulator.message()


def test_blocks_of_the_messages_wire_are_taken_too() -> None:
    search = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}}
    result = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}
    events = [
        *block(search, {"type": "input_json_delta", "partial_json": '{"query":"x"}'}),
        *block(result, index=1),
        *block({"type": "text", "text": "whole"}, {"type": "citations_delta", "citation": {"url": "u"}}, index=2),
        *block({"type": "compaction"}, {"type": "compaction_delta", "content": "short"}, index=3),
        *block({"type": "tool_use", "id": "t", "name": "f", "input": {"given": "whole"}}, index=4),
    ]

    content = accumulate(START, {"type": "ping"}, *events, {"type": "of_tomorrow"}, *STOP)["content"]

    assert content == [
        search | {"input": {"query": "x"}},
        result,
        {"type": "text", "text": "whole", "citations": [{"url": "u"}]},
        {"type": "compaction", "content": "short"},
        {"type": "tool_use", "id": "t", "name": "f", "input": {"given": "whole"}},
    ]


def test_what_rides_on_the_last_delta_is_kept() -> None:
    end = {"delta": {"stop_reason": "refusal", "stop_details": {"type": "refusal"}}, "context_management": {"x": 1}}

    message = accumulate(START, STOP[0] | end, STOP[1])

    assert message["stop_details"] == {"type": "refusal"}
    assert message["context_management"] == {"x": 1}


@pytest.mark.parametrize("events", [[], [START], [START, STOP[0]], [STOP[0], STOP[1]]])
def test_an_incomplete_stream_is_no_message(events: list[dict[str, Any]]) -> None:
    with pytest.raises(UpstreamError, match="incomplete"):
        accumulate(*events)


def test_a_failed_stream_is_no_message() -> None:
    with pytest.raises(UpstreamError, match="busy"):
        accumulate(START, {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}, *STOP)
