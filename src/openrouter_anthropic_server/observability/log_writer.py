"""One buffered writer for all log lines: a system call per burst, not per line."""

import os
import threading
from collections import deque

_FLUSH_INTERVAL_SECONDS = 0.05
_MAX_BUFFERED_LINES = 100_000


class LogWriter:
    """Collects lines and writes them to a file descriptor from its own thread.

    `write` never waits for the disk. Beyond 100,000 waiting lines the oldest are dropped and
    counted in `dropped`: a stuck reader of the log must not take the server down.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lines: deque[bytes] = deque(maxlen=_MAX_BUFFERED_LINES)
        self._wake = threading.Event()
        self._stopped = threading.Event()
        self._writing = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
        self._thread.start()
        self.dropped = 0

    def write(self, line: bytes) -> None:
        """Queue one line, without its line feed."""
        if len(self._lines) == _MAX_BUFFERED_LINES:
            self.dropped += 1
        self._lines.append(line)
        if not self._wake.is_set():
            self._wake.set()

    def flush(self) -> None:
        """Write everything queued so far, now."""
        with self._writing:
            batch = [self._lines.popleft() for _ in range(len(self._lines))]
            if batch:
                _write_all(self._descriptor, b"\n".join(batch) + b"\n")

    def close(self) -> None:
        """Stop the thread and write what is left."""
        self._stopped.set()
        self._wake.set()
        self._thread.join(timeout=5)
        self.flush()

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._wake.wait()
            self._stopped.wait(_FLUSH_INTERVAL_SECONDS)
            self._wake.clear()
            self.flush()


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(descriptor, view) :]
        except OSError:
            return  # the log's reader is gone; there is nobody left to tell
