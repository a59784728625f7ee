"""Remembers token counts of texts by their digest: shared tools and long histories are counted once."""

from collections import OrderedDict
from hashlib import blake2b
from threading import Lock

_ENTRY_BYTES = 200  # measured: key, value and their places in the dictionary


class CountCache:
    """Digest of a text -> its count; least recently used ones go first. Keeps no text. Thread-safe."""

    def __init__(self, *, max_bytes: int) -> None:
        self._counts: OrderedDict[bytes, int] = OrderedDict()
        self._max_entries = max(1, max_bytes // _ENTRY_BYTES)
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._counts)

    @staticmethod
    def key(text: str, tokenizer: bytes = b"") -> bytes:
        """The digest of a text, and of which tokenizer counts it."""
        return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16, key=tokenizer).digest()

    def get(self, key: bytes) -> int | None:
        """The count, if it is known."""
        with self._lock:
            count = self._counts.get(key)
            if count is not None:
                self._counts.move_to_end(key)
            return count

    def put(self, key: bytes, count: int) -> None:
        """Remember a count; forgets the oldest beyond the limit."""
        with self._lock:
            self._counts[key] = count
            self._counts.move_to_end(key)
            while len(self._counts) > self._max_entries:
                self._counts.popitem(last=False)
