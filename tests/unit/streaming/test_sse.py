from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openrouter_anthropic_server.errors import UpstreamError
from openrouter_anthropic_server.streaming.sse import DONE, PING, SseDecoder, SseFrame, encode_event

RECORDED = (
    b": OPENROUTER PROCESSING\n\n: OPENROUTER PROCESSING\n\n"
    b'data: {"id":"gen-1","choices":[{"delta":{"content":"Gr\xc3\xbc\xc3\x9fe \xf0\x9f\x8e\x88"}}]}\n\n'
    b": OPENROUTER PROCESSING\n\n"
    b"event: message_start\r\ndata:no space\r\ndata: two lines\r\n\r\n"
    b"id: 5\rretry: 10\rdata: after CR\r\r"
    b"data: a\nevent: late\n\n"
    b"event: without data\n\n"
    b"data\n\n"
    b'data: {"last":1}\n\ndata: [DONE]\n\n'
)
FRAMES = [
    SseFrame(None, '{"id":"gen-1","choices":[{"delta":{"content":"Grüße 🎈"}}]}'.encode()),
    SseFrame("message_start", b"no space\ntwo lines"),
    SseFrame(None, b"after CR"),
    SseFrame("late", b"a"),
    SseFrame(None, b""),
    SseFrame(None, b'{"last":1}'),
    SseFrame(None, DONE),
]


def decode(*pieces: bytes) -> list[SseFrame]:
    decoder = SseDecoder()
    return [frame for piece in pieces for frame in decoder.feed(piece)]


def test_an_event_is_its_name_and_its_json_and_an_empty_line() -> None:
    event = {"type": "content_block_stop", "index": 3}

    assert encode_event(event) == b'event: content_block_stop\ndata: {"type":"content_block_stop","index":3}\n\n'


def test_the_ping_is_encoded_like_any_event() -> None:
    assert encode_event({"type": "ping"}) == PING


def test_what_is_encoded_is_decoded() -> None:
    assert decode(encode_event({"type": "error", "text": "ü\n\r"}))[0].event == "error"


def test_recorded_stream_is_decoded_whatever_its_line_ends() -> None:
    assert decode(RECORDED) == FRAMES


@pytest.mark.parametrize("cut", range(len(RECORDED) + 1))
def test_one_cut_anywhere_changes_nothing(cut: int) -> None:
    assert decode(RECORDED[:cut], RECORDED[cut:]) == FRAMES


def test_single_bytes_are_decoded_the_same() -> None:
    assert decode(*(RECORDED[i : i + 1] for i in range(len(RECORDED)))) == FRAMES


@given(st.lists(st.integers(0, len(RECORDED))))
def test_boundaries_between_pieces_mean_nothing(cuts: list[int]) -> None:
    ends = [0, *sorted(cuts), len(RECORDED)]

    assert decode(*(RECORDED[a:b] for a, b in pairwise(ends))) == FRAMES


LINES = st.sampled_from([b"data: x", b"data:", b"event: e", b": note", b"", b"data: y", b"other: z", b"event"])
ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])


@given(st.lists(st.tuples(LINES, ENDS)), st.data())
def test_any_stream_is_decoded_the_same_whole_and_in_pieces(
    lines: list[tuple[bytes, bytes]], data: st.DataObject
) -> None:
    stream = b"".join(line + end for line, end in lines)
    cuts = data.draw(st.lists(st.integers(0, len(stream))))
    ends = [0, *sorted(cuts), len(stream)]

    assert decode(*(stream[a:b] for a, b in pairwise(ends))) == decode(stream)


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_a_frame_is_handed_out_as_soon_as_its_empty_line_is_there(end: bytes) -> None:
    decoder = SseDecoder()

    assert decoder.feed(b"data: 1" + end + end[:1]) == [SseFrame(None, b"1")]


@pytest.mark.parametrize("cut", [0, 1, 2, 3, 5])
def test_a_byte_order_mark_at_the_start_is_skipped(cut: int) -> None:
    stream = b"\xef\xbb\xbfdata: 1\n\n"

    assert decode(stream[:cut], stream[cut:]) == [SseFrame(None, b"1")]


def test_a_byte_order_mark_later_is_part_of_the_line() -> None:
    assert decode(b"data: 1\n\n", b"\xef\xbb\xbfdata: 2\n\n") == [SseFrame(None, b"1")]


def test_a_boundary_is_where_another_event_may_be_written() -> None:
    decoder = SseDecoder()
    seen = []
    for piece in (b"", b": note\n", b"\n", b"data: 1", b"\n", b"\n", b"event: x\r\n", b"data: 2\r\n\r", b"\n"):
        decoder.feed(piece)
        seen.append(decoder.at_boundary)

    assert seen == [True, True, True, False, False, True, False, True, True]


def test_closing_hands_out_a_last_frame_without_its_empty_line() -> None:
    decoder = SseDecoder()

    assert decoder.feed(b"data: 1\n\ndata: [DO") == [SseFrame(None, b"1")]
    assert decoder.feed(b"NE]") == []
    assert decoder.close() == [SseFrame(None, DONE)]
    assert decoder.close() == []


@pytest.mark.parametrize(
    "frame",
    [b"data: 12345678901234567890\n\n", b"12345678901234567890 and more", b"data: 123456\n" * 3, b"event: 12\n" * 3],
)
def test_a_frame_above_the_limit_is_refused(frame: bytes) -> None:
    decoder = SseDecoder(max_frame_bytes=20)
    decoder.feed(b": start\n\n")
    decoder.feed(frame[:4])

    with pytest.raises(UpstreamError, match="more than 20 bytes"):
        decoder.feed(frame[4:])


def test_a_whole_frame_above_the_limit_is_refused() -> None:
    decoder = SseDecoder(max_frame_bytes=20)
    decoder.feed(b": start\n\n")

    with pytest.raises(UpstreamError, match="more than 20 bytes"):
        decoder.feed(b"data: 1\n\ndata: 12345678901234567890\n\n")


def test_many_frames_below_the_limit_are_taken() -> None:
    decoder = SseDecoder(max_frame_bytes=20)

    assert sum(len(decoder.feed(b"data: 1\n\n: note\n\ndata: 2\r\n\r\n")) for _ in range(50)) == 100
