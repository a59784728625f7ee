"""Finds out which tool call a piece belongs to, however careless the upstream is with `index` and `id`."""

from collections.abc import Callable
from uuid import uuid4

from openrouter_anthropic_server.streaming.blocks import CallBlock
from openrouter_anthropic_server.streaming.delta_types import ToolCallDelta


class ToolCalls:
    """The calls of one answer.

    A piece belongs to the call with its `index`; without one to the call with its id; without that, if
    it has no name either, to the latest call. A piece with another id and a name begins a new call even
    under a used index: some upstreams number every call 0. Without ids the same holds for another name,
    and when the call under that index is whole already.
    """

    __slots__ = ("_by_id", "_by_index", "_ids", "_latest", "_name_for_client")

    def __init__(self, name_for_client: Callable[[str], str]) -> None:
        self._name_for_client = name_for_client
        self._by_index: dict[int, CallBlock] = {}
        self._by_id: dict[str, CallBlock] = {}
        self._ids: set[str] = set()
        self._latest: CallBlock | None = None

    def __len__(self) -> int:
        return len(self._ids)

    def find(self, piece: ToolCallDelta) -> CallBlock | None:
        """The call that the piece continues, None if it begins a new one."""
        call = self._candidate(piece)
        return None if call is None or self._begins_another(call, piece) else call

    def begin(self, piece: ToolCallDelta) -> CallBlock:
        """A new call, with an id that is not empty and unique in the answer."""
        call = CallBlock(self._unique(piece.id), piece.id, piece.name, self._name_for_client)
        if piece.index is not None:
            self._by_index[piece.index] = call
        if piece.id is not None:
            self._by_id[piece.id] = call
        self._latest = call
        return call

    def _candidate(self, piece: ToolCallDelta) -> CallBlock | None:
        if piece.index is not None:
            return self._by_index.get(piece.index)
        if piece.id is not None and piece.id in self._by_id:
            return self._by_id[piece.id]
        return self._latest if piece.name is None else None

    def _begins_another(self, call: CallBlock, piece: ToolCallDelta) -> bool:
        if piece.name is None or call.name is None:
            return False
        if piece.id is not None and call.upstream_id is not None:
            return piece.id != call.upstream_id
        if piece.id is None and call.upstream_id is None and piece.name != call.name:
            return True
        return bool(piece.arguments.strip()) and call.is_complete

    def _unique(self, wanted: str | None) -> str:
        call_id = wanted or f"toolu_{uuid4().hex[:24]}"
        number = len(self._ids)
        while call_id in self._ids:
            number += 1
            call_id = f"{wanted or 'toolu'}_{number}"
        self._ids.add(call_id)
        return call_id
