"""The official SDK reads what we write: its stream, its accumulator and its strict types."""

import json
from collections.abc import Iterable
from typing import Any

import anthropic
import httpx2
import pytest

from openrouter_anthropic_server.errors import OverloadedError
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
from openrouter_anthropic_server.streaming.sse import PING, encode_event
from tests.unit.streaming.events import USAGE, assemble, call, message_of

REQUEST: Any = {"model": "m", "max_tokens": 10, "messages": [{"role": "user", "content": "Hi"}]}
SOURCE = {"type": "web_search_result_location", "url": "u", "title": "T", "cited_text": "c", "encrypted_index": ""}
EVERYTHING: list[Delta] = [
    ThinkingDelta("hm", 0),
    SignatureDelta("sig", 0),
    RedactedThinking("EmwK"),
    TextDelta("Hello "),
    TextDelta("wörld"),
    CitationDelta(SOURCE),
    ForeignReasoning({"type": "reasoning.encrypted", "data": "x"}),
    call(0, '{"a"', "f", "1"),
    call(1, '{"b": [2]}', "g", "2"),
    call(0, ": 1}"),
    call(2, "", "h", "3"),
    Finish("tool_calls"),
    UsageDelta(
        {
            **USAGE,
            "completion_tokens_details": {"reasoning_tokens": 3},
            "server_tool_use_details": {"web_search_requests": 2},
            "cost": 0.5,
        }
    ),
]


def client(body: bytes) -> anthropic.Anthropic:
    headers = {"content-type": "text/event-stream; charset=utf-8"}
    transport = httpx2.MockTransport(lambda _: httpx2.Response(200, headers=headers, content=body))
    return anthropic.Anthropic(
        api_key="k",
        base_url="http://127.0.0.1:9",
        max_retries=0,
        http_client=anthropic.DefaultHttpxClient(transport=transport),
        _strict_response_validation=True,
    )


def encoded(deltas: Iterable[Delta]) -> bytes:
    return PING.join(encode_event(event) for event in assemble(deltas))


def test_the_sdk_accumulates_the_message_that_we_do() -> None:
    with client(encoded(EVERYTHING)) as sdk, sdk.messages.stream(**REQUEST) as stream:
        final = json.loads(stream.get_final_message().to_json())

    ours: Any = message_of(assemble(EVERYTHING))
    usage = final.pop("usage")
    assert final.pop("stop_details") is None
    assert {key: usage[key] for key in ours["usage"].keys() & usage.keys()} == {
        key: value for key, value in ours["usage"].items() if key in usage
    }
    assert {"input_tokens", "output_tokens", "server_tool_use", "output_tokens_details"} <= usage.keys()
    assert final == {key: value for key, value in ours.items() if key != "usage"}


def test_the_sdk_hands_out_text_and_tool_input_as_they_come() -> None:
    with client(encoded(EVERYTHING)) as sdk, sdk.messages.stream(**REQUEST) as stream:
        events = list(stream)

    assert [event.text for event in events if event.type == "text"] == ["Hello ", "wörld"]
    blocks = [event.content_block for event in events if event.type == "content_block_stop"]
    assert [block.input for block in blocks if block.type == "tool_use"] == [{"a": 1}, {"b": [2]}, {}]


def raised(body: bytes) -> anthropic.APIStatusError:
    with client(body) as sdk, sdk.messages.stream(**REQUEST) as stream:
        try:
            stream.until_done()
        except anthropic.APIStatusError as error:
            return error
    pytest.fail("no error")


def test_the_sdk_raises_our_error_event_by_its_type() -> None:
    assert raised(encoded([TextDelta("a"), Failure(OverloadedError("busy"))])).type == "overloaded_error"


def test_the_sdk_does_not_take_a_truncated_stream_for_an_answer() -> None:
    assert "without a finish reason" in raised(encoded([TextDelta("half")])).message
