"""An incremental reader of one HTTP/1.1 response at a time, just enough for the load generator."""

import re
from typing import Final

_STATUS_START: Final = 9
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED: Final = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)


class ResponseReader:
    """Feed it bytes; it says when a response is complete. Not for pipelined requests.

    `body` is the whole decoded body, `fresh` what the last feed added. A response has a Content-Length or is chunked.
    """

    __slots__ = ("_buffer", "_in_head", "_left", "body", "fresh", "status")

    def __init__(self) -> None:
        """Ready for the first response."""
        self.status = 0
        self.body = b""
        self.fresh = b""
        self._buffer = b""
        self._in_head = True
        self._left: int | None = 0  # None: chunked

    def feed(self, data: bytes) -> bool:
        """Take bytes from the connection; true when they complete the response (the next feed begins the next one)."""
        self.fresh = b""
        if self._in_head:
            rest = self._feed_head(data)
            if rest is None:
                return False
            data = rest
        done = self._feed_chunked(data) if self._left is None else self._feed_sized(data)
        self.body += self.fresh
        self._in_head = done
        return done

    def _feed_head(self, data: bytes) -> bytes | None:
        buffer = self._buffer + data
        end = buffer.find(b"\r\n\r\n")
        if end < 0:
            self._buffer = buffer
            return None
        self.status = int(buffer[_STATUS_START : _STATUS_START + 3])
        self.body = b""
        length = _LENGTH.search(buffer, 0, end)
        if length:
            self._left = int(length.group(1))
        elif _CHUNKED.search(buffer, 0, end):
            self._left = None
        else:
            raise ValueError("a response with neither a length nor chunks")
        self._buffer = b""
        self._in_head = False
        return buffer[end + 4 :]

    def _feed_sized(self, data: bytes) -> bool:
        assert self._left is not None
        self.fresh = data
        self._left -= len(data)
        return self._left <= 0

    def _feed_chunked(self, data: bytes) -> bool:
        buffer = self._buffer + data if self._buffer else data
        parts: list[bytes] = []
        position = 0
        done = False
        while (line_end := buffer.find(b"\r\n", position)) >= 0:
            size = int(buffer[position:line_end], 16)
            start = line_end + 2
            if start + size + 2 > len(buffer):
                break
            parts.append(buffer[start : start + size])
            position = start + size + 2
            if size == 0:
                done = True
                break
        self._buffer = buffer[position:]
        self.fresh = b"".join(parts)
        return done
