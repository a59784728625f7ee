"""Both tables walked: every phase with every kind of delta, every state of the wire with every event."""

from itertools import product
from typing import Any, get_args

import pytest

from openrouter_anthropic_server.conversion.notes import Note
from openrouter_anthropic_server.errors import InternalError, OverloadedError
from openrouter_anthropic_server.streaming.assembler import TRANSITIONS as PHASE_AFTER
from openrouter_anthropic_server.streaming.assembler import Assembler, Phase
from openrouter_anthropic_server.streaming.deltas import (
    CitationDelta,
    Delta,
    Failure,
    Finish,
    ForeignReasoning,
    NotRepresented,
    RedactedThinking,
    SignatureDelta,
    TextDelta,
    ThinkingDelta,
    UsageDelta,
)
from openrouter_anthropic_server.streaming.event_grammar import TRANSITIONS, EventWriter, WireState
from tests.unit.streaming.events import call, check_stream, new_assembler

SAMPLES: dict[type[Any], Delta] = {
    type(sample): sample
    for sample in (
        TextDelta("t"),
        ThinkingDelta("th"),
        SignatureDelta("s"),
        RedactedThinking("r"),
        ForeignReasoning({"type": "reasoning.encrypted", "data": "x"}),
        call(0, "{}", "f"),
        CitationDelta({"type": "web_search_result_location", "url": "https://a.example"}),
        NotRepresented(Note("not_sent", "audio")),
        Finish("stop"),
        UsageDelta({"prompt_tokens": 3}),
        Failure(OverloadedError("busy")),
    )
}


def in_phase(phase: Phase) -> tuple[Assembler, list[dict[str, Any]]]:
    assembler = new_assembler()
    events = [] if phase is Phase.NEW else assembler.start()
    if phase in (Phase.FINISHED, Phase.ENDED):
        events += assembler.feed(Finish("stop"))
    if phase is Phase.ENDED:
        events += assembler.finish()
    if phase is Phase.FAILED:
        events += assembler.feed(Failure(OverloadedError("first")))
    assert assembler.phase is phase
    return assembler, events


def test_every_kind_of_delta_has_a_sample() -> None:
    assert set(SAMPLES) == set(get_args(Delta))


@pytest.mark.parametrize("phase", Phase)
def test_the_table_names_every_phase(phase: Phase) -> None:
    assert phase in PHASE_AFTER


@pytest.mark.parametrize(("phase", "kind"), [*product(Phase, SAMPLES)])
def test_each_delta_leads_where_the_table_says_or_is_refused_and_changes_nothing(phase: Phase, kind: type[Any]) -> None:
    assembler, events = in_phase(phase)
    following = PHASE_AFTER[phase].get(kind)

    if following is None:
        with pytest.raises(InternalError):
            assembler.feed(SAMPLES[kind])
        assert assembler.phase is phase
        return
    events += assembler.feed(SAMPLES[kind])
    assert assembler.phase is following
    check_stream(events + assembler.finish())


def test_what_each_phase_takes() -> None:
    taken = {phase: set(kinds) for phase, kinds in PHASE_AFTER.items()}

    assert taken[Phase.NEW] == taken[Phase.ENDED] == set()
    assert taken[Phase.STREAMING] == taken[Phase.FINISHED] == taken[Phase.FAILED] == set(SAMPLES)


@pytest.mark.parametrize("phase", [Phase.NEW, Phase.ENDED])
def test_finish_is_refused_before_the_start_and_the_second_time(phase: Phase) -> None:
    assembler, _ = in_phase(phase)

    with pytest.raises(InternalError):
        assembler.finish()
    assert assembler.phase is phase


@pytest.mark.parametrize("phase", [phase for phase in Phase if phase is not Phase.NEW])
def test_start_is_refused_the_second_time(phase: Phase) -> None:
    assembler, _ = in_phase(phase)

    with pytest.raises(InternalError):
        assembler.start()
    assert assembler.phase is phase


def test_after_a_failure_nothing_comes_but_usage_is_counted() -> None:
    assembler, _ = in_phase(Phase.FAILED)

    assert [assembler.feed(sample) for sample in SAMPLES.values()] == [[]] * len(SAMPLES)
    assert assembler.finish() == []
    assert assembler.usage["input_tokens"] == 3
    assert str(assembler.failure) == "first"


WRITES: dict[str, Any] = {
    "message_start": lambda writer: writer.event("message_start", message={}),
    "content_block_start:text": lambda writer: writer.start_block({"type": "text"}),
    "content_block_start:thinking": lambda writer: writer.start_block({"type": "thinking"}),
    "content_block_start:redacted_thinking": lambda writer: writer.start_block({"type": "redacted_thinking"}),
    "content_block_start:tool_use": lambda writer: writer.start_block({"type": "tool_use"}),
    "content_block_start:server_tool_use": lambda writer: writer.start_block({"type": "server_tool_use"}),
    "content_block_start:web_search_tool_result": lambda writer: writer.start_block({"type": "web_search_tool_result"}),
    "text_delta": lambda writer: writer.delta({"type": "text_delta"}),
    "citations_delta": lambda writer: writer.delta({"type": "citations_delta"}),
    "thinking_delta": lambda writer: writer.delta({"type": "thinking_delta"}),
    "signature_delta": lambda writer: writer.delta({"type": "signature_delta"}),
    "input_json_delta": lambda writer: writer.delta({"type": "input_json_delta"}),
    "content_block_stop": lambda writer: writer.stop_block(),
    "message_delta": lambda writer: writer.event("message_delta", delta={}),
    "message_stop": lambda writer: writer.event("message_stop"),
    "error": lambda writer: writer.event("error", error={}),
    "content_block_start:image": lambda writer: writer.start_block({"type": "image"}),
}
PATHS: dict[WireState, list[str]] = {
    WireState.NEW: [],
    WireState.BETWEEN: ["message_start"],
    WireState.IN_TEXT: ["message_start", "content_block_start:text"],
    WireState.IN_THINKING: ["message_start", "content_block_start:thinking"],
    WireState.SIGNED: ["message_start", "content_block_start:thinking", "signature_delta"],
    WireState.IN_TOOL_USE: ["message_start", "content_block_start:tool_use"],
    WireState.IN_WHOLE_BLOCK: ["message_start", "content_block_start:redacted_thinking"],
    WireState.STOPPED: ["message_start", "message_delta"],
    WireState.ENDED: ["message_start", "message_delta", "message_stop"],
    WireState.FAILED: ["message_start", "error"],
}


@pytest.mark.parametrize(("state", "action"), [*product(WireState, WRITES)])
def test_each_event_leads_where_the_table_says_or_is_refused_and_changes_nothing(state: WireState, action: str) -> None:
    writer = EventWriter()
    for step in PATHS[state]:
        WRITES[step](writer)
    assert writer.state is state
    following = TRANSITIONS[state].get(action)

    if following is None:
        with pytest.raises(InternalError):
            WRITES[action](writer)
        assert writer.state is state
    else:
        WRITES[action](writer)
        assert writer.state is following


def test_every_event_of_the_table_can_be_written() -> None:
    actions = {action for actions in TRANSITIONS.values() for action in actions}

    assert actions == set(WRITES) - {"content_block_start:image"}


def test_an_open_block_can_only_be_continued_stopped_or_failed() -> None:
    outside = {WireState.NEW, WireState.BETWEEN, WireState.STOPPED, WireState.ENDED, WireState.FAILED}

    for state in set(WireState) - outside:
        starts = [action for action in TRANSITIONS[state] if action.startswith(("content_block_start", "message_"))]
        assert starts == []


def test_blocks_are_counted_from_zero() -> None:
    writer = EventWriter()
    writer.event("message_start", message={})

    events = [event for _ in range(3) for event in (writer.start_block({"type": "text"}), writer.stop_block())]

    assert [event["index"] for event in events] == [0, 0, 1, 1, 2, 2]
