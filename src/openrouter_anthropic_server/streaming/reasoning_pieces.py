"""Puts streamed pieces of `reasoning_details` together again, so that they can be sent back as one sequence."""

from collections.abc import Mapping
from typing import Any

# These are streamed in pieces. Encrypted data is not: two different values are two entries.
_JOINED = {"reasoning.text": "text", "reasoning.summary": "summary"}
_LABELS = frozenset({"type", "format", "id", "index"})


class ReasoningPieces:
    """Entries of another vendor's reasoning, in the order in which they began.

    A piece continues the latest entry of the same type, index and id (a missing id fits any): texts are
    joined, of the other fields the last value wins that is not null and not empty (an empty signature
    is a placeholder). Only texts grow; any other entry swallows nothing but its own repetition.
    """

    __slots__ = ("_entries", "_texts")

    def __init__(self) -> None:
        self._entries: list[dict[str, Any]] = []
        self._texts: list[list[str]] = []  # beside each entry; joined once, a long text has thousands of pieces

    def add(self, piece: Mapping[str, Any]) -> None:
        """Take a piece; it is not changed."""
        grows = _JOINED.get(piece.get("type", ""))
        for position in range(len(self._entries) - 1, -1, -1):
            entry = self._entries[position]
            if _continues(entry, piece) and (grows is not None or entry == piece):
                self._join(position, piece, grows)
                return
        self._entries.append(dict(piece))
        self._texts.append([piece.get(grows) or ""] if grows is not None else [])

    def take(self) -> list[dict[str, Any]]:
        """All entries, with whole texts; none are left."""
        whole = []
        for entry, texts in zip(self._entries, self._texts, strict=True):
            grows = _JOINED.get(entry.get("type", ""))
            if grows is not None and (grows in entry or len(texts) > 1):
                entry[grows] = "".join(texts)
            whole.append(entry)
        self._entries, self._texts = [], []
        return whole

    @property
    def is_worth_replaying(self) -> bool:
        """Whether any entry holds more than labels: streams begin with an empty one."""
        has_text = any(piece for pieces in self._texts for piece in pieces)
        return has_text or any(value for entry in self._entries for key, value in entry.items() if key not in _LABELS)

    def _join(self, position: int, piece: Mapping[str, Any], grows: str | None) -> None:
        entry = self._entries[position]
        for key, value in piece.items():
            if key == grows:
                if value:
                    self._texts[position].append(value)
            elif value is not None and value != "":
                entry[key] = value


def _continues(entry: Mapping[str, Any], piece: Mapping[str, Any]) -> bool:
    if entry.get("type") != piece.get("type") or entry.get("index") != piece.get("index"):
        return False
    entry_id, piece_id = entry.get("id"), piece.get("id")
    return entry_id is None or piece_id is None or entry_id == piece_id
