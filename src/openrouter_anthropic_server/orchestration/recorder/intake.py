"""From the spool into the delivery, and back: what is delivered is acknowledged, in the order of writing."""

import time
from collections import deque
from dataclasses import dataclass
from typing import Any

from openrouter_anthropic_server.orchestration.recorder.delivery import Delivery
from openrouter_anthropic_server.orchestration.recorder.known_records import is_known
from openrouter_anthropic_server.orchestration.recorder.open_runs import last_time, restored, saved, without_end
from openrouter_anthropic_server.orchestration.recorder.run_work import Ticket
from openrouter_anthropic_server.orchestration.spool.entries import Entry
from openrouter_anthropic_server.orchestration.spool.reader import Position, Spool, SpooledEntry, WriterSpool

_ENTRIES_PER_READ = 500
_BYTES_PER_READ = 4 << 20
_MOST_RUNS = 2_000
_MOST_BYTES = 32 << 20
_ACKNOWLEDGE_SECONDS = 0.5
_RETRY_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class _Outstanding:
    """An entry that was read: where it ends, its bytes, and the tickets of the runs that it ended."""

    end: Position
    size: int
    tickets: tuple[Ticket, ...]

    def is_done(self) -> bool:
        """Whether there is nothing left to do for it."""
        return all(ticket.done for ticket in self.tickets)


class WriterIntake:
    """The spool of one writer.

    Entries of open runs are done with at once: what is known of such runs goes into the cursor (`saved`), so
    that another recorder knows them too. `catching_up`: what is read may have been delivered before.
    """

    def __init__(self, spool: WriterSpool, delivery: Delivery, logger: Any, *, catching_up: bool) -> None:
        self.bytes = 0
        self.bytes_read = 0
        self.ends_read = 0
        self._spool = spool
        self._delivery = delivery
        self._log = logger
        self._catching_up = catching_up
        self._outstanding: deque[_Outstanding] = deque()
        self._read_to: Position | None = None
        self._done_to: Position | None = None
        self._open: set[str] = set()
        self._crashes: dict[str, Ticket] = {}
        self._corrupt = 0
        self._next_acknowledgement = 0.0
        self._next_removal = 0.0
        self._restore(spool.saved)

    def read(self) -> int:
        """Take what follows, as far as one read goes; how many entries that were."""
        entries = self._spool.read(_ENTRIES_PER_READ, _BYTES_PER_READ)
        for entry in entries:
            self._take(entry)
        self._catching_up = self._catching_up and bool(entries)
        if self._spool.corrupt > self._corrupt:  # the spool has logged them
            self._delivery.counts.dropped += self._spool.corrupt - self._corrupt
            self._corrupt = self._spool.corrupt
        return len(entries)

    def acknowledge(self, *, at_once: bool = False) -> None:
        """Note in the spool what is delivered, about twice a second."""
        while self._outstanding and self._outstanding[0].is_done():
            done = self._outstanding.popleft()
            self.bytes -= done.size
            self._done_to = done.end
        now = time.monotonic()
        if self._done_to is None or (now < self._next_acknowledgement and not at_once):
            return
        self._next_acknowledgement = now + _ACKNOWLEDGE_SECONDS
        position, self._done_to = self._done_to, None
        try:
            self._spool.acknowledge(position, {"open": self._saved()})
        except OSError as error:
            self._log.error("spool_not_acknowledged", writer=self._spool.name, reason=str(error))
            self._done_to = position
            self._next_acknowledgement = now + _RETRY_SECONDS

    def reserved_bytes(self) -> int:
        """The bytes of files that hold nothing yet."""
        return self._spool.reserved_bytes()

    def is_through(self) -> bool:
        """Whether nothing that was read is left to deliver; all of it, if the writer is gone."""
        return not self._outstanding and not self._spool.finished()

    def clear_up(self) -> bool:
        """For a writer that is gone: its open runs have crashed, and at last its files go. True then."""
        if not self._spool.finished():
            return False
        for name in self._open:
            if name not in self._crashes:
                self._crashes[name] = Ticket()
                self._delivery.crashed(name, self._last_sign(name), self._crashes[name])
        if self._outstanding or not all(ticket.done for ticket in self._crashes.values()):
            return False
        return self._remove()

    def _last_sign(self, name: str) -> float:
        """When the writer was last known to live, from its files or what they say of this run."""
        work = self._delivery.works.get(name)
        return max(self._spool.last_written or 0.0, last_time(work.record) if work is not None else 0.0)

    def _remove(self) -> bool:
        now = time.monotonic()
        if now < self._next_removal:
            return False
        try:
            self._spool.remove()
        except OSError as error:
            self._log.error("spool_not_removed", writer=self._spool.name, reason=str(error))
            self._next_removal = now + _RETRY_SECONDS
            return False
        return True

    def _take(self, spooled: SpooledEntry) -> None:
        size = self._size(spooled.end)
        self.bytes += size
        self.bytes_read += size
        self._outstanding.append(_Outstanding(spooled.end, size, self._taken(spooled.entry)))

    def _taken(self, entry: Entry) -> tuple[Ticket, ...]:
        """Hand the entry on; the tickets that it waits for."""
        run = entry.run
        if run is None or not is_known(run):
            return self._missing(entry)
        if entry.kind != "ended":
            self._open.add(run.name)
            self._delivery.begun(run, suspect=self._catching_up)
            return ()
        ticket = Ticket()
        self.ends_read += 1
        self._open.discard(run.name)
        self._delivery.ended(run, ticket, suspect=self._catching_up)
        return (ticket,)

    def _missing(self, entry: Entry) -> tuple[Ticket, ...]:
        """Runs that found no room, or one that cannot be shown: those that are open must not stay so."""
        self._delivery.counts.dropped += entry.count if entry.kind == "dropped" else 1
        self._log.error("runs_missing_in_spool", writer=self._spool.name, kind=entry.kind, count=entry.count)
        names = list(entry.names)
        if entry.kind == "ended" and entry.run is not None:
            names.append(entry.run.name)
        return tuple(self._end_lost(name) for name in names if isinstance(name, str) and name in self._open)

    def _end_lost(self, name: str) -> Ticket:
        ticket = Ticket()
        self._open.discard(name)
        work = self._delivery.works.get(name)
        if work is None:  # Prefect refused it
            ticket.done = True
        else:
            self._delivery.ended(without_end(work.record), ticket, suspect=self._catching_up)
        return ticket

    def _size(self, end: Position) -> int:
        """The bytes from the last entry to this one's end, all in all."""
        last, self._read_to = self._read_to, end
        return end.offset - last.offset if last is not None and last.segment == end.segment else end.offset

    def _saved(self) -> list[dict[str, Any]]:
        works = (self._delivery.works[name] for name in self._open if name in self._delivery.works)
        return [saved(work) for work in works]

    def _restore(self, state: Any) -> None:
        for item in state.get("open", ()) if isinstance(state, dict) else ():
            found = restored(item)
            if found is None:
                self._log.error("spool_open_run_lost", writer=self._spool.name)
                continue
            record, flow_run_id = found
            self._open.add(record.name)
            self._delivery.begun(record, suspect=True, flow_run_id=flow_run_id)


class Intake:
    """The spools of all writers. Reads ahead only so far that memory stays bounded."""

    def __init__(self, spool: Spool, delivery: Delivery, logger: Any) -> None:
        self._spool = spool
        self._delivery = delivery
        self._log = logger
        self._writers: dict[str, WriterIntake] = {}
        self._turn = 0
        self._catching_up = True

    def read(self) -> int:
        """Read some from each writer, unless enough is on its way; how many entries that were."""
        for spool in self._spool.writers():
            if spool.name not in self._writers:
                writer = WriterIntake(spool, self._delivery, self._log, catching_up=self._catching_up)
                self._writers[spool.name] = writer
        self._catching_up = False
        count = 0
        writers = list(self._writers.values())
        first = self._turn % max(len(writers), 1)
        self._turn += 1  # another one comes first each time: none waits while others fill what there is room for
        for writer in writers[first:] + writers[:first]:
            if self._is_full():
                break
            count += writer.read()
        return count

    def acknowledge(self, *, at_once: bool = False) -> None:
        """Note what is delivered; clear up after writers that are gone."""
        for name, writer in list(self._writers.items()):
            writer.acknowledge(at_once=at_once)
            if writer.clear_up():
                del self._writers[name]

    def is_through(self) -> bool:
        """Whether everything that is delivered is acknowledged."""
        return all(writer.is_through() for writer in self._writers.values())

    def size(self) -> int:
        """The bytes of all files of the spool."""
        return self._spool.size()

    def unread_runs(self, spool_bytes: int) -> int:
        """About how many runs wait in the files while reading is halted; 0 while everything is read."""
        read = sum(writer.bytes_read for writer in self._writers.values())
        ends = sum(writer.ends_read for writer in self._writers.values())
        if not self._is_full() or not ends:
            return 0
        reserved = sum(writer.reserved_bytes() for writer in self._writers.values())
        return int(max(spool_bytes - reserved - self._bytes(), 0) * ends / read)

    def _is_full(self) -> bool:
        return self._delivery.unfinished() >= _MOST_RUNS or self._bytes() >= _MOST_BYTES

    def _bytes(self) -> int:
        return sum(writer.bytes for writer in self._writers.values())
