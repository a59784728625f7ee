"""How far a writer's spool was delivered, as the recorder noted it."""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in a spool: before the byte `offset` of a segment. Segments are numbered from 1."""

    segment: int
    offset: int


@dataclass(frozen=True, slots=True)
class Cursor:
    """Everything before `position` is delivered; `saved` is what the recorder wants back after a restart (JSON)."""

    position: Position
    saved: Any = None


def load_cursor(path: Path) -> Cursor | None:
    """The cursor in the file `path`, None without one; raises `OSError`, or `ValueError` if it is damaged."""
    try:
        value = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    if not isinstance(value, dict):
        raise ValueError("not a cursor")
    return Cursor(Position(_count(value.get("segment")), _count(value.get("offset"))), value.get("saved"))


def save_cursor(path: Path, cursor: Cursor) -> None:
    """Replace the file `path` as a whole, or raise `OSError` and leave it as it was."""
    position = cursor.position
    data = orjson.dumps({"segment": position.segment, "offset": position.offset, "saved": cursor.saved})
    draft = path.with_suffix(".tmp")
    try:
        draft.write_bytes(data)
        draft.replace(path)
    except OSError:
        with suppress(OSError):
            os.unlink(draft)
        raise


def _count(value: object) -> int:
    if not isinstance(value, int) or value < 0:
        raise ValueError("not a cursor")
    return value
