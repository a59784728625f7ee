"""Raw SSE bytes cut into whole events: what is passed on can always be followed by another event."""

import re

from openrouter_anthropic_server.errors import UpstreamError
from openrouter_anthropic_server.streaming.sse import DONE, MAX_FRAME_BYTES, SseDecoder, SseFrame
from openrouter_anthropic_server.streaming.usage_tap import kind_of

_BOUNDARY = re.compile(rb"\r\n\r\n|\n\n|\r\r")
_ENDS = (b"\n\n", b"\r\n\r\n", b"\r\r")
_CONTENT = (b"content_block_start", b"content_block_delta", b"message_delta", b"message_stop")
_OVERLAP = 3  # bytes of a boundary that can stand in the piece before


class WholeEvents:
    """Feed pieces of any size; get the bytes up to the end of the last whole event, unchanged.

    The unfinished rest is kept back: if the stream breaks off there, half an event would swallow the
    `error` event that has to follow it.
    """

    __slots__ = ("_held", "_pieces")

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._held = 0

    def feed(self, chunk: bytes) -> bytes:
        """The whole events so far that have not been given out. Raises `UpstreamError` for one above 32 MB.

        Only the new piece is searched: an event may come in thousands of them.
        """
        last = self._pieces[-1][-_OVERLAP:] if self._pieces else b""
        searched = last + chunk
        end = max(searched.rfind(mark) + len(mark) if mark in searched else 0 for mark in _ENDS) - len(last)
        if end <= 0:
            self._hold(chunk)
            return b""
        whole = b"".join((*self._pieces, chunk[:end])) if self._pieces else chunk[:end]
        self._pieces, self._held = [], 0
        self._hold(chunk[end:])
        return whole

    def close(self) -> bytes:
        """At the end of the body: a last event that lacks only its empty line, with that line; else nothing."""
        rest = b"".join(self._pieces).rstrip(b"\r\n")
        self._pieces, self._held = [], 0
        return rest + b"\n\n" if rest.endswith(b"}") else b""

    def _hold(self, piece: bytes) -> None:
        if len(piece) < _OVERLAP and self._pieces:
            self._pieces[-1] += piece
        elif piece:
            self._pieces.append(piece)
        self._held += len(piece)
        if self._held > MAX_FRAME_BYTES:
            raise UpstreamError("the upstream's stream holds an event that is too large")


def has_content(events: bytes) -> bool:
    """Whether any of the answer's content, or its end, is among these events."""
    return any(mark in events for mark in _CONTENT)


def before_error(events: bytes) -> bytes:
    """The whole events of `events` that stand before its first `error` event."""
    kept = b""
    for event in _split(events):
        if any(kind_of(frame) == "error" for frame in _frames(event)):
            break
        kept += event
    return kept


def without_done(events: bytes) -> bytes:
    """`events` without `[DONE]` frames: no event of the Messages API, and SDKs fail where one has a name."""
    if DONE not in events:
        return events
    return b"".join(event for event in _split(events) if not any(frame.data == DONE for frame in _frames(event)))


def _split(events: bytes) -> list[bytes]:
    ends = [match.end() for match in _BOUNDARY.finditer(events)]
    return [events[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def _frames(event: bytes) -> list[SseFrame]:
    return SseDecoder().feed(event)
