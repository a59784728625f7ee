"""The writing end of the spool: takes the records of one API process without ever waiting for the disk."""

import asyncio
import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from openrouter_anthropic_server.orchestration.spool.appender import Line
from openrouter_anthropic_server.orchestration.spool.entries import EntryKind, encode_run
from openrouter_anthropic_server.orchestration.spool.keeper import Keeper
from openrouter_anthropic_server.ports.run_records import LogLine, RunRecord

_WATCH_SECONDS = 1.0
_AT_ONCE = 50
_STEPS_PER_SECOND = 200
"""A progress line holds the whole record: a run of many steps gets fewer of them."""


@dataclass(slots=True)
class _OpenRun:
    """A run between `begun` and `ended`; `steps` and `ended_steps` are those of its last line.

    There is no further line before `due` (monotonic); `written` says whether a reader can know of the run.
    """

    record: RunRecord
    due: float
    steps: int = 0
    ended_steps: int = 0
    written: bool = False

    def changed(self) -> bool:
        """Whether steps began or ended since the last call that said so."""
        steps = self.record.steps
        ended = sum(step.ended is not None for step in steps)
        if len(steps) == self.steps and ended == self.ended_steps:
            return False
        self.steps, self.ended_steps = len(steps), ended
        return True


class SpoolWriter:
    """A `RunSink` whose records survive the process: each is copied into a memory-mapped file at once.

    No call raises for the state of the disk or the contents of a record. While there is no room, 8 MiB of
    lines wait in memory; runs beyond that are counted in `dropped`, and the spool gets a `dropped` entry
    once there is room again.

    The content of a run is written when it has ended, not before: a run whose process dies shows none.
    """

    def __init__(self, directory: Path, *, max_bytes: int, logger: Any) -> None:
        """`directory` and `max_bytes` are those of all processes together; `logger` is a structlog logger.

        A thread of its own sets the directory up and looks after it until `close`.
        """
        self._open: dict[str, _OpenRun] = {}
        self._keeper = Keeper(directory, max_bytes, logger)
        self._appender = self._keeper.appender
        self._appended = False

    @property
    def problem(self) -> str | None:
        """Why records find no room on disk, in one line; None while they do."""
        return self._keeper.problem

    @property
    def dropped(self) -> int:
        """Runs whose last record found no room, and are lost, since the start.

        Earlier records of a run are not counted: the last one holds all of it.
        """
        return self._appender.dropped

    @property
    def congested(self) -> bool:
        """Whether records wait in memory for room on disk; only then would `kill -9` lose any."""
        return self._appender.congested

    @property
    def open_runs(self) -> int:
        """Runs that have begun and not ended."""
        return len(self._open)

    @property
    def path(self) -> Path | None:
        """The directory of this process below the spool's; None until the disk has it."""
        return self._keeper.path

    def begun(self, record: RunRecord) -> None:
        """Append the record of a run that has begun."""
        run = _OpenRun(record, time.monotonic() + _WATCH_SECONDS)
        if record.steps:
            run.changed()  # its line holds the steps so far
        self._open[record.name] = run
        run.written = self._append_open("begun", record)

    def ended(self, record: RunRecord) -> None:
        """Append the whole record of a run that is over."""
        run = self._open.pop(record.name, None)
        name = record.name if run is not None and run.written else None
        self._append(Line(encode_run("ended", record), True, name, partial(_smaller, record, name)))

    async def watch(self) -> None:
        """Append the progress of long runs about once a second, until cancelled.

        Runs in the event loop that changes the records; 1,000 open runs cost about a millisecond.
        """
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            if self._appended:
                self._appended = False
                self._keeper.call()  # notices a directory that somebody removed
            await self._append_progress()

    def close(self) -> None:
        """Write what waits, cut the last segment to its length, release the lock. Blocks up to 5 s."""
        self._keeper.close()

    async def _append_progress(self) -> None:
        now = time.monotonic()
        count = 0
        for run in list(self._open.values()):
            if run.due > now or self._open.get(run.record.name) is not run:
                continue
            if self._appender.congested:
                return  # the room is for the ends of runs
            if run.changed():
                run.written |= self._append_open("progress", run.record)
                run.due = now + run.steps / _STEPS_PER_SECOND
                count += 1
                if count % _AT_ONCE == 0:
                    await asyncio.sleep(0)

    def _append_open(self, kind: EntryKind, record: RunRecord) -> bool:
        known = record if record.content is None else replace(record, content=None)
        return self._append(Line(encode_run(kind, known)))

    def _append(self, line: Line) -> bool:
        self._appended = True
        return self._appender.append(line)


def _smaller(record: RunRecord, name: str | None) -> Line:
    """The end of a run for which there is no room as it is."""
    bare = partial(_bare, record, name)
    if record.content is None:
        return bare()
    size = sum(map(len, record.content.values()))
    line = _warning(record, f"The content is not recorded: the spool has no room for {size:,} characters.")
    less = replace(record, content=None, logs=[*record.logs, line])
    return Line(encode_run("ended", less), True, name, bare)


def _bare(record: RunRecord, name: str | None) -> Line:
    line = _warning(record, "Steps, notes and logs of this run are not recorded: the spool has no room for them.")
    least = replace(record, content=None, steps=[], notes=[], tags=[], logs=[line])
    return Line(encode_run("ended", least), True, name)


def _warning(record: RunRecord, message: str) -> LogLine:
    return LogLine(record.started if record.ended is None else record.ended, "WARNING", message)
