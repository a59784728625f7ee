"""Finds the lines of a segment, whatever happened to it: holes, damaged lines, a line that is still being copied."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass

from openrouter_anthropic_server.orchestration.spool.entries import CorruptLineError, Entry, decode, last_line_start

_WINDOW_BYTES = 64 << 10
_WRITTEN = re.compile(rb"[^\0]")


@dataclass(frozen=True, slots=True)
class Found:
    """A stretch of a segment, from `start` to before `end`: an entry, damaged bytes, or a hole of NULs."""

    start: int
    end: int
    entry: Entry | None = None
    damaged: bool = False


def scan(descriptor: int, offset: int, *, final: bool) -> Iterator[Found]:
    """What an open segment holds from `offset` on; raises `OSError`.

    With `final` nothing more will be written to it: holes are passed over and the rest of a line is damage.
    Without it both are the end for now.
    """
    window = _WINDOW_BYTES
    while True:
        data = os.pread(descriptor, window, offset)
        whole = len(data) < window
        used = 0
        for found in _stretches(data, whole=whole, final=final):
            used = found.end
            yield Found(offset + found.start, offset + found.end, found.entry, found.damaged)
        if used:
            offset, window = offset + used, _WINDOW_BYTES
        elif whole or (not final and data.startswith(b"\0")):
            return
        else:  # a line longer than the window
            window *= 2


def _stretches(data: bytes, *, whole: bool, final: bool) -> Iterator[Found]:
    """What `data` begins with, as far as it can be told; `whole` says that it reaches to the end of the file."""
    start = 0
    while start < len(data):
        if data[start] == 0:
            if not final:
                return
            written = _WRITTEN.search(data, start)
            end = written.start() if written else len(data)
            yield Found(start, end)
        else:
            end = data.find(b"\n", start) + 1
            if not end:
                if whole and final:
                    yield Found(start, len(data), damaged=True)
                return
            found = _line(data[start:end], start)
            if found[-1].damaged and not final and data[end : end + 1] in (b"", b"\0"):
                return  # the last line so far; it may still be on its way into the file
            yield from found
        start = end


def _line(data: bytes, start: int) -> list[Found]:
    """A line at `start`, or damage and then perhaps a line that lost only the line feed before it."""
    end = start + len(data)
    entry = _decoded(data)
    if entry is not None:
        return [Found(start, end, entry)]
    later = last_line_start(data)
    entry = _decoded(data[later:]) if later else None
    if later and entry is not None:
        return [Found(start, start + later, damaged=True), Found(start + later, end, entry)]
    return [Found(start, end, damaged=True)]


def _decoded(line: bytes) -> Entry | None:
    try:
        return decode(line[:-1])
    except CorruptLineError:
        return None
