"""Notes on what conversion did to a request: nothing is changed or left out in silence."""

from dataclasses import dataclass
from typing import Literal

NoteKind = Literal["converted", "renamed", "not_sent", "default"]


@dataclass(frozen=True, slots=True)
class Note:
    """One thing that the upstream sees otherwise than the client sent it.

    `kind`: "converted" (same meaning, other form), "renamed" (tool names), "not_sent" (harmless, left out) or
    "default" (set where the client set nothing). `path` names the field as in error messages (`thinking.display`,
    `messages.3.content.0`); `detail` says why, without any of the user's content.
    """

    kind: NoteKind
    path: str
    detail: str = ""
