"""One buffered writer for all log lines: a system call per burst, not per line."""

import os
import threading
from collections import deque
from collections.abc import Iterator

_FLUSH_INTERVAL_SECONDS = 0.05
_MAX_BUFFERED_LINES = 100_000
_ATOMIC_BYTES = 4_096
_UNSHARED_BYTES = 1_048_576
_CLOSE_SECONDS = 2


class LogWriter:
    """Collects lines and writes them to a file descriptor from its own thread.

    `write` never waits for the disk. Beyond 100,000 waiting lines the oldest are dropped, and the next line
    that gets through says how many: a stuck reader of the log must not take the server down.
    """

    def __init__(self, descriptor: int, *, shared: bool = False) -> None:
        """With `shared`, other processes write to the same descriptor: lines are written in small groups then.

        A pipe keeps up to 4,096 bytes together; only a longer line can be torn.
        """
        self._descriptor = descriptor
        self._group_bytes = _ATOMIC_BYTES if shared else _UNSHARED_BYTES
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
            if self.dropped:
                lost, self.dropped = self.dropped, 0
                self._lines.append(b'{"event":"log_lines_dropped","level":"warning","count":%d}' % lost)
            for group in self._groups():
                _write_all(self._descriptor, group)

    def close(self) -> None:
        """Stop the thread and write what is left."""
        self._stopped.set()
        self._wake.set()
        self._thread.join(timeout=_CLOSE_SECONDS)
        if not self._thread.is_alive():  # else it waits for a reader that does not read: so would we
            self.flush()

    def _groups(self) -> Iterator[bytes]:
        """Everything queued so far, several lines at a time."""
        group = bytearray()
        for _ in range(len(self._lines)):
            line = self._lines.popleft()
            if group and len(group) + len(line) + 1 > self._group_bytes:
                yield bytes(group)
                group.clear()
            group += line + b"\n"
        if group:
            yield bytes(group)

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
