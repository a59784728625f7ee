"""Origins of signatures in a file: shared by the processes of one server, kept over restarts, written behind."""

import asyncio
import sqlite3
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from queue import Empty, SimpleQueue
from typing import Any

from openrouter_anthropic_server.conversion.thinking_origins import Origin
from openrouter_anthropic_server.stores.origin_front import OriginFront, digest_of
from openrouter_anthropic_server.stores.sqlite.origin_file import Change, OriginFile

_GATHER_SECONDS = 0.05
_CLOSE_SECONDS = 5.0
_LONGEST_BACKLOG = 20_000
_KNOWN_SECONDS = 3600.0
"""After so long the file is asked again for what is known, and told that it is still used."""
_UNKNOWN_SECONDS = 5.0
"""After so long it is asked again for what was not known: another process may have handed it out."""
_READ_SECONDS = 1.0
_RETRY_SECONDS = 5.0
"""After so long a batch that could not be written is tried again, if not with the next one before."""


class SqliteSignatureOrigins:
    """`SignatureOrigins` over `file`, with `front` before it. `close` it in a thread.

    A thread writes what was remembered, some milliseconds later and in batches. A file that fails is noted in the
    log once; then the memory of this process is all there is, and what could not be written is tried again.
    """

    def __init__(self, file: OriginFile, front: OriginFront, *, logger: Any) -> None:
        self._file = file
        self._front = front
        self._logger = logger
        self._failed = False
        self._changes: SimpleQueue[Change | None] = SimpleQueue()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._write, name="signature-origins", daemon=True)
        self._thread.start()

    def remember(self, signatures: Sequence[str], origin: Origin) -> None:
        """These were handed out by `origin`."""
        for signature in signatures:
            digest = digest_of(signature)
            self._front.remember(digest, origin)
            self._put(Change("handed_out", digest, origin))

    def refused(self, signatures: Sequence[str], upstream: str) -> None:
        """The upstream did not take these."""
        for signature in signatures:
            digest = digest_of(signature)
            self._front.refused(digest, upstream)
            self._put(Change("refused", digest, Origin(upstream)))

    async def find(self, signatures: Sequence[str]) -> Mapping[str, Origin]:
        """What is known of them; the file is asked, in a thread, only for what this process does not know."""
        digests = {signature: digest_of(signature) for signature in signatures}
        stale = self._front.stale(digests.values(), known=_KNOWN_SECONDS, unknown=_UNKNOWN_SECONDS)
        if stale:
            await self._look_up(stale)
        found = ((signature, self._front.get(digest)) for signature, digest in digests.items())
        return {signature: origin for signature, origin in found if origin is not None}

    def close(self) -> None:
        """Write what is waiting and close the file."""
        self._closing.set()
        self._changes.put(None)
        self._thread.join(_CLOSE_SECONDS)
        self._file.close()

    async def _look_up(self, digests: Sequence[bytes]) -> None:
        try:
            async with asyncio.timeout(_READ_SECONDS):
                found = await asyncio.to_thread(self._file.read, digests)
        except (sqlite3.Error, TimeoutError) as error:
            self._note_failure(error)
            found = {}  # so for some seconds no other request waits for it
        for digest in digests:
            origin, known = found.get(digest), self._front.get(digest)
            if origin is None:
                origin = known  # not written yet, or forgotten by the file
            else:
                self._put(Change("used", digest, origin))
                if known is not None:  # refused while the file was read
                    origin = replace(origin, refused_by=origin.refused_by | known.refused_by)
            self._front.put(digest, origin)

    def _put(self, change: Change) -> None:
        if self._changes.qsize() < _LONGEST_BACKLOG:
            self._changes.put(change)

    def _write(self) -> None:
        kept: list[Change] = []
        while True:
            try:
                first = self._changes.get(timeout=_RETRY_SECONDS if kept else None)
            except Empty:
                kept = self._written(kept)
                continue
            if first is not None:
                self._closing.wait(_GATHER_SECONDS)
                kept.append(first)
            kept = self._written([*kept, *self._waiting()])
            if self._closing.is_set() and self._changes.empty():
                return

    def _written(self, batch: list[Change]) -> list[Change]:
        """Write them; those that are to be tried again. What the file can never take is dropped."""
        try:
            self._file.write(batch)
        except (sqlite3.OperationalError, OSError) as error:  # locked, full, gone: not for ever
            self._note_failure(error)
            return batch[-_LONGEST_BACKLOG:]
        except (sqlite3.IntegrityError, ValueError) as error:  # one of them cannot be written
            self._note_failure(error)
            return [again for change in batch for again in self._written([change])] if len(batch) > 1 else []
        except sqlite3.Error as error:
            self._note_failure(error)
        return []

    def _waiting(self) -> list[Change]:
        changes: list[Change] = []
        while len(changes) < _LONGEST_BACKLOG:
            try:
                change = self._changes.get_nowait()
            except Empty:
                break
            if change is not None:
                changes.append(change)
        return changes

    def _note_failure(self, error: Exception) -> None:
        if not self._failed:
            self._failed = True
            self._logger.warning("signature_origins_in_memory_only", error=str(error) or type(error).__name__)
