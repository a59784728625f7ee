import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.http_reader import ResponseReader

_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n"
_SIZED = _HEAD + b"Content-Length: 11\r\n\r\nhello world"
_CHUNKED = _HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"


@st.composite
def _in_pieces(draw: st.DrawFn) -> list[bytes]:
    whole = draw(st.sampled_from([_SIZED, _CHUNKED]))
    cuts = sorted(draw(st.sets(st.integers(1, len(whole) - 1))))
    return [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]


@given(_in_pieces(), _in_pieces())
def test_a_response_is_complete_with_its_last_byte_however_it_is_cut(first: list[bytes], second: list[bytes]) -> None:
    reader = ResponseReader()

    for pieces in (first, second):
        assert [reader.feed(piece) for piece in pieces] == [False] * (len(pieces) - 1) + [True]
        assert (reader.status, reader.body) == (200, b"hello world")


def test_fresh_is_only_what_the_last_feed_added() -> None:
    reader = ResponseReader()
    reader.feed(_CHUNKED[: _CHUNKED.index(b"6\r\n")])

    assert reader.fresh == b"hello"
    assert reader.feed(_CHUNKED[_CHUNKED.index(b"6\r\n") :])
    assert reader.fresh == b" world"


def test_a_response_without_a_length_is_refused() -> None:
    with pytest.raises(ValueError, match="neither a length nor chunks"):
        ResponseReader().feed(b"HTTP/1.1 200 OK\r\n\r\n")
