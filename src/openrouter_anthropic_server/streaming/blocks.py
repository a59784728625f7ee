"""Content blocks while they grow: each collects its pieces and says when it may be opened and closed.

A block never prints events; the assembler asks it for its start, for the deltas that have not gone
out yet and for its last deltas.
"""

from collections.abc import Callable
from typing import Any, Protocol

import orjson

from openrouter_anthropic_server.anthropic_types.response import Citation
from openrouter_anthropic_server.conversion.reasoning_envelope import pack_reasoning
from openrouter_anthropic_server.streaming.reasoning_pieces import ReasoningPieces

BlockJson = dict[str, Any]


class Block(Protocol):
    """A content block in the making."""

    @property
    def is_ready(self) -> bool:
        """Whether enough is known to open it."""
        ...

    @property
    def is_complete(self) -> bool:
        """Whether it may be closed as soon as another block stands behind it."""
        ...

    def start(self) -> BlockJson:
        """The `content_block` of its start event. Asked once."""
        ...

    def take(self) -> list[BlockJson]:
        """The deltas that have not gone out yet."""
        ...

    def last(self) -> list[BlockJson]:
        """The deltas that stand just before its stop event. Asked once."""
        ...


class TextBlock:
    """Text and its sources."""

    __slots__ = ("_citations", "_pieces")

    is_ready = True
    is_complete = True

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._citations: list[Citation] = []

    def add(self, text: str) -> None:
        """More text."""
        self._pieces.append(text)

    def cite(self, citation: Citation) -> None:
        """One more source."""
        self._citations.append(citation)

    def start(self) -> BlockJson:
        """An empty text block."""
        return {"type": "text", "text": ""}

    def take(self) -> list[BlockJson]:
        """The waiting text as one delta, then the waiting sources."""
        text, self._pieces = "".join(self._pieces), []
        citations, self._citations = self._citations, []
        deltas: list[BlockJson] = [{"type": "text_delta", "text": text}] if text else []
        return deltas + [{"type": "citations_delta", "citation": citation} for citation in citations]

    def last(self) -> list[BlockJson]:
        """Nothing."""
        return []


class ThinkingBlock:
    """Visible thinking with either Anthropic's signature or the details of another vendor.

    The signature goes out just before the stop: Anthropic's own, or an envelope of all details.
    """

    __slots__ = ("_pieces", "details", "index", "signature")

    is_ready = True
    is_complete = True

    def __init__(self, index: int | None, details: ReasoningPieces) -> None:
        self.index = index
        self.signature = ""
        self.details = details
        self._pieces: list[str] = []

    def belongs(self, index: int | None) -> bool:
        """Whether a piece with this upstream index can be part of the block."""
        return not self.signature and (index is None or self.index is None or index == self.index)

    def add(self, text: str, index: int | None) -> None:
        """More thinking."""
        self._pieces.append(text)
        self.index = index if self.index is None else self.index

    def start(self) -> BlockJson:
        """An empty thinking block."""
        return {"type": "thinking", "thinking": "", "signature": ""}

    def take(self) -> list[BlockJson]:
        """The waiting thinking as one delta."""
        text, self._pieces = "".join(self._pieces), []
        return [{"type": "thinking_delta", "thinking": text}] if text else []

    def last(self) -> list[BlockJson]:
        """The signature, if there is anything to sign with."""
        signature = self.signature
        if not signature and self.details.is_worth_replaying:
            signature = pack_reasoning(self.details.take())
        return [{"type": "signature_delta", "signature": signature}] if signature else []


class WholeBlock:
    """A block that stands whole in its start event: thinking that only Anthropic can read, results of searches."""

    __slots__ = ("_json",)

    is_ready = True
    is_complete = True

    def __init__(self, json: BlockJson) -> None:
        self._json = json

    def start(self) -> BlockJson:
        """The whole block."""
        return self._json

    def take(self) -> list[BlockJson]:
        """Nothing."""
        return []

    def last(self) -> list[BlockJson]:
        """Nothing."""
        return []


class SearchBlock:
    """The call of a web search that the upstream ran itself; its query is not known."""

    __slots__ = ("_id",)

    is_ready = True
    is_complete = True

    def __init__(self, call_id: str) -> None:
        self._id = call_id

    def start(self) -> BlockJson:
        """The call with empty input."""
        return {"type": "server_tool_use", "id": self._id, "name": "web_search", "input": {}}

    def take(self) -> list[BlockJson]:
        """The empty input, as a delta."""
        return [_input_delta("{}")]

    def last(self) -> list[BlockJson]:
        """Nothing."""
        return []


class CallBlock:
    """A tool call. Its arguments stream live from the first `{` on; anything else waits for the end.

    It may be closed before the end of the answer only when the arguments are one whole JSON object:
    then no more pieces of it can follow.
    """

    __slots__ = (
        "_arguments",
        "_checked",
        "_is_open",
        "_name_for_client",
        "_sent",
        "_whole",
        "closed",
        "id",
        "name",
        "upstream_id",
    )

    def __init__(
        self, call_id: str, upstream_id: str | None, name: str | None, name_for_client: Callable[[str], str]
    ) -> None:
        self.id = call_id
        self.upstream_id = upstream_id
        self.name = name
        self.closed = False
        self._name_for_client = name_for_client
        self._arguments: list[str] = []
        self._sent = 0
        self._is_open = False
        self._whole = False
        self._checked = 0

    @property
    def is_ready(self) -> bool:
        """A call cannot be opened without its name."""
        return self.name is not None

    @property
    def is_complete(self) -> bool:
        """Whether the arguments are one whole JSON object."""
        if not self._whole and self._checked != len(self._arguments):
            self._checked = len(self._arguments)
            self._whole = self._arguments[-1].rstrip().endswith("}") and _is_object("".join(self._arguments))
        return self._whole

    def add(self, arguments: str) -> None:
        """More of the arguments."""
        if arguments:
            self._arguments.append(arguments)

    def start(self) -> BlockJson:
        """A call with empty input; the input never stands here, Claude Code would not read it."""
        return {"type": "tool_use", "id": self.id, "name": self._name_for_client(self.name or ""), "input": {}}

    def take(self) -> list[BlockJson]:
        """The waiting arguments as one delta; at first also the empty one that Anthropic begins with."""
        deltas: list[BlockJson] = []
        if not self._is_open:
            self._is_open = True
            deltas.append(_input_delta(""))
        waiting = self._arguments[self._sent :]
        if waiting and (self._sent or "".join(waiting).lstrip()[:1] == "{"):
            self._sent = len(self._arguments)
            deltas.append(_input_delta("".join(waiting)))
        return deltas

    def last(self) -> list[BlockJson]:
        """`{}` for a call without arguments; otherwise arguments that did not look like an object, as they are."""
        self.closed = True
        if self._sent:
            return []
        arguments = "".join(self._arguments)
        return [_input_delta("{}" if arguments.strip() in ("", "null") else arguments)]


def _input_delta(text: str) -> BlockJson:
    return {"type": "input_json_delta", "partial_json": text}


def _is_object(text: str) -> bool:
    try:
        return isinstance(orjson.loads(text), dict)
    except orjson.JSONDecodeError:
        return False
