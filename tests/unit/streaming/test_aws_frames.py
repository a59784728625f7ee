"""Frames of the AWS event stream: wherever the pieces are cut, and whatever is broken in them."""

import pytest
from botocore.eventstream import EventStreamBuffer  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from openrouter_anthropic_server.errors import UpstreamError
from openrouter_anthropic_server.streaming.aws_frames import MAX_FRAME_BYTES, AwsFrame, AwsFrameDecoder
from tests.upstreams.bedrock import frame

FRAMES = [
    frame({"role": "assistant"}, event_type="messageStart", message_type="event"),
    frame({"contentBlockIndex": 0, "delta": {"text": "Grüße"}}, event_type="contentBlockDelta"),
    frame({"message": "no"}, exception_type="throttlingException", message_type="exception"),
]


def test_the_fakes_frames_are_what_aws_own_decoder_reads() -> None:
    buffer = EventStreamBuffer()
    buffer.add_data(b"".join(FRAMES))

    headers = [event.headers for event in buffer]

    assert headers[0] == {":event-type": "messageStart", ":message-type": "event"}
    assert headers[2][":exception-type"] == "throttlingException"


@given(cuts=st.lists(st.integers(0, sum(map(len, FRAMES))), max_size=8))
def test_frames_come_whole_wherever_the_pieces_are_cut(cuts: list[int]) -> None:
    data = b"".join(FRAMES)
    ends = [*sorted(cuts), len(data)]
    decoder = AwsFrameDecoder()

    found = [one for start, end in zip([0, *ends], ends, strict=False) for one in decoder.feed(data[start:end])]

    assert [one.headers.get(":event-type") for one in found] == ["messageStart", "contentBlockDelta", None]
    assert "Grüße".encode() in found[1].payload


def test_headers_that_are_no_texts_are_passed_over() -> None:
    from zlib import crc32  # noqa: PLC0415

    headers = b"\x04:num\x04\x00\x00\x00\x07" + b"\x03:ok\x00" + b"\x02:b\x06\x00\x02hi" + b"\x02:s\x07\x00\x02yo"
    prelude = (16 + len(headers)).to_bytes(4) + len(headers).to_bytes(4)
    message = prelude + crc32(prelude).to_bytes(4) + headers

    assert list(AwsFrameDecoder().feed(message + crc32(message).to_bytes(4))) == [AwsFrame({":s": "yo"}, b"")]


@pytest.mark.parametrize(
    "data",
    [
        FRAMES[0][:-1] + bytes([FRAMES[0][-1] ^ 1]),
        b"\x00\x00\x00\x01" + FRAMES[0][4:],
        (MAX_FRAME_BYTES + 1).to_bytes(4) + FRAMES[0][4:],
    ],
    ids=["checksum", "too small", "too large"],
)
def test_a_broken_frame_is_the_upstreams_failure(data: bytes) -> None:
    with pytest.raises(UpstreamError):
        list(AwsFrameDecoder().feed(data))
