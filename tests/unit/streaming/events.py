"""Shared by the tests of streams: a checker of the event order, written apart from the code, and ways to run it."""

from collections.abc import Iterable
from typing import Any

from openrouter_anthropic_server.anthropic_types.response import Message
from openrouter_anthropic_server.conversion.tool_names import ToolNames
from openrouter_anthropic_server.openai_types.chat import ChatUsage
from openrouter_anthropic_server.streaming.accumulator import Accumulator
from openrouter_anthropic_server.streaming.assembler import Assembler
from openrouter_anthropic_server.streaming.deltas import Delta, ToolCallDelta, deltas_of

Event = dict[str, Any]

STREAMED_IN = {
    "text": {"text_delta", "citations_delta"},
    "thinking": {"thinking_delta", "signature_delta"},
    "redacted_thinking": set[str](),
    "tool_use": {"input_json_delta"},
    "server_tool_use": {"input_json_delta"},
    "web_search_tool_result": set[str](),
}
USAGE: ChatUsage = {"prompt_tokens": 30, "completion_tokens": 12}


def new_assembler(**options: Any) -> Assembler:
    """An assembler with an estimate of 7 input tokens."""
    return Assembler("msg_1", "maker/model", 7, options.pop("tool_names", ToolNames()), **options)


def assemble(deltas: Iterable[Delta], **options: Any) -> list[Event]:
    """The events of a whole stream."""
    assembler = new_assembler(**options)
    events = assembler.start()
    for delta in deltas:
        events += assembler.feed(delta)
    return events + assembler.finish()


def assemble_chunks(chunks: Iterable[Any], **options: Any) -> list[Event]:
    """The events of a stream of chat chunks."""
    return assemble((delta for chunk in chunks for delta in deltas_of(chunk)), **options)


def message_of(events: Iterable[Event]) -> Message:
    """The message that the events make."""
    accumulator = Accumulator()
    for event in events:
        accumulator.feed(event)
    return accumulator.message()


def call(index: int | None, arguments: str = "", name: str | None = None, call_id: str | None = None) -> ToolCallDelta:
    """A piece of a tool call."""
    return ToolCallDelta(index, call_id, name, arguments)


def check_stream(events: list[Event]) -> None:
    """Assert the order of Anthropic's API: start, whole blocks one after the other, delta, stop; or an error last."""
    assert events[0]["type"] == "message_start"
    first = events[0]["message"]
    assert (first["content"], first["stop_reason"], first["stop_sequence"]) == ([], None, None)
    assert first["usage"]["input_tokens"] > 0
    body = events[1:]
    if body[-1]["type"] == "error":
        assert set(body[-1]["error"]) >= {"type", "message"}
        check_blocks(body[:-1], may_end_open=True)
        return
    assert [event["type"] for event in body[-2:]] == ["message_delta", "message_stop"]
    assert body[-2]["delta"]["stop_reason"] is not None
    assert body[-2]["usage"]["output_tokens"] >= 0
    check_blocks(body[:-2], may_end_open=False)


def check_blocks(events: list[Event], *, may_end_open: bool) -> None:
    """Assert that the events are whole blocks 0, 1, 2, none overlapping, none an empty text, no id twice."""
    expected_index, position, ids = 0, 0, set[str]()
    while position < len(events):
        start = events[position]
        assert start["type"] == "content_block_start", start
        assert start["index"] == expected_index
        stop = next((i for i in range(position + 1, len(events)) if events[i]["type"] != "content_block_delta"), None)
        deltas = events[position + 1 : stop]
        assert {event["index"] for event in deltas} <= {expected_index}
        check_block(start["content_block"], [event["delta"] for event in deltas], ids)
        if stop is None:
            assert may_end_open
            return
        assert events[stop] == {"type": "content_block_stop", "index": expected_index}
        position, expected_index = stop + 1, expected_index + 1


def check_block(block: Event, deltas: list[Event], ids: set[str]) -> None:
    """Assert the rules inside one block."""
    kinds = [delta["type"] for delta in deltas]
    assert set(kinds) <= STREAMED_IN[block["type"]]
    if block["type"] == "text":
        assert block["text"] == ""
        assert "".join(delta.get("text", "") for delta in deltas) != ""
        assert all(delta["text"] for delta in deltas if delta["type"] == "text_delta")
    if block["type"] == "thinking":
        assert (block["thinking"], block["signature"]) == ("", "")
        assert "signature_delta" not in kinds[:-1]
    if block["type"] == "tool_use":
        assert block["input"] == {}
        assert block["name"]
        assert block["id"]
        assert block["id"] not in ids
        assert deltas[0] == {"type": "input_json_delta", "partial_json": ""}
        ids.add(block["id"])
