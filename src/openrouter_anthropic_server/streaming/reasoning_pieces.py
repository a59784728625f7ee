"""Puts streamed pieces of `reasoning_details` together again, so that they can be sent back as one sequence."""

from collections.abc import Mapping
from typing import Any

# These are streamed in pieces. Encrypted data is not: two different values are two entries.
_JOINED = {"reasoning.text": "text", "reasoning.summary": "summary"}
_LABELS = frozenset({"type", "format", "id", "index"})


def add_piece(details: list[dict[str, Any]], piece: Mapping[str, Any]) -> None:
    """Merge a piece into the entry it continues, or append it; `details` changes in place, `piece` does not.

    A piece continues an entry of the same type, index and id (a missing id fits any). Texts are joined,
    of the other fields the last value that is not null wins. Only entries whose text grows are joined;
    an encrypted entry swallows nothing but its own repetition.
    """
    grows = _JOINED.get(str(piece.get("type")))
    for entry in reversed(details):
        if _continues(entry, piece):
            if grows is not None:
                _join(entry, piece, grows)
                return
            if entry == piece:
                return
    details.append(dict(piece))


def is_worth_replaying(details: list[dict[str, Any]]) -> bool:
    """Whether any entry holds more than labels: streams begin with an empty one."""
    return any(value for detail in details for key, value in detail.items() if key not in _LABELS)


def _continues(entry: Mapping[str, Any], piece: Mapping[str, Any]) -> bool:
    if entry.get("type") != piece.get("type") or entry.get("index") != piece.get("index"):
        return False
    ids = (entry.get("id"), piece.get("id"))
    return None in ids or ids[0] == ids[1]


def _join(entry: dict[str, Any], piece: Mapping[str, Any], grows: str) -> None:
    text = (entry.get(grows) or "") + (piece.get(grows) or "")
    # An empty signature is a placeholder in a piece without one, it must not erase the true one.
    entry.update({key: value for key, value in piece.items() if value is not None and value != ""})
    if grows in entry or grows in piece:
        entry[grows] = text
