"""What every step of a conversion to the chat wire knows: the model, the tool names and the notes so far."""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from typing import Any

from openrouter_anthropic_server.capabilities.traits import UNLIMITED, Capabilities
from openrouter_anthropic_server.conversion.chat_dialects import OPENROUTER, ChatDialect
from openrouter_anthropic_server.conversion.notes import Note, NoteKind
from openrouter_anthropic_server.conversion.tool_names import ToolNames
from openrouter_anthropic_server.conversion.vendors import ANTHROPIC
from openrouter_anthropic_server.errors import InvalidRequestError

Json = Mapping[str, Any]
"""A JSON object of the request: read, never changed."""

Part = dict[str, Any]
"""A content part of a chat message: `{"type": "text" | "image_url" | "file", ...}`."""

_NO_DIGITS = str.maketrans("", "", "0123456789")


class NoteBook:
    """Collects notes. The same thing at many places becomes one note: the first path, and how many more.

    A long conversation would otherwise write hundreds of equal notes into the record of each request.
    """

    __slots__ = ("_found",)

    def __init__(self) -> None:
        self._found: dict[tuple[NoteKind, str, str], tuple[str, int]] = {}

    def converted(self, path: str, detail: str) -> None:
        """Same meaning, other form."""
        self._add("converted", path, detail)

    def renamed(self, path: str, detail: str) -> None:
        """A tool goes under another name."""
        self._add("renamed", path, detail)

    def not_sent(self, path: str, detail: str) -> None:
        """Harmless, left out."""
        self._add("not_sent", path, detail)

    def default(self, path: str, detail: str) -> None:
        """Set here, because the client set nothing."""
        self._add("default", path, detail)

    def add(self, notes: Iterable[Note]) -> None:
        """Notes that were made elsewhere."""
        for note in notes:
            self._add(note.kind, note.path, note.detail)

    def notes(self) -> tuple[Note, ...]:
        """All notes, in the order of their first place."""
        return tuple(
            Note(kind, path, f"{detail} (and {more} more)" if more else detail)
            for (kind, _, detail), (path, more) in self._found.items()
        )

    def _add(self, kind: NoteKind, path: str, detail: str) -> None:
        key = (kind, path.translate(_NO_DIGITS), detail)
        first, more = self._found.get(key, (path, -1))
        self._found[key] = (first, more + 1)


@dataclass(frozen=True, slots=True)
class ChatContext:
    """One conversion: `model` is the upstream's name, `vendor` its author, `notes` grows on the way."""

    model: str
    vendor: str
    tool_names: ToolNames = field(default_factory=ToolNames)
    notes: NoteBook = field(default_factory=NoteBook)
    dialect: ChatDialect = OPENROUTER
    capabilities: Capabilities = UNLIMITED

    @property
    def anthropic(self) -> bool:
        """Whether the model is one of Anthropic's: signatures and the billing line mean something to it."""
        return self.vendor == ANTHROPIC

    def refusal(self, path: str, what: str) -> InvalidRequestError:
        """The error for something that this wire cannot carry: `what` is a plural, as in "blocks of type 'foo'"."""
        return InvalidRequestError(f"{path}: {what} cannot be sent to {self.model}")

    def note_unknown(self, block: Json, known: Set[str], path: str) -> None:
        """Note the fields of `block` that the conversion has no rule for."""
        if block.keys() <= known:
            return
        for name, value in block.items():
            if name not in known and value is not None:
                self.notes.not_sent(f"{path}.{name}", "unknown field")

    def tool_name(self, name: str, path: str) -> str:
        """The upstream's name for a tool; noted if it is another one."""
        mapped = self.tool_names.to_upstream(name)
        if mapped != name:
            self.notes.renamed(path, "sent under a name of at most 64 letters, digits, '_' and '-'")
        return mapped
