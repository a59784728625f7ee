"""The thread that does for a spool writer everything that touches the disk."""

import errno
import os
import threading
import time
from pathlib import Path
from typing import Any

from openrouter_anthropic_server.orchestration.spool.appender import Appender
from openrouter_anthropic_server.orchestration.spool.segments import Segment, segment_bytes, segment_path, spool_bytes
from openrouter_anthropic_server.orchestration.spool.writer_directory import WriterDirectory

_RETRY_SECONDS = 1
_CLOSE_SECONDS = 5
_KEPT_FREE_BYTES = 1 << 20
_MEGABYTE = 1 << 20
_NEAR = 8


class SpoolFullError(Exception):
    """The spool has reached its limit."""


class Keeper:
    """Keeps a reserved segment ready for `appender`, and the writer's directory locked.

    `problem` says in one line why there is none. While there is a problem it tries again every second;
    otherwise it sleeps until it is called.
    """

    def __init__(self, directory: Path, max_bytes: int, logger: Any) -> None:
        """`directory` is that of all writers, `max_bytes` the limit for all their files together."""
        self.problem: str | None = None
        self.appender = Appender(segment_bytes(max_bytes), self.call)
        self._directory = directory
        self._max_bytes = max_bytes
        self._log = logger
        self._clock_offset = time.time() - time.monotonic()  # a later directory sorts later, whatever the clock does
        self._own: WriterDirectory | None = None
        self._number = 0
        self._called = threading.Event()
        self._called.set()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="spool-keeper", daemon=True)
        self._thread.start()

    @property
    def path(self) -> Path | None:
        """The writer's own directory, once there is one."""
        return None if self._own is None else self._own.path

    def call(self) -> None:
        """Have it look whether a segment is needed; cheap, for any thread."""
        if self.problem is None and not self._called.is_set():
            self._called.set()

    def close(self) -> None:
        """Write what waits, give the rest of the last segment back, release the lock. Waits up to 5 s for the disk."""
        self._closing.set()
        self._called.set()
        self._thread.join(_CLOSE_SECONDS)

    def _run(self) -> None:
        closing = False
        while not closing:
            self._called.wait(_RETRY_SECONDS if self.problem else None)
            self._called.clear()
            closing = self._closing.is_set()  # looked up before the work: lines appended before `close` are written
            self._tend()
        self._finish()

    def _tend(self) -> None:
        try:
            self._prepare()
        except SpoolFullError:
            limit = f"{self._max_bytes / _MEGABYTE:g}"
            self._failed(f"SPOOL_DIR {self._directory} is full (SPOOL_MAX_MB={limit}): Prefect has not taken its runs")
        except OSError as error:
            self._failed(f"SPOOL_DIR {self._directory} cannot be written: {error.strerror or error}")
        except ValueError as error:  # a path that cannot be one
            self._failed(f"SPOOL_DIR {str(self._directory)!r} cannot be written: {error}")
        else:
            self._succeeded()

    def _prepare(self) -> None:
        if self._own is not None and not self._own.exists():
            self._lost()
        self._close_retired()
        if self._own is None:
            self._own = WriterDirectory(self._directory, self._clock_offset + time.monotonic())
        while (size := self.appender.wanted()) is not None:
            self._close_retired()
            try:
                segment = self._reserved(self._own.path, size)
            except (OSError, SpoolFullError):
                if not self.appender.give_up_large():
                    raise
            else:
                self.appender.offer(segment)

    def _reserved(self, directory: Path, size: int) -> Segment:
        left = self._max_bytes - spool_bytes(self._directory)
        if left < size:
            raise SpoolFullError
        self._demand_free(size)
        segment = Segment(segment_path(directory, self._number + 1), size)
        # Near the limit look again: another process may have been as quick.
        if left < _NEAR * size and spool_bytes(self._directory) > self._max_bytes:
            segment.close()
            raise SpoolFullError
        self._number += 1
        return segment

    def _demand_free(self, size: int) -> None:
        """Leave a little room on the disk: a recorder that cannot note what it delivered removes nothing."""
        disk = os.statvfs(self._directory)
        if disk.f_blocks and disk.f_bavail * disk.f_frsize < size + _KEPT_FREE_BYTES:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _close_retired(self) -> None:
        for segment in self.appender.take_retired():
            segment.close()

    def _lost(self) -> None:
        """Somebody removed the directory, and what was in it: begin another one."""
        self._log.error("spool_directory_lost", directory=str(self.path))
        self.appender.retire_all()
        self._release()

    def _release(self) -> None:
        if self._own is not None:
            self._own.release()
            self._own = None

    def _finish(self) -> None:
        self.appender.close()
        self._close_retired()
        self._release()

    def _failed(self, problem: str) -> None:
        if problem != self.problem:
            self._log.error("spool_unavailable", problem=problem, dropped=self.appender.dropped)
            self.problem = problem

    def _succeeded(self) -> None:
        if self.problem is not None:
            self.problem = None
            self._log.warning("spool_recovered", directory=str(self._directory), dropped=self.appender.dropped)
