"""The directory of one writing process, and the lock that tells whether that process still lives."""

import fcntl
import os
import re
import secrets
import shutil
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

_LOCK = "lock"
_NAME = re.compile(r"\d{8}T\d{6}\.\d{6}Z-\d+-[0-9a-f]{4}")
_PRIVATE = 0o700


def is_writer_name(name: str) -> bool:
    """Whether a directory of that name belongs to a writer."""
    return _NAME.fullmatch(name) is not None


class WriterDirectory:
    """A new directory below `spool`, locked until `release` or the end of the process.

    `started` (seconds since the epoch) comes first in its name, so that names sort by start. Raises `OSError`.
    """

    def __init__(self, spool: Path, started: float) -> None:
        spool.mkdir(_PRIVATE, parents=True, exist_ok=True)
        name = f"{datetime.fromtimestamp(started, UTC):%Y%m%dT%H%M%S.%fZ}-{os.getpid()}-{secrets.token_hex(2)}"
        self.path = spool / name
        # Readers pass over hidden names: they never see a directory whose lock is not held yet.
        hidden = spool / f".{name}"
        hidden.mkdir(_PRIVATE)
        with ExitStack() as undo:
            undo.callback(shutil.rmtree, hidden, ignore_errors=True)
            self._descriptor = _locked(hidden / _LOCK)
            undo.callback(os.close, self._descriptor)
            hidden.rename(self.path)
            undo.pop_all()

    def exists(self) -> bool:
        """Whether the directory is still there, and still this one."""
        try:
            found = os.stat(self.path / _LOCK)
        except FileNotFoundError:
            return False
        return os.path.samestat(found, os.fstat(self._descriptor))

    def release(self) -> None:
        """Let go of the lock: nothing more will be written."""
        os.close(self._descriptor)


def writer_is_gone(directory: Path) -> bool:
    """Whether the process that wrote to `directory` has ended; what it wrote is all there then.

    Raises `OSError` if that cannot be told.
    """
    try:
        descriptor = os.open(directory / _LOCK, os.O_RDONLY)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


def _locked(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)  # closed by exec: children do not inherit the lock
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
