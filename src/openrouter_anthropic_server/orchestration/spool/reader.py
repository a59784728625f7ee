"""The reading end of the spool: what all writers wrote, each from where it was last acknowledged."""

import os
from pathlib import Path
from typing import Any

import structlog

from openrouter_anthropic_server.orchestration.spool.cursor import Position
from openrouter_anthropic_server.orchestration.spool.segment_files import remove_abandoned
from openrouter_anthropic_server.orchestration.spool.segments import spool_bytes
from openrouter_anthropic_server.orchestration.spool.writer_directory import is_writer_name
from openrouter_anthropic_server.orchestration.spool.writer_spool import SpooledEntry, WriterSpool

__all__ = ["Position", "Spool", "SpooledEntry", "WriterSpool"]


class Spool:
    """All writers' spools below one directory, which need not exist yet."""

    def __init__(self, directory: Path, *, logger: Any = None) -> None:
        """`logger` is a structlog logger; without one the configured one is used."""
        self._directory = directory
        self._log = structlog.get_logger() if logger is None else logger
        self._writers: dict[str, WriterSpool] = {}
        self._unreadable = False

    def writers(self) -> list[WriterSpool]:
        """One spool per writer, the oldest writer first; the same objects in each call.

        A directory that cannot be read for now is logged; what was known before stays.
        """
        try:
            names = self._names()
            self._writers = {name: self._writer(name) for name in sorted(filter(is_writer_name, names))}
        except OSError as error:
            if not self._unreadable:
                self._unreadable = True
                self._log.error("spool_unreadable", directory=str(self._directory), error=str(error))
        else:
            self._unreadable = False
            for name in names:
                remove_abandoned(self._directory, name)
        return list(self._writers.values())

    def _writer(self, name: str) -> WriterSpool:
        return self._writers.get(name) or WriterSpool(self._directory / name, self._log)

    def size(self) -> int:
        """The bytes of all files of the spool; 0 without one."""
        return spool_bytes(self._directory)

    def _names(self) -> list[str]:
        try:
            with os.scandir(self._directory) as found:
                return [entry.name for entry in found if entry.is_dir()]
        except FileNotFoundError:
            return []
