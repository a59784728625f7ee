"""Tool names that every upstream takes (1 to 64 of letters, digits, `_`, `-`), and the way back."""

import re
from collections.abc import Iterable
from hashlib import sha256

MAX_NAME = 64
_HASH_DIGITS = 8
_VALID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_INVALID_CHARACTER = re.compile(r"[^a-zA-Z0-9_-]")


class ToolNames:
    """The names of one request. A valid name stays as it is; another becomes a readable start and a hash of the whole.

    The mapped name depends on the name alone, so it is the same in every turn of a conversation.
    `reserved` are the names of the request's tools: no mapped name may equal one of them.
    """

    __slots__ = ("_reserved", "_to_client", "_to_upstream")

    def __init__(self, reserved: Iterable[str] = ()) -> None:
        self._reserved = frozenset(reserved)
        self._to_upstream: dict[str, str] = {}
        self._to_client: dict[str, str] = {}

    def to_upstream(self, name: str) -> str:
        """The name to send for the client's `name`; remembered for `to_client`."""
        known = self._to_upstream.get(name)
        if known is not None:
            return known
        mapped = name if _VALID.fullmatch(name) else self._map(name)
        self._to_upstream[name] = mapped
        if mapped != name:
            self._to_client[mapped] = name
        return mapped

    def to_client(self, name: str) -> str:
        """The client's name for one that a model used; unknown names come back unchanged."""
        return self._to_client.get(name, name)

    def _map(self, name: str) -> str:
        digest = sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
        start = _INVALID_CHARACTER.sub("_", name)[: MAX_NAME - _HASH_DIGITS - 1] or "tool"
        for first in range(0, len(digest) - _HASH_DIGITS, _HASH_DIGITS):
            mapped = f"{start}_{digest[first : first + _HASH_DIGITS]}"
            if mapped not in self._reserved and mapped not in self._to_client:
                return mapped
        return digest
