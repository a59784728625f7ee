"""The order of events in a streamed answer, as a table. An event that does not fit is refused, never sent.

Two rules hold: every change of state is an entry of `TRANSITIONS`; and the table knows events only,
not where they come from.
"""

from enum import IntEnum, auto
from typing import Any

from openrouter_anthropic_server.anthropic_types.events import StreamEvent
from openrouter_anthropic_server.errors import InternalError


class WireState(IntEnum):
    """What has gone out: nothing yet, a message between two blocks, an open block, or everything.

    A number, because Python's own enum takes a call to be looked up in a table.
    """

    NEW = auto()
    BETWEEN = auto()
    IN_TEXT = auto()
    IN_THINKING = auto()
    SIGNED = auto()
    IN_TOOL_USE = auto()
    IN_WHOLE_BLOCK = auto()
    STOPPED = auto()
    ENDED = auto()
    FAILED = auto()


_ERROR = {"error": WireState.FAILED}
_STOP = {"content_block_stop": WireState.BETWEEN}

TRANSITIONS: dict[WireState, dict[str, WireState]] = {
    WireState.NEW: {"message_start": WireState.BETWEEN},
    WireState.BETWEEN: {
        "content_block_start:text": WireState.IN_TEXT,
        "content_block_start:thinking": WireState.IN_THINKING,
        "content_block_start:redacted_thinking": WireState.IN_WHOLE_BLOCK,
        "content_block_start:tool_use": WireState.IN_TOOL_USE,
        "content_block_start:server_tool_use": WireState.IN_TOOL_USE,
        "content_block_start:web_search_tool_result": WireState.IN_WHOLE_BLOCK,
        "message_delta": WireState.STOPPED,
        **_ERROR,
    },
    WireState.IN_TEXT: {"text_delta": WireState.IN_TEXT, "citations_delta": WireState.IN_TEXT, **_STOP, **_ERROR},
    WireState.IN_THINKING: {
        "thinking_delta": WireState.IN_THINKING,
        "signature_delta": WireState.SIGNED,
        **_STOP,
        **_ERROR,
    },
    WireState.SIGNED: {**_STOP, **_ERROR},
    WireState.IN_TOOL_USE: {"input_json_delta": WireState.IN_TOOL_USE, **_STOP, **_ERROR},
    WireState.IN_WHOLE_BLOCK: {**_STOP, **_ERROR},
    WireState.STOPPED: {"message_stop": WireState.ENDED},
    WireState.ENDED: {},
    WireState.FAILED: {},
}
"""What may follow in each state. Deltas go by their own type, block starts by the type of the block."""


class EventWriter:
    """Makes the events of one answer in legal order and counts the blocks."""

    __slots__ = ("_index", "state")

    def __init__(self) -> None:
        self.state = WireState.NEW
        self._index = 0

    def start_block(self, block: dict[str, Any]) -> StreamEvent:
        """The block's start event."""
        self._advance(f"content_block_start:{block['type']}")
        return {"type": "content_block_start", "index": self._index, "content_block": block}

    def delta(self, delta: dict[str, Any]) -> StreamEvent:
        """A delta of the open block."""
        self._advance(delta["type"])
        return {"type": "content_block_delta", "index": self._index, "delta": delta}

    def stop_block(self) -> StreamEvent:
        """The stop event of the open block."""
        self._advance("content_block_stop")
        self._index += 1
        return {"type": "content_block_stop", "index": self._index - 1}

    def event(self, kind: str, **fields: Any) -> StreamEvent:
        """Any event that is not about a block."""
        self._advance(kind)
        return {"type": kind, **fields}

    def _advance(self, action: str) -> None:
        following = TRANSITIONS[self.state].get(action)
        if following is None:
            raise InternalError(f"a {action} event cannot follow in state {self.state.name}")
        self.state = following
