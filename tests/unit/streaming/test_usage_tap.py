from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openrouter_anthropic_server.streaming.sse import PING, encode_event
from openrouter_anthropic_server.streaming.usage_tap import UsageTap

MESSAGE: dict[str, Any] = {
    "id": "msg_01",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-5-5",
    "content": [],
    "stop_reason": None,
    "usage": {"input_tokens": 135, "cache_read_input_tokens": 7, "output_tokens": 1},
}
TRICKY = "\n\nevent: message_delta\ndata: {}\n\nevent: error\n\n"
BEGIN = encode_event({"type": "message_start", "message": MESSAGE})
OPEN = encode_event({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}})
PIECES = [
    encode_event({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}})
    for text in ("Hel", "lö 🎈", TRICKY)
]
CLOSE = encode_event({"type": "content_block_stop", "index": 0})
TOTALS = {"output_tokens": 42, "input_tokens": None, "server_tool_use": {"web_search_requests": 1}}
END = encode_event({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": TOTALS})
STREAM = (
    b": comment\n\n" + BEGIN + PING + OPEN + b"".join(PIECES) + CLOSE + END + encode_event({"type": "message_stop"})
)
CRLF = STREAM.replace(b"\n", b"\r\n")


def tapped(*pieces: bytes) -> UsageTap:
    tap = UsageTap()
    for piece in pieces:
        tap.feed(piece)
    return tap


def heard(tap: UsageTap) -> dict[str, Any]:
    names = ("usage", "model", "message_id", "stop_reason", "started", "complete", "error", "first_content_seen")
    return {name: getattr(tap, name) for name in names} | {"at_boundary": tap.at_boundary}


EXPECTED = {
    "usage": MESSAGE["usage"] | {"output_tokens": 42, "server_tool_use": {"web_search_requests": 1}},
    "model": "claude-sonnet-5-5",
    "message_id": "msg_01",
    "stop_reason": "end_turn",
    "started": True,
    "complete": True,
    "error": None,
    "first_content_seen": True,
    "at_boundary": True,
}


@pytest.mark.parametrize("stream", [STREAM, CRLF], ids=["LF", "CRLF"])
def test_a_whole_stream_tells_usage_model_and_how_it_ended(stream: bytes) -> None:
    assert heard(tapped(stream)) == EXPECTED


@pytest.mark.parametrize("stream", [STREAM, CRLF], ids=["LF", "CRLF"])
def test_one_cut_anywhere_changes_nothing(stream: bytes) -> None:
    for cut in range(len(stream) + 1):
        assert heard(tapped(stream[:cut], stream[cut:])) == EXPECTED


@given(st.sampled_from([STREAM, CRLF]), st.lists(st.integers(0, len(STREAM))))
def test_boundaries_between_pieces_mean_nothing(stream: bytes, cuts: list[int]) -> None:
    ends = [0, *sorted(cuts), len(stream)]

    assert heard(tapped(*(stream[a:b] for a, b in pairwise(ends)))) == EXPECTED


def test_single_bytes_are_heard_the_same() -> None:
    assert heard(tapped(*(STREAM[i : i + 1] for i in range(len(STREAM))))) == EXPECTED


@given(st.lists(st.sampled_from([*PIECES, PING, OPEN, CLOSE, END, b": note\n\n"]), min_size=1))
def test_the_fast_path_hears_what_the_slow_path_hears(events: list[bytes]) -> None:
    stream = b"".join(events)
    fast = tapped(BEGIN, OPEN, *events)
    joined = tapped(BEGIN, OPEN, stream)
    slow = tapped(BEGIN + OPEN, *(stream[i : i + 1] for i in range(len(stream))))

    assert heard(fast) == heard(joined) == heard(slow)


def test_it_knows_what_has_begun() -> None:
    tap = UsageTap()
    seen = []
    for piece in (b": hi\n\n", BEGIN, PING, OPEN):
        tap.feed(piece)
        seen.append((tap.started, tap.first_content_seen, tap.complete))

    assert seen == [(False, False, False), (True, False, False), (True, False, False), (True, True, False)]


def test_it_knows_where_another_event_may_be_written() -> None:
    tap = tapped(BEGIN, OPEN)
    boundaries = []
    for piece in (PIECES[0][:-1], PIECES[0][-1:], PIECES[1], PIECES[2][:40], PIECES[2][40:] + b"event: ping\n"):
        tap.feed(piece)
        boundaries.append(tap.at_boundary)

    assert boundaries == [False, True, True, False, False]


def test_an_error_event_is_kept_whole() -> None:
    event = {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}

    tap = tapped(BEGIN, OPEN, PIECES[0], encode_event(event))

    assert tap.error == event
    assert not tap.complete


def test_events_without_a_name_are_heard_by_their_type() -> None:
    stream = b"".join(line + b"\n\n" for line in STREAM.split(b"\n") if line.startswith(b"data"))

    assert heard(tapped(stream)) == EXPECTED
    assert tapped(b'data: {"error":{"code":502,"message":"gone"}}\n\n').error is not None


@pytest.mark.parametrize("data", [b"not json", b"[]", b'{"message":null}', b'{"message":{"usage":3}}'])
def test_data_that_makes_no_sense_is_passed_over(data: bytes) -> None:
    tap = tapped(b"event: message_start\ndata: " + data + b"\n\n", BEGIN)

    assert tap.usage == MESSAGE["usage"]
