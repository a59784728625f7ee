"""How recording fares, in a file that others read: `SPOOL_DIR/recorder.json`."""

import os
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import orjson

from openrouter_anthropic_server.ports.run_directory import RecorderState

FILE_NAME = "recorder.json"
_INTERVAL_SECONDS = 1.0


class StateFile:
    """Writes the state at most once a second, and at once when phase or problem change."""

    def __init__(self, directory: Path, logger: Any) -> None:
        self._path = directory / FILE_NAME
        self._log = logger
        self._written: RecorderState | None = None
        self._written_at = 0.0
        self._trouble: str | None = None

    def write(self, state: RecorderState) -> None:
        """Write it if it is time to; a disk that is full or read-only is told once and tried again."""
        now, last = time.monotonic(), self._written
        changed = last is None or (state.phase, state.problem) != (last.phase, last.problem)
        if not changed and now - self._written_at < _INTERVAL_SECONDS:
            return
        self._written, self._written_at = state, now
        try:
            _replace(self._path, {**asdict(replace(state, updated=time.time())), "pid": os.getpid()})
        except OSError as error:
            if str(error) != self._trouble:
                self._log.error("recorder_state_not_written", path=str(self._path), reason=str(error))
            self._trouble = str(error)
            return
        self._trouble = None


def _replace(path: Path, value: dict[str, Any]) -> None:
    """Readers see the old file or the new one, never a part."""
    fresh = path.with_suffix(".tmp")  # only the recorder that holds the lock writes it
    fresh.write_bytes(orjson.dumps(value))
    fresh.replace(path)
