"""The SQLite file with the origins of signatures: hashes and names, nothing else. Every call waits for the disk."""

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

from openrouter_anthropic_server.conversion.thinking_origins import Origin

_PRIVATE = 0o600
_BUSY_SECONDS = 5.0
_BUSY_READING_SECONDS = 0.5
_AT_ONCE = 500  # SQLite takes no more than 999 values in one statement everywhere
_SEPARATOR = ","

_SCHEMA = """
CREATE TABLE IF NOT EXISTS origins (
    signature BLOB PRIMARY KEY,
    upstream TEXT NOT NULL DEFAULT '',
    vendor TEXT NOT NULL DEFAULT '',
    model TEXT NOT NULL DEFAULT '',
    refused_by TEXT NOT NULL DEFAULT '',
    used INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS origins_by_use ON origins (used);
"""
_REMEMBER = """
INSERT INTO origins (signature, upstream, vendor, model, used) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (signature) DO UPDATE SET
    upstream = excluded.upstream, vendor = excluded.vendor, model = excluded.model, used = excluded.used
"""
_REFUSE = """
INSERT INTO origins (signature, refused_by, used) VALUES (?, ',' || ? || ',', ?)
ON CONFLICT (signature) DO UPDATE SET
    refused_by = CASE WHEN instr(refused_by, excluded.refused_by) THEN refused_by
                      ELSE refused_by || excluded.refused_by END,
    used = excluded.used
"""
_USE = "UPDATE origins SET used = ? WHERE signature = ?"
_TRIM = """
DELETE FROM origins WHERE signature IN (
    SELECT signature FROM origins ORDER BY used LIMIT max(0, (SELECT count(*) FROM origins) - ?)
)
"""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing to write of a signature: who handed it out, who refused it (`origin.upstream`), or that it was used."""

    kind: Literal["handed_out", "refused", "used"]
    signature: bytes
    origin: Origin


class OriginFile:
    """The open file, shared by all processes of a server and by the threads of this one.

    `max_entries` is kept after every write. Reading has a connection of its own and never waits for a writer.
    Failures are `sqlite3.Error`, `OSError` and, for a text that is no Unicode, `ValueError`.
    """

    def __init__(self, path: Path, max_entries: int, *, clock: Callable[[], float] = time.time) -> None:
        self._path = path
        self._max_entries = max_entries
        self._clock = clock
        self._write_lock, self._read_lock = threading.Lock(), threading.Lock()
        self._place: tuple[int, int] | None = None  # of the open file; None if opening it failed
        self._closed = False
        self._open()

    def read(self, signatures: Sequence[bytes]) -> dict[bytes, Origin]:
        """The origins that are known."""
        found: dict[bytes, Origin] = {}
        with self._read_lock:
            for some in _parts(signatures):
                marks = ",".join("?" * len(some))
                query = (
                    f"SELECT signature, upstream, vendor, model, refused_by FROM origins WHERE signature IN ({marks})"
                )
                for signature, upstream, vendor, model, refused_by in self._reading.execute(query, some):
                    refusing = frozenset(filter(None, refused_by.split(_SEPARATOR)))
                    found[signature] = Origin(upstream, vendor, model, refusing)
        return found

    def write(self, changes: Iterable[Change]) -> None:
        """Write all of them, or none, and forget what is too much."""
        now = int(self._clock())
        with self._write_lock:
            self._begin_anew_if_removed()
            with self._transaction() as cursor:
                self._write(cursor, changes, now)

    def close(self) -> None:
        """Close the file."""
        with self._write_lock, self._read_lock:
            self._closed = True
            self._close()

    def _open(self) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, _PRIVATE))
        self._place = None
        self._connection = self._connected(_BUSY_SECONDS)
        self._reading = self._connected(_BUSY_READING_SECONDS)
        try:
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._connection.executescript(_SCHEMA)
            self._reading.execute("PRAGMA query_only = ON")
        except sqlite3.Error:
            self._close()
            raise
        self._place = _place_of(self._path)

    def _connected(self, seconds: float) -> sqlite3.Connection:
        return sqlite3.connect(self._path, timeout=seconds, check_same_thread=False, isolation_level=None)

    def _close(self) -> None:
        self._reading.close()
        self._connection.close()

    def _begin_anew_if_removed(self) -> None:
        """Open the file again if its path is gone or leads to another one: what is written there has no readers."""
        if self._closed or (self._place is not None and _place_of(self._path) == self._place):
            return
        with self._read_lock:
            self._close()
            self._open()

    def _write(self, cursor: sqlite3.Cursor, changes: Iterable[Change], now: int) -> None:
        for change in changes:
            origin = change.origin
            match change.kind:
                case "handed_out":
                    row = (change.signature, origin.upstream, origin.vendor, origin.model, now)
                    cursor.execute(_REMEMBER, row)
                case "refused":
                    cursor.execute(_REFUSE, (change.signature, origin.upstream, now))
                case "used":
                    cursor.execute(_USE, (now, change.signature))
        cursor.execute(_TRIM, (self._max_entries,))

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Cursor]:
        with closing(self._connection.cursor()) as cursor:
            cursor.execute("BEGIN IMMEDIATE")
            try:
                yield cursor
                cursor.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # SQLite ends it itself after some failures
                    cursor.execute("ROLLBACK")
                raise


def _place_of(path: Path) -> tuple[int, int] | None:
    """What tells the file at `path` from another one that takes its place; None if there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _parts(signatures: Sequence[bytes]) -> Iterator[tuple[bytes, ...]]:
    rest = iter(signatures)
    while some := tuple(islice(rest, _AT_ONCE)):
        yield some
