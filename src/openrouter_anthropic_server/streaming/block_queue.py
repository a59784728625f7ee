"""Decides which content block a delta belongs to, and in which order blocks go out: one at a time.

Theory of operation. Blocks stand in a queue in the order in which their first piece arrived. The first is
open and streams live; the others collect. The open block is closed when another stands behind it and
it is complete: text and thinking always are, a tool call is once its arguments are one whole JSON
object, because then no piece of it can follow. So parallel calls whose pieces interleave come out
whole and one after the other, sequential ones stream live, and a client can run each call as soon as
it is complete. What stays incomplete waits for the end of the answer.
"""

from collections import deque

from openrouter_anthropic_server.anthropic_types.events import StreamEvent
from openrouter_anthropic_server.anthropic_types.response import Citation
from openrouter_anthropic_server.conversion.citations import source_line
from openrouter_anthropic_server.conversion.tool_names import ToolNames
from openrouter_anthropic_server.conversion.web_search import search_result
from openrouter_anthropic_server.errors import UpstreamError
from openrouter_anthropic_server.streaming.blocks import (
    Block,
    CallBlock,
    SearchBlock,
    TextBlock,
    ThinkingBlock,
    WholeBlock,
)
from openrouter_anthropic_server.streaming.delta_types import (
    CitationDelta,
    ForeignReasoning,
    RedactedThinking,
    SignatureDelta,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
)
from openrouter_anthropic_server.streaming.event_grammar import EventWriter, WireState
from openrouter_anthropic_server.streaming.reasoning_pieces import ReasoningPieces
from openrouter_anthropic_server.streaming.tool_calls import ToolCalls


class BlockQueue:
    """The blocks of one answer that have not been closed yet."""

    __slots__ = (
        "_blocks",
        "_calls",
        "_cited",
        "_is_open",
        "_loose",
        "_search_id",
        "_waiting_citations",
        "_writer",
        "lost_details",
    )

    def __init__(self, writer: EventWriter, tool_names: ToolNames, search_id: str | None = None) -> None:
        """`search_id` names the search of a request that offered one; its results are what the answer cites."""
        self._writer = writer
        self._search_id = search_id
        self._calls = ToolCalls(tool_names.to_client)
        self._blocks: deque[Block] = deque()
        self._is_open = False
        self._loose = ReasoningPieces()
        self._waiting_citations: list[Citation] = []
        self._cited: list[Citation] = []
        self.lost_details = 0

    @property
    def has_tool_calls(self) -> bool:
        """Whether the answer holds a tool call so far."""
        return len(self._calls) > 0

    @property
    def has_searched(self) -> bool:
        """Whether the upstream searched the web for a request that offered it."""
        return self._search_id is not None and bool(self._cited)

    @property
    def streams_text(self) -> bool:
        """Whether more text can go out at once, as a delta of the open block."""
        return self._writer.state is WireState.IN_TEXT and len(self._blocks) == 1

    def text(self, delta: TextDelta) -> None:
        """More text: of the last block if that is text."""
        if delta.text:
            self._text_block().add(delta.text)

    def thinking(self, delta: ThinkingDelta) -> None:
        """More thinking: of the last block, unless that is signed already or has another upstream index."""
        if not delta.text:
            return
        block = self._last()
        if not isinstance(block, ThinkingBlock) or not block.belongs(delta.index):
            block = self._thinking_block(delta.index)
        block.add(delta.text, delta.index)

    def signature(self, delta: SignatureDelta) -> None:
        """Anthropic's signature. Without thinking before it, the block is one whose text was not shown."""
        last = self._last()
        if isinstance(last, ThinkingBlock) and last.signature == delta.signature:
            return
        waiting = (block for block in reversed(self._blocks) if isinstance(block, ThinkingBlock))
        block = next((block for block in waiting if block.belongs(delta.index)), None)
        if block is None:
            block = self._thinking_block(delta.index)
        # An envelope and Anthropic's signature cannot share a block: the details find another one.
        for detail in block.details.take():
            self._loose.add(detail)
        block.signature = delta.signature

    def redacted(self, delta: RedactedThinking) -> None:
        """A whole block."""
        self._append(WholeBlock({"type": "redacted_thinking", "data": delta.data}))

    def foreign(self, delta: ForeignReasoning) -> None:
        """A detail of another vendor: for the last block if that is thinking.

        Otherwise it waits for the next thinking block, or makes one before the next other block: a detail
        without visible text must not split a text in two.
        """
        block = self._last()
        if isinstance(block, ThinkingBlock) and not block.signature:
            block.details.add(delta.detail)
        else:
            self._loose.add(delta.detail)

    def tool_call(self, delta: ToolCallDelta) -> None:
        """A tool call or a piece of one. Raises `UpstreamError` for more arguments of a call that is closed."""
        if not (delta.id or delta.name or delta.arguments):
            return
        call = self._calls.find(delta)
        if call is None:
            call = self._calls.begin(delta)
            self._append(call)
        elif call.closed:
            if delta.arguments.strip():
                raise UpstreamError("The upstream sent more arguments for a tool call that was complete.")
            return
        call.name = call.name or delta.name
        call.add(delta.arguments)

    def citation(self, delta: CitationDelta) -> None:
        """A source, once each: of the last block if that is text, otherwise of the next text."""
        if delta.citation in self._cited:
            return
        self._cited.append(delta.citation)
        block = self._last()
        if isinstance(block, TextBlock):
            block.cite(delta.citation)
        else:
            self._waiting_citations.append(delta.citation)

    def pump(self) -> list[StreamEvent]:
        """The events that can go out now."""
        events: list[StreamEvent] = []
        while self._blocks and self._open_first(events):
            first = self._blocks[0]
            events += [self._writer.delta(delta) for delta in first.take()]
            if len(self._blocks) == 1 or not first.is_complete:
                break
            self._close_first(events)
        return events

    def finish(self) -> list[StreamEvent]:
        """The events of everything that still waits. Raises `UpstreamError` for a call without a name."""
        if any(isinstance(block, CallBlock) and not block.is_ready for block in self._blocks):
            raise UpstreamError("The upstream sent a tool call without a name.")
        if self._waiting_citations:
            # Sources that no text came for: a text block of its own, which must not be empty.
            sources = "\n".join(map(source_line, self._waiting_citations))
            self._text_block().add(sources)
        if self._loose.is_worth_replaying:
            self._end_with_loose()
        if self._search_id is not None and self._cited:
            # At the end, because sources come as late as that; clients take them before and after the text.
            self._append(SearchBlock(self._search_id))
            self._append(WholeBlock(search_result(self._search_id, self._cited)))
        events: list[StreamEvent] = []
        while self._blocks:
            self._open_first(events)
            events += [self._writer.delta(delta) for delta in self._blocks[0].take()]
            self._close_first(events)
        return events

    def _end_with_loose(self) -> None:
        """A block for details that came last, unless the answer ends with text: clients take that for its result.

        No model needs them then: they bind calls to the thinking before them.
        """
        if isinstance(self._last(), TextBlock):
            self.lost_details = len(self._loose.take())
        else:
            self._thinking_block(None)

    def _open_first(self, events: list[StreamEvent]) -> bool:
        first = self._blocks[0]
        if not self._is_open and first.is_ready:
            self._is_open = True
            events.append(self._writer.start_block(first.start()))
        return self._is_open

    def _close_first(self, events: list[StreamEvent]) -> None:
        events += [self._writer.delta(delta) for delta in self._blocks.popleft().last()]
        events.append(self._writer.stop_block())
        self._is_open = False

    def _last(self) -> Block | None:
        return self._blocks[-1] if self._blocks else None

    def _text_block(self) -> TextBlock:
        block = self._last()
        if not isinstance(block, TextBlock):
            block = TextBlock()
            self._append(block)
            for citation in self._waiting_citations:
                block.cite(citation)
            self._waiting_citations = []
        return block

    def _thinking_block(self, index: int | None) -> ThinkingBlock:
        block = ThinkingBlock(index, self._loose)
        self._loose = ReasoningPieces()
        self._blocks.append(block)
        return block

    def _append(self, block: Block) -> None:
        if self._loose.is_worth_replaying:
            self._thinking_block(None)
        self._blocks.append(block)
