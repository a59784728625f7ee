"""Raw events are passed on whole, and unchanged."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openrouter_anthropic_server.errors import UpstreamError
from openrouter_anthropic_server.streaming.whole_events import WholeEvents, before_error, without_done

EVENTS = [
    b'event: message_start\ndata: {"a": "event: error"}\n\n',
    b": OPENROUTER PROCESSING\n\n",
    b'event: x\r\ndata: {"b": "\xc3\xa9"}\r\n\r\n',
    b'data: {"type":"y"}\r\r',
    b"event: ping\ndata: {}\n\n",
]
STREAM = b"".join(EVENTS)


@given(st.lists(st.integers(0, len(STREAM)), max_size=8))
def test_wherever_it_is_cut_the_stream_comes_out_unchanged_and_only_whole(cuts: list[int]) -> None:
    ends = {sum(map(len, EVENTS[:number])) for number in range(len(EVENTS) + 1)}
    whole, out = WholeEvents(), b""
    for start, end in pairwise(sorted({0, *cuts, len(STREAM)})):
        out += whole.feed(STREAM[start:end])
        assert len(out) in ends
    assert out == STREAM


def test_half_an_event_is_kept_back() -> None:
    whole = WholeEvents()

    assert whole.feed(EVENTS[0] + b'event: content_block_delta\ndata: {"type":"content_bl') == EVENTS[0]


@pytest.mark.parametrize(
    "error",
    [
        b'event: error\ndata: {"type":"error"}\n\n',
        b'event:error\ndata:{"type":"error"}\n\n',
        b'data: {"type":"error","error":{"type":"x"}}\n\n',
        b"event: error\r\ndata: {}\r\n\r\n",
    ],
)
def test_only_what_stands_before_an_error_is_left(error: bytes) -> None:
    assert before_error(EVENTS[0] + EVENTS[1] + error + EVENTS[4]) == EVENTS[0] + EVENTS[1]


def test_done_frames_are_dropped_and_nothing_else() -> None:
    text = b'event: x\ndata: {"text":"[DONE]"}\n\n'

    assert without_done(text + b"event: data\ndata: [DONE]\n\n" + EVENTS[1]) == text + EVENTS[1]


def test_an_event_in_very_many_pieces_takes_time_in_proportion_to_its_size() -> None:
    event = b'data: {"a":"' + b"x" * 2_000_000 + b'"}\n\n'
    whole = WholeEvents()

    out = b"".join(whole.feed(event[at : at + 50]) for at in range(0, len(event), 50))

    assert out == event


def test_an_event_without_end_is_refused() -> None:
    whole = WholeEvents()
    for _ in range(33):
        whole.feed(b"x" * 1_000_000)

    with pytest.raises(UpstreamError):
        whole.feed(b"x" * 1_000_000)


@pytest.mark.parametrize(
    ("rest", "last"),
    [
        (
            b'event: message_stop\ndata: {"type":"message_stop"}',
            b'event: message_stop\ndata: {"type":"message_stop"}\n\n',
        ),
        (b"event: message_stop\r\ndata: {}\r\n", b"event: message_stop\r\ndata: {}\n\n"),
        (b'event: message_stop\ndata: {"type":"mess', b""),
        (b"event: message_stop\n", b""),
        (b"", b""),
    ],
)
def test_a_last_event_without_its_empty_line_is_whole_if_its_data_is(rest: bytes, last: bytes) -> None:
    whole = WholeEvents()
    whole.feed(EVENTS[0] + rest)

    assert whole.close() == last
