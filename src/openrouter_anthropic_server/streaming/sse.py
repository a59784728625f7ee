"""Server-sent events in both directions: events become bytes, bytes in pieces of any size become frames."""

from typing import NamedTuple

import orjson

from openrouter_anthropic_server.anthropic_types.events import StreamEvent
from openrouter_anthropic_server.errors import UpstreamError

PING = b'event: ping\ndata: {"type":"ping"}\n\n'
"""A ping as bytes; allowed between any two events."""

DONE = b"[DONE]"
"""The data of the frame that ends a chat stream."""

MAX_FRAME_BYTES = 32 * 1024 * 1024
"""The longest frame taken from an upstream: as long as the longest request."""

_BOM = b"\xef\xbb\xbf"
_DATA = b"data: "
_HEADS: dict[str, bytes] = {}


def encode_event(event: StreamEvent) -> bytes:
    """The event as `event: <type>`, `data: <JSON>` and an empty line."""
    kind = event["type"]
    head = _HEADS.get(kind)
    if head is None:
        head = _HEADS[kind] = f"event: {kind}\ndata: ".encode()
    return head + orjson.dumps(event) + b"\n\n"


class SseFrame(NamedTuple):
    """One dispatched frame: the `event:` field, None without one, and the joined `data:` lines."""

    event: str | None
    data: bytes


class SseDecoder:
    """Bytes in, complete frames out. Boundaries between pieces mean nothing, wherever they fall.

    Theory of operation. Line ends are CRLF, CR or LF, mixed at will (WHATWG). A CR at the end of a
    piece ends its line at once; the LF that may follow is swallowed from the next piece, so no frame waits
    for it. Most pieces of a chat stream hold nothing but whole `data: {…}` frames with LF: those are
    split without looking at lines. Only what is left of an unfinished line is kept, in a list, so that
    a frame that arrives in thousands of pieces is joined once.
    """

    __slots__ = ("_at_start", "_data", "_event", "_limit", "_line", "_size", "_skip_lf")

    def __init__(self, *, max_frame_bytes: int = MAX_FRAME_BYTES) -> None:
        self._limit = max_frame_bytes
        self._line: list[bytes] = []
        self._data: list[bytes] = []
        self._event: str | None = None
        self._size = 0
        self._at_start = True
        self._skip_lf = False

    @property
    def at_boundary(self) -> bool:
        """Whether the bytes so far end between two frames: another event may be written here."""
        return not self._size

    def feed(self, chunk: bytes) -> list[SseFrame]:
        """The frames that this piece completes. Raises `UpstreamError` for a frame above the limit."""
        frames: list[SseFrame] = []
        if self._size or self._at_start or self._skip_lf or not chunk.endswith(b"\n\n") or b"\r" in chunk:
            self._feed_lines(chunk, frames)
            return frames
        for block in chunk[:-2].split(b"\n\n"):
            if block.startswith(_DATA) and b"\n" not in block:
                self._check(len(block))
                frames.append(SseFrame(None, block[6:]))
            else:
                self._feed_lines(block + b"\n\n", frames)
        return frames

    def close(self) -> list[SseFrame]:
        """At the end of the body: the frame whose empty line never came.

        The specification drops it, but some upstreams leave out the last empty line. A frame cut in the
        middle is handed out too: its JSON fails to parse, which is the true outcome.
        """
        frames: list[SseFrame] = []
        self._feed_lines(b"\n\n", frames)
        return frames

    def _feed_lines(self, chunk: bytes, frames: list[SseFrame]) -> None:
        if self._skip_lf and chunk:
            self._skip_lf = False
            if chunk[:1] == b"\n":
                chunk = chunk[1:]
        for line in chunk.splitlines(keepends=True):
            self._feed_line(line, frames)
        self._skip_lf = self._skip_lf or chunk.endswith(b"\r")

    def _feed_line(self, line: bytes, frames: list[SseFrame]) -> None:
        """A line with its end, or the beginning or middle of one."""
        self._check(len(line))
        self._size += len(line)
        if line[-1:] not in (b"\n", b"\r"):
            self._line.append(line)
            return
        if self._line:
            line = b"".join((*self._line, line))
            self._line.clear()
        self._end_line(line.rstrip(b"\r\n"), frames)

    def _end_line(self, line: bytes, frames: list[SseFrame]) -> None:
        if self._at_start:
            self._at_start = False
            line = line.removeprefix(_BOM)
        if line:
            self._field(line)
            return
        if self._data:
            frames.append(SseFrame(self._event, b"\n".join(self._data)))
            self._data.clear()
        self._event = None
        self._size = 0

    def _field(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
        elif name == b"event":
            self._event = value.decode("utf-8", "replace")
        elif not name and not self._data and self._event is None:
            self._size = 0  # a comment between frames leaves nothing unfinished

    def _check(self, more: int) -> None:
        if self._size + more > self._limit:
            raise UpstreamError(f"the upstream sent an event of more than {self._limit} bytes")
