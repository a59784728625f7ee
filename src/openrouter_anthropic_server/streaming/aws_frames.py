"""Reads the frames of an AWS event stream: lengths, checksums, headers, payload."""

from collections.abc import Iterator
from dataclasses import dataclass
from zlib import crc32

from openrouter_anthropic_server.errors import UpstreamError

MAX_FRAME_BYTES = 32 * 1024 * 1024

_PRELUDE = 12  # two lengths and their checksum, four bytes each
_CHECKSUM = 4
_STRING = 7  # type numbers of header values; only texts mean anything here
_FIXED_SIZES = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}


@dataclass(frozen=True, slots=True)
class AwsFrame:
    """One message: its headers that are texts, and its payload."""

    headers: dict[str, str]
    payload: bytes


class AwsFrameDecoder:
    """Bytes in, complete frames out. Boundaries between pieces mean nothing, wherever they fall."""

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        self._waiting = bytearray()

    def feed(self, data: bytes) -> Iterator[AwsFrame]:
        """The frames that this piece completes. Raises `UpstreamError` for a broken one."""
        waiting = self._waiting
        waiting += data
        while len(waiting) >= _PRELUDE:
            size = int.from_bytes(waiting[:4])
            if not _PRELUDE + _CHECKSUM <= size <= MAX_FRAME_BYTES:
                raise UpstreamError("the upstream's stream holds a frame of an impossible size")
            if len(waiting) < size:
                return
            frame = bytes(waiting[:size])
            del waiting[:size]
            yield _frame(frame)


def _frame(frame: bytes) -> AwsFrame:
    if crc32(frame[:-_CHECKSUM]) != int.from_bytes(frame[-_CHECKSUM:]):
        raise UpstreamError("the upstream's stream holds a frame with a wrong checksum")
    end = _PRELUDE + int.from_bytes(frame[4:8])
    return AwsFrame(dict(_headers(frame[_PRELUDE:end])), frame[end:-_CHECKSUM])


def _headers(data: bytes) -> Iterator[tuple[str, str]]:
    at = 0
    while at < len(data):
        name_end = at + 1 + data[at]
        name, kind = data[at + 1 : name_end].decode("utf-8", "replace"), data[name_end]
        at = name_end + 1
        if kind in _FIXED_SIZES:
            at += _FIXED_SIZES[kind]
            continue
        size = int.from_bytes(data[at : at + 2])
        if kind == _STRING:
            yield name, data[at + 2 : at + 2 + size].decode("utf-8", "replace")
        at += 2 + size
