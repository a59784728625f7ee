"""What this process remembers of signatures, least recently used first; shared by the stores. Never waits."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from hashlib import sha256

from openrouter_anthropic_server.conversion.thinking_origins import Origin

_DIGEST_BYTES = 16

Clock = Callable[[], float]


def digest_of(signature: str) -> bytes:
    """What is kept of a signature: the first 16 bytes of its SHA-256."""
    return sha256(signature.encode(errors="surrogatepass")).digest()[:_DIGEST_BYTES]


@dataclass(slots=True)
class _Entry:
    """An origin, None for a signature that nobody knows, and when (monotonic seconds) that was last looked up."""

    origin: Origin | None
    checked: float


class OriginFront:
    """Origins by digest, at most `max_entries`."""

    def __init__(self, max_entries: int, *, clock: Clock = time.monotonic) -> None:
        self._entries: dict[bytes, _Entry] = {}  # a dictionary keeps the order in which keys came
        self._max_entries = max_entries
        self._clock = clock

    def put(self, digest: bytes, origin: Origin | None) -> None:
        """Keep what was just found out."""
        self._entries.pop(digest, None)
        self._entries[digest] = _Entry(origin, self._clock())
        while len(self._entries) > self._max_entries:
            del self._entries[next(iter(self._entries))]

    def remember(self, digest: bytes, origin: Origin) -> None:
        """Keep who handed a signature out; who refused it stays known."""
        entry = self._entries.get(digest)
        before = entry.origin if entry is not None else None
        refused_by = before.refused_by if before is not None else frozenset()
        self.put(digest, replace(origin, refused_by=refused_by))

    def refused(self, digest: bytes, upstream: str) -> None:
        """Keep who refused a signature; who handed it out stays known."""
        entry = self._entries.get(digest)
        before = (entry.origin if entry is not None else None) or Origin()
        self.put(digest, replace(before, refused_by=before.refused_by | {upstream}))

    def get(self, digest: bytes) -> Origin | None:
        """The origin, if it is known; from now on it is the most recently used."""
        entry = self._entries.pop(digest, None)
        if entry is None:
            return None
        self._entries[digest] = entry
        return entry.origin

    def stale(self, digests: Iterable[bytes], *, known: float, unknown: float) -> list[bytes]:
        """Those that were looked up more than so many seconds ago: `known` origins, `unknown` ones; or never."""
        now = self._clock()
        return [digest for digest in digests if self._is_stale(digest, now - known, now - unknown)]

    def _is_stale(self, digest: bytes, known_since: float, unknown_since: float) -> bool:
        entry = self._entries.get(digest)
        if entry is None:
            return True
        return entry.checked < (unknown_since if entry.origin is None else known_since)
