"""What the benchmark sends and what its upstream answers have the sizes and shapes the budgets speak of."""

from typing import Any

import orjson
import pytest

from benchmarks.answers import text_of_message, text_of_stream
from benchmarks.http_reader import ResponseReader
from benchmarks.payloads import Wire, large_request, small_request
from benchmarks.upstream import ANSWER_TEXT, FORMS, STREAM_TEXT

_WIRES: list[Wire] = ["messages", "chat"]
_MESSAGES = FORMS[b"/api/v1/messages"]


@pytest.mark.parametrize("wire", _WIRES)
def test_the_small_request_has_about_a_kilobyte(wire: Wire) -> None:
    assert 800 <= len(small_request(wire)) <= 1200


@pytest.mark.parametrize("wire", _WIRES)
def test_the_large_request_looks_like_a_long_session(wire: Wire) -> None:
    body = large_request(wire)
    request: dict[str, Any] = orjson.loads(body)

    assert 145_000 <= len(body) <= 160_000
    assert [len(request[name]) for name in ("system", "tools", "messages")] == [3, 25, 101]


def test_each_tool_result_answers_the_call_before_it() -> None:
    messages = orjson.loads(large_request("messages"))["messages"][1:]
    calls = [message["content"][-1]["id"] for message in messages if message["role"] == "assistant"]
    results = [message["content"][0]["tool_use_id"] for message in messages if message["role"] == "user"]

    assert calls == results


@pytest.mark.parametrize("path", FORMS)
def test_a_stream_is_fifty_events_each_its_own_write(path: bytes) -> None:
    *events, end = FORMS[path].writes

    assert (len(events), end) == (50, b"0\r\n\r\n")


@pytest.mark.parametrize("path", FORMS)
def test_a_json_answer_has_about_a_kilobyte(path: bytes) -> None:
    assert 900 <= len(FORMS[path].answer) <= 1400


def test_the_upstreams_own_answers_pass_the_check_of_answers() -> None:
    reader = ResponseReader()

    assert reader.feed(_MESSAGES.answer)
    assert text_of_message(reader.body.decode()) == ANSWER_TEXT
    assert reader.feed(b"".join(_MESSAGES.writes))
    assert text_of_stream(reader.body.decode()) == STREAM_TEXT


def test_a_stream_that_just_ends_does_not_pass() -> None:
    reader = ResponseReader()
    reader.feed(b"".join(_MESSAGES.writes[:-2]))

    with pytest.raises(ValueError, match="not a whole stream"):
        text_of_stream(reader.body.decode())
