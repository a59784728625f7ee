"""Turns deltas into the events of an Anthropic stream. A pure state machine: no clock, no I/O."""

from collections.abc import Callable, Sequence
from enum import IntEnum, auto
from typing import Any, get_args

from openrouter_anthropic_server.anthropic_types.events import StreamEvent
from openrouter_anthropic_server.anthropic_types.response import Message, StopReason, Usage
from openrouter_anthropic_server.conversion.notes import Note
from openrouter_anthropic_server.conversion.stop_reasons import stop_reason_from_chat
from openrouter_anthropic_server.conversion.tool_names import ToolNames
from openrouter_anthropic_server.conversion.usage import has_prompt_tokens, usage_from_chat
from openrouter_anthropic_server.errors import GatewayError, InternalError, UpstreamError
from openrouter_anthropic_server.streaming.block_queue import BlockQueue
from openrouter_anthropic_server.streaming.delta_types import (
    CitationDelta,
    ContentDelta,
    Delta,
    Failure,
    Finish,
    ForeignReasoning,
    NotRepresented,
    RedactedThinking,
    SignatureDelta,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
    UsageDelta,
)
from openrouter_anthropic_server.streaming.event_grammar import EventWriter

_CHARACTERS_PER_TOKEN = 4


class Phase(IntEnum):
    """Before `start`, while the answer comes, after its finish reason, after `finish`, after a failure.

    A number, as `WireState`.
    """

    NEW = auto()
    STREAMING = auto()
    FINISHED = auto()
    ENDED = auto()
    FAILED = auto()


CONTENT: tuple[type[Delta], ...] = get_args(ContentDelta)

TRANSITIONS: dict[Phase, dict[type[Delta], Phase]] = {
    Phase.NEW: {},
    Phase.STREAMING: {
        **dict.fromkeys(CONTENT, Phase.STREAMING),
        UsageDelta: Phase.STREAMING,
        Finish: Phase.FINISHED,
        Failure: Phase.FAILED,
    },
    # Sources, signatures and usage come after the finish reason as often as before it. An error after
    # it was recorded too (after "length", with usage): the answer is complete, so it changes nothing.
    Phase.FINISHED: dict.fromkeys((*CONTENT, UsageDelta, Finish, Failure), Phase.FINISHED),
    Phase.ENDED: {},
    # The rest of a failed stream is read, only for its usage.
    Phase.FAILED: dict.fromkeys((*CONTENT, UsageDelta, Finish, Failure), Phase.FAILED),
}
"""The phase after each kind of delta; a kind that is missing is refused and changes nothing."""


class Assembler:
    """Deltas in, events out: `start`, `feed` for each delta, `finish` when the upstream's stream ends.

    Guarantees: one open block at a time, indices 0, 1, 2, no empty text block, unique tool ids. The
    stream ends with `message_stop` if the upstream gave a finish reason and with an `error` event in any
    other case; after an `error` event nothing more comes, and no block is closed before it: a client
    would run a tool call that is cut off.
    """

    __slots__ = (
        "_characters",
        "_finish",
        "_message_id",
        "_model",
        "_queue",
        "_stop_sequences",
        "_usage",
        "_usage_is_estimate",
        "_writer",
        "failure",
        "notes",
        "phase",
    )

    def __init__(
        self,
        message_id: str,
        model: str,
        input_tokens: int,
        tool_names: ToolNames,
        stop_sequences: Sequence[str] = (),
        *,
        web_search: bool = False,
    ) -> None:
        """`input_tokens` is an estimate, used until the upstream counts; 0 becomes 1, clients read 0 as unknown.

        With `web_search` (the request offered one) the cited pages come as the results of a search too.
        """
        self._message_id = message_id
        self._model = model
        self._stop_sequences = tuple(stop_sequences)
        self._writer = EventWriter()
        search_id = f"srvtoolu_{message_id.removeprefix('msg_')}" if web_search else None
        self._queue = BlockQueue(self._writer, tool_names, search_id)
        self.phase = Phase.NEW
        self._finish: Finish | None = None
        self._characters = 0
        self._usage_is_estimate = True
        self._usage: Usage = {
            "input_tokens": max(1, input_tokens),
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "output_tokens": 1,
        }
        self.failure: GatewayError | None = None
        self.notes: list[Note] = []

    @property
    def usage(self) -> Usage:
        """Tokens so far; the estimates until the upstream tells."""
        return self._usage

    @property
    def usage_is_estimate(self) -> bool:
        """Whether the upstream has not counted yet."""
        return self._usage_is_estimate

    @property
    def stop_reason(self) -> StopReason | None:
        """Why the answer ended; None before its finish reason."""
        return self._stop()[0]

    def start(self) -> list[StreamEvent]:
        """`message_start`. Raises `InternalError` the second time."""
        message: dict[str, Any] = {
            "id": self._message_id,
            "type": "message",
            "role": "assistant",
            "model": self._model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": dict(self._usage),
        }
        event = self._writer.event("message_start", message=message)
        self.phase = Phase.STREAMING
        return [event]

    def feed(self, delta: Delta) -> list[StreamEvent]:
        """The events that the delta allows. Raises `InternalError` before `start` and after `finish`."""
        if type(delta) is TextDelta and self.phase is Phase.STREAMING and delta.text and self._queue.streams_text:
            self._characters += len(delta.text)
            return [self._writer.delta({"type": "text_delta", "text": delta.text})]
        following = TRANSITIONS[self.phase].get(type(delta))
        if following is None:
            raise InternalError(f"a {type(delta).__name__} was fed in phase {self.phase.name}")
        if self.phase is Phase.FAILED and type(delta) is not UsageDelta:
            return []
        return self._apply(delta, following)

    def finish(self) -> list[StreamEvent]:
        """The closing events, at the end of the upstream's stream; [] after a failure."""
        if self.phase is Phase.FAILED:
            return []
        if self.phase is Phase.STREAMING:
            return self._fail(UpstreamError("The upstream's answer ended without a finish reason: it is incomplete."))
        if self.phase is not Phase.FINISHED:
            raise InternalError(f"finish() in phase {self.phase.name}")
        try:
            events = self._queue.finish()
        except UpstreamError as error:
            return self._fail(error)
        if self._queue.lost_details:
            self.notes.append(Note("not_sent", "reasoning_details", "reasoning that came after the text of the answer"))
        stop_reason, stop_sequence = self._stop()
        self._estimate_output()
        if self._queue.has_searched:
            self._usage.setdefault("server_tool_use", {"web_search_requests": 1, "web_fetch_requests": 0})
        delta = {"stop_reason": stop_reason, "stop_sequence": stop_sequence}
        events.append(self._writer.event("message_delta", delta=delta, usage=dict(self._usage)))
        events.append(self._writer.event("message_stop"))
        self.phase = Phase.ENDED
        return events

    def text_message(self, text: TextDelta, finish: Finish, usage: UsageDelta) -> Message:
        """The whole answer that is one text, counted by the upstream: what the events of these deltas add up to.

        Most answers are of that kind, and their events would take three times as long.
        """
        self._characters = len(text.text)
        self._finish = finish
        self._count(usage)
        self._estimate_output()
        stop_reason, stop_sequence = self._stop()
        self.phase = Phase.ENDED
        return {
            "id": self._message_id,
            "type": "message",
            "role": "assistant",
            "model": self._model,
            "content": [{"type": "text", "text": text.text}],
            "stop_reason": stop_reason,
            "stop_sequence": stop_sequence,
            "usage": self._usage,
        }

    def _estimate_output(self) -> None:
        if self._usage_is_estimate:
            self._usage["output_tokens"] = max(1, self._characters // _CHARACTERS_PER_TOKEN)

    def _apply(self, delta: Delta, following: Phase) -> list[StreamEvent]:
        try:
            _HANDLERS[type(delta)](self, delta)
        except UpstreamError as error:
            return self._fail(error)
        if following is Phase.FAILED and isinstance(delta, Failure):
            return self._fail(delta.error)
        self.phase = following
        return [] if following is Phase.FAILED else self._queue.pump()

    def _fail(self, error: GatewayError) -> list[StreamEvent]:
        self.failure = error
        self.phase = Phase.FAILED
        return [self._writer.event("error", error=error.envelope("")["error"])]

    def _stop(self) -> tuple[StopReason | None, str | None]:
        if self._finish is None:
            return None, None
        return stop_reason_from_chat(
            self._finish.reason,
            self._finish.native_reason,
            has_tool_calls=self._queue.has_tool_calls,
            stop_sequences=self._stop_sequences,
        )

    def _text(self, delta: TextDelta) -> None:
        self._characters += len(delta.text)
        self._queue.text(delta)

    def _thinking(self, delta: ThinkingDelta) -> None:
        self._characters += len(delta.text)
        self._queue.thinking(delta)

    def _signature(self, delta: SignatureDelta) -> None:
        self._queue.signature(delta)

    def _redacted(self, delta: RedactedThinking) -> None:
        self._queue.redacted(delta)

    def _foreign(self, delta: ForeignReasoning) -> None:
        self._queue.foreign(delta)

    def _citation(self, delta: CitationDelta) -> None:
        self._queue.citation(delta)

    def _tool_call(self, delta: ToolCallDelta) -> None:
        self._characters += len(delta.arguments)
        self._queue.tool_call(delta)

    def _note(self, delta: NotRepresented) -> None:
        self.notes.append(delta.note)

    def _finished(self, delta: Finish) -> None:
        # Two chunks in a row may carry the reason; the first one stands.
        self._finish = self._finish or delta

    def _failed(self, delta: Failure) -> None:
        if self.phase is Phase.FINISHED:
            self.notes.append(Note("not_sent", "error", f"{delta.error.type} after the finish reason"))

    def _count(self, delta: UsageDelta) -> None:
        usage = usage_from_chat(delta.usage)
        if not has_prompt_tokens(delta.usage):
            usage["input_tokens"] = self._usage["input_tokens"]
        elif not (delta.usage["prompt_tokens"] or usage["output_tokens"]):
            return  # zeros are no count
        self._usage = usage
        self._usage_is_estimate = False


_HANDLERS: dict[type[Delta], Callable[[Assembler, Any], None]] = {
    TextDelta: Assembler._text,
    ThinkingDelta: Assembler._thinking,
    SignatureDelta: Assembler._signature,
    RedactedThinking: Assembler._redacted,
    ForeignReasoning: Assembler._foreign,
    ToolCallDelta: Assembler._tool_call,
    CitationDelta: Assembler._citation,
    NotRepresented: Assembler._note,
    Finish: Assembler._finished,
    UsageDelta: Assembler._count,
    Failure: Assembler._failed,
}
