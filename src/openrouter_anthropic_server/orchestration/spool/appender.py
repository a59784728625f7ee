"""Appends lines to the segment in use; what finds no room waits in memory, in order, up to a limit."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import Lock

from openrouter_anthropic_server.orchestration.spool.entries import encode_dropped
from openrouter_anthropic_server.orchestration.spool.segments import Segment, whole_pages

_MAX_WAITING_BYTES = 8 << 20
_RESERVE_BYTES = 1 << 20
"""What may wait beyond that: only the smallest lines of ends."""

_MOST_NAMES = 1_000


@dataclass(slots=True)
class Line:
    """A line on its way into a segment. Nobody changes it: not frozen, because that would cost a microsecond.

    `last` marks the one line without which its run is lost, `name` is what that run is called if a reader knows it.
    `smaller` makes what is written if there is no room for `data`.
    """

    data: bytes
    last: bool = False
    name: str | None = None
    smaller: "Callable[[], Line] | None" = None


class Appender:
    """Takes lines from any thread and copies them into memory; never touches the disk.

    `call` is called, from the thread that appends, when a segment is needed. The keeper asks `wanted`, gets
    the segment and gives it to `offer`. `dropped` counts the runs whose last line found no room.
    """

    def __init__(self, ordinary_bytes: int, call: Callable[[], None]) -> None:
        """`ordinary_bytes` is the size of a segment that is not made for one large line."""
        self.dropped = 0
        self._ordinary_bytes = ordinary_bytes
        self._call = call
        self._lock = Lock()  # held for copies in memory only
        self._segment: Segment | None = None
        self._next: Segment | None = None
        self._retired: list[Segment] = []
        self._waiting: deque[Line] = deque()
        self._waiting_bytes = 0
        self._unreported = 0
        self._names: list[str] = []
        self._closed = False

    @property
    def congested(self) -> bool:
        """Whether lines wait for a segment."""
        return bool(self._waiting)

    def append(self, line: Line) -> bool:
        """Append `line`, or let it wait, or drop it and count: False then."""
        kept = True
        with self._lock:
            if self._waiting or not self._put(line.data):
                kept = self._wait(line)
            elif self._next is not None:
                return True
        self._call()
        return kept

    def wanted(self) -> int | None:
        """The size in bytes of the segment that is needed next; None while there is one."""
        with self._lock:
            first = len(self._waiting[0].data) if self._waiting else 0
            if self._closed or (self._next is not None and first <= self._next.size):
                return None
            if self._next is not None:
                self._retired.append(self._next)
                self._next = None
            return max(self._ordinary_bytes, whole_pages(first))

    def offer(self, segment: Segment) -> None:
        """Take a new segment; the lines that wait go first."""
        with self._lock:
            self._next = segment
            while self._waiting and self._put(self._waiting[0].data):
                self._leave()
            if self._unreported and not self._waiting:
                self._report()

    def give_up_large(self) -> bool:
        """There is no room for a segment made for one line: write less of it, or drop it.

        False if the line that waits is an ordinary one, which waits on.
        """
        with self._lock:
            if not self._waiting or len(self._waiting[0].data) <= self._ordinary_bytes:
                return False
            line = self._leave()
            if line.smaller is None:
                self._drop(line)
            else:
                smaller = line.smaller()
                self._waiting.appendleft(smaller)
                self._waiting_bytes += len(smaller.data)
            return True

    def take_retired(self) -> list[Segment]:
        """The segments that nothing more is appended to."""
        with self._lock:
            retired, self._retired = self._retired, []
            return retired

    def retire_all(self) -> None:
        """Use none of the segments any more."""
        with self._lock:
            self._retired += [segment for segment in (self._segment, self._next) if segment is not None]
            self._segment = self._next = None

    def close(self) -> None:
        """Drop what waits, and everything from here on."""
        with self._lock:
            self._closed = True
            while self._waiting:
                self._drop(self._leave())
            if self._unreported:
                self._report()
        self.retire_all()

    def _put(self, data: bytes) -> bool:
        if self._segment is not None and self._segment.append(data):
            return True
        if self._next is None or not self._next.append(data):
            return False
        if self._segment is not None:
            self._retired.append(self._segment)
        self._segment, self._next = self._next, None
        return True

    def _wait(self, line: Line) -> bool:
        if self._may_wait(len(line.data), 0):
            self._enter(line)
            return True
        while line.smaller is not None and not self._closed:
            line = line.smaller()
            if self._may_wait(len(line.data), _RESERVE_BYTES if line.smaller is None else 0):
                self._enter(line)
                return True
        self._drop(line)
        return False

    def _may_wait(self, size: int, reserve: int) -> bool:
        """A single line may wait however large it is."""
        limit = _MAX_WAITING_BYTES + reserve
        return not self._closed and (not self._waiting or self._waiting_bytes + size <= limit)

    def _enter(self, line: Line) -> None:
        if len(line.data) <= self._ordinary_bytes:
            line = replace(line, smaller=None)  # waits as it is; that would hold on to the whole record
        self._waiting.append(line)
        self._waiting_bytes += len(line.data)

    def _leave(self) -> Line:
        line = self._waiting.popleft()
        self._waiting_bytes -= len(line.data)
        return line

    def _drop(self, line: Line) -> None:
        if line.last:
            self.dropped += 1
            self._unreported += 1
            if line.name is not None and len(self._names) < _MOST_NAMES:
                self._names.append(line.name)

    def _report(self) -> None:
        data = encode_dropped(self._unreported, self._names)
        if len(data) > self._ordinary_bytes:
            data = encode_dropped(self._unreported)
        if self._put(data):
            self._unreported = 0
            self._names.clear()
