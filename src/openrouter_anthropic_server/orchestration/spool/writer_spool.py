"""What one writer wrote, from where it was last acknowledged."""

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openrouter_anthropic_server.orchestration.spool.cursor import Cursor, Position, load_cursor, save_cursor
from openrouter_anthropic_server.orchestration.spool.entries import Entry
from openrouter_anthropic_server.orchestration.spool.scanning import Found, scan
from openrouter_anthropic_server.orchestration.spool.segment_files import (
    is_begun,
    is_own_shortage,
    last_written,
    remove_writer,
    reserved_bytes,
    set_aside,
    trim,
)
from openrouter_anthropic_server.orchestration.spool.segments import segment_numbers, segment_path
from openrouter_anthropic_server.orchestration.spool.writer_directory import writer_is_gone

_START = Position(0, 0)
_CURSOR = "cursor.json"
_SET_ASIDE_SECONDS = 600


@dataclass(frozen=True, slots=True)
class SpooledEntry:
    """An entry, and where the next one begins: acknowledge `end` once this one and all before it are delivered."""

    entry: Entry
    end: Position


@dataclass(slots=True)
class _Damage:
    """Damaged bytes that follow one another."""

    segment: int
    start: int
    end: int
    lines: int


class WriterSpool:
    """What one writing process wrote. One reader at a time; calls are short (milliseconds for 4 MiB).

    Damaged lines are logged once and passed over. A file that cannot be read is tried again at the next read,
    and holds up what follows it; a segment that stays unreadable for ten minutes is renamed to `*.unreadable`
    and left to the operator. `corrupt` counts damaged lines and such segments; `saved` is what came with the last
    acknowledgement, None before the first; `last_written` is when the writer last wrote, in seconds since the
    epoch, once it is gone.
    """

    def __init__(self, path: Path, logger: Any) -> None:
        """`path` is the writer's directory; reading begins where its cursor is, or at the oldest segment.

        Raises `OSError` if the cursor cannot be read for now.
        """
        self.name = path.name
        self.corrupt = 0
        self.last_written: float | None = None
        self._path = path
        self._log = logger
        self._troubles: set[str] = set()
        self._obstacle: str | None = None
        self._unreadable: tuple[int, float] | None = None
        self._gone = False
        self._exhausted = False
        cursor = self._load_cursor()
        self.saved = cursor.saved
        self._acknowledged = self._position = self._counted = cursor.position

    def read(self, limit: int = 500, max_bytes: int = 4 << 20) -> list[SpooledEntry]:
        """Up to `limit` entries that follow what was read before, in the order of writing; empty if there are none.

        Stops after the entry with which the lines reach `max_bytes`.
        """
        gone = self._writer_is_gone()  # first: what a writer wrote is all there once it is gone
        found: list[SpooledEntry] = []
        size = 0
        self._exhausted = False
        try:
            for end, entry, length in self._ahead(gone):
                found.append(SpooledEntry(entry, end))
                size += length
                if len(found) >= limit or size >= max_bytes:
                    return found
        except OSError as error:
            self._obstructed(error)
            return found
        self._unobstructed()
        self._exhausted = gone
        return found

    def rewind(self) -> None:
        """Read again from the acknowledged position on."""
        self._position = self._acknowledged
        self._exhausted = False

    def acknowledge(self, position: Position, saved: Any) -> None:
        """Note that everything before `position` is delivered, with a JSON value; remove the segments before it.

        Raises `OSError` if that cannot be written down: `rewind` and `saved` know it all the same, the segments
        stay, and the next acknowledgement makes up for it.
        """
        self._acknowledged, self.saved = position, saved
        save_cursor(self._path / _CURSOR, Cursor(position, saved))
        with suppress(OSError):  # the next one makes up for it
            for number in self._numbers():
                # The writer filled these before it began that of `position`: nothing is appended to them any more.
                if number < position.segment:
                    self._remove(segment_path(self._path, number))

    def finished(self) -> bool:
        """Whether the writer is gone and the last `read` reached the end of all it wrote, without any trouble."""
        return self._exhausted

    def remove(self) -> None:
        """Delete everything but what was set aside; does nothing unless `finished`. Raises `OSError`."""
        if self._exhausted:
            remove_writer(self._path)

    def reserved_bytes(self) -> int:
        """The bytes of segments that hold nothing yet."""
        return reserved_bytes(self._path)

    def _ahead(self, gone: bool) -> Iterator[tuple[Position, Entry, int]]:
        """The entries from the position on, each with its end and its length; moves the position along.

        Raises `OSError` where it cannot go on.
        """
        numbers = [number for number in self._numbers() if number >= self._position.segment]
        for index, number in enumerate(numbers):
            final = gone or any(is_begun(segment_path(self._path, later)) for later in numbers[index + 1 :])
            if number > self._position.segment:
                self._position = Position(number, 0)
            try:
                yield from self._in_segment(number, final, gone)
            except OSError as error:
                self._unread(number, error, final)
                raise
            if not final:
                return

    def _in_segment(self, number: int, final: bool, gone: bool) -> Iterator[tuple[Position, Entry, int]]:
        path = segment_path(self._path, number)
        damage: _Damage | None = None
        hole = False
        descriptor = os.open(path, os.O_RDONLY)
        try:
            for found in scan(descriptor, self._position.offset, final=final):
                hole = found.entry is None and not found.damaged
                if hole:  # only one that something follows is passed over: the rest is cut off
                    continue
                self._position = Position(number, found.end)
                damage = self._noted(damage, number, found)
                if found.entry is not None:
                    yield self._position, found.entry, found.end - found.start
        finally:
            os.close(descriptor)
        self._report(damage)
        if hole and gone:
            self._trim(path, self._position.offset)

    def _trim(self, path: Path, used: int) -> None:
        try:
            trim(path, used)
        except OSError as error:
            self._trouble("spool_segment_not_trimmed", path, error)

    def _unread(self, number: int, error: OSError, final: bool) -> None:
        """Segment `number` cannot be read: set it aside if it was so for long and nothing is added to it."""
        now = time.monotonic()
        if is_own_shortage(error) or isinstance(error, FileNotFoundError):
            self._unreadable = None
        elif self._unreadable is None or self._unreadable[0] != number:
            self._unreadable = number, now
        elif final and now - self._unreadable[1] >= _SET_ASIDE_SECONDS:
            path = segment_path(self._path, number)
            set_aside(path)
            self._unreadable = None
            self.corrupt += 1
            self._log.error("spool_segment_set_aside", file=str(path), error=str(error))

    def _noted(self, damage: _Damage | None, number: int, found: Found) -> _Damage | None:
        """The stretch of damage that `found` belongs to; damage that has ended is logged."""
        if not found.damaged:
            if found.entry is not None:
                self._report(damage)
                return None
            return damage
        if self._position <= self._counted:  # known since before a `rewind`
            return damage
        self._counted = self._position
        self.corrupt += 1
        if damage is None:
            return _Damage(number, found.start, found.end, 1)
        damage.end = found.end
        damage.lines += 1
        return damage

    def _report(self, damage: _Damage | None) -> None:
        if damage is not None:
            self._log.error(
                "spool_lines_corrupt",
                file=str(segment_path(self._path, damage.segment)),
                offset=damage.start,
                bytes=damage.end - damage.start,
                lines=damage.lines,
            )

    def _numbers(self) -> list[int]:
        try:
            return segment_numbers(self._path)
        except FileNotFoundError:
            return []

    def _writer_is_gone(self) -> bool:
        if not self._gone:
            try:
                gone = writer_is_gone(self._path)
                self.last_written = last_written(self._path) if gone else None  # before anything is cut off
                self._gone = gone
            except FileNotFoundError:  # somebody removed its files just now
                self._gone = True
            except OSError as error:
                self._trouble("spool_lock_unreadable", self._path, error)
        return self._gone

    def _obstructed(self, error: OSError) -> None:
        """Reading stops here for now; that is logged when it begins and when it changes."""
        if str(error) != self._obstacle:
            self._obstacle = str(error)
            self._log.error("spool_unreadable", directory=str(self._path), error=str(error))

    def _unobstructed(self) -> None:
        self._unreadable = None
        if self._obstacle is not None:
            self._obstacle = None
            self._log.warning("spool_readable_again", directory=str(self._path))

    def _load_cursor(self) -> Cursor:
        """The cursor; without a usable one the beginning: what is delivered twice has no effect."""
        path = self._path / _CURSOR
        try:
            cursor = load_cursor(path) or Cursor(_START)
        except (OSError, ValueError) as error:
            if isinstance(error, OSError) and is_own_shortage(error):
                raise  # the open runs that it holds are nowhere else
            self._trouble("spool_cursor_corrupt", path, error)
            return Cursor(_START)
        numbers = self._numbers()
        if numbers and cursor.position.segment > numbers[-1]:
            self._trouble("spool_cursor_corrupt", path, ValueError("it names a segment that never was"))
            return Cursor(_START, cursor.saved)
        return cursor

    def _remove(self, path: Path) -> None:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            self._trouble("spool_segment_not_removed", path, error)

    def _trouble(self, event: str, path: Path, error: Exception) -> None:
        """Log what is wrong with a file, once."""
        line = f"{event} {path}"
        if line not in self._troubles:
            self._troubles.add(line)
            self._log.error(event, file=str(path), error=str(error))
