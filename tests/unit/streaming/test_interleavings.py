"""Parallel calls, text and thinking in every order that an upstream could send them."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openrouter_anthropic_server.streaming.deltas import (
    Delta,
    Finish,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
    UsageDelta,
)
from tests.unit.streaming.events import USAGE, assemble, call, check_stream, message_of, new_assembler

Lanes = list[list[Delta]]


def interleavings(lanes: Lanes) -> Iterator[list[Delta]]:
    """Every order that keeps each lane's own."""
    if not any(lanes):
        yield []
    for number, lane in enumerate(lanes):
        if lane:
            rest = [other[1:] if i == number else other for i, other in enumerate(lanes)]
            yield from ([lane[0], *order] for order in interleavings(rest))


def expected(order: list[Delta]) -> list[dict[str, Any]]:
    """Blocks in the order of their first pieces; text and thinking go on while nothing new began after them."""
    blocks: list[dict[str, Any]] = []
    arguments: dict[int | None, list[str]] = {}
    for delta in order:
        if isinstance(delta, ToolCallDelta):
            if delta.index not in arguments:
                blocks.append({"type": "tool_use", "name": delta.name, "input": delta.index})
            arguments.setdefault(delta.index, []).append(delta.arguments)
        if isinstance(delta, TextDelta | ThinkingDelta):
            kind = "text" if isinstance(delta, TextDelta) else "thinking"
            if not blocks or blocks[-1]["type"] != kind:
                blocks.append({"type": kind, kind: ""})
            blocks[-1][kind] += delta.text
    for block in blocks:
        if block["type"] == "tool_use":
            block["input"] = json.loads("".join(arguments[block["input"]]) or "{}")
    return blocks


def without_ids(content: Any) -> list[dict[str, Any]]:
    return [{key: value for key, value in block.items() if key not in ("id", "signature")} for block in content]


def assert_correct(order: list[Delta], *, finish_at: int, usage_at: int) -> None:
    deltas = list(order)
    deltas.insert(finish_at, Finish("tool_calls"))
    deltas.insert(usage_at, UsageDelta(USAGE))
    events = assemble(deltas)
    check_stream(events)
    message = message_of(events)
    assert without_ids(message["content"]) == expected(order)
    assert message["usage"]["output_tokens"] == 12


def lane(index: int, pieces: list[str]) -> list[Delta]:
    return [call(index, piece, None if number else f"tool{index}") for number, piece in enumerate(pieces)]


def test_every_interleaving_of_two_calls_text_and_thinking() -> None:
    first, second = lane(0, ["", '{"a": {"b": 1}', "}"]), lane(1, ['{"c"', ': "}"}'])
    orders = list(interleavings([first, second, [TextDelta("x"), TextDelta("y")], [ThinkingDelta("th")]]))

    assert len(orders) == 1680
    for order in orders:
        assert_correct(order, finish_at=len(order), usage_at=len(order) + 1)


def test_every_interleaving_of_three_calls() -> None:
    lanes = [lane(0, ['{"a":', "1}"]), lane(1, ["", '{"b":2}', " "]), lane(2, [""])]

    for order in interleavings(lanes):
        assert_correct(order, finish_at=len(order), usage_at=0)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 99) | st.text('ab{}[]",:\\ \n', max_size=6),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text("k}", max_size=2), inner, max_size=2),
    max_leaves=4,
)


@st.composite
def orders(draw: st.DrawFn) -> list[Delta]:
    """Some calls cut into pieces anywhere, some text and thinking, mixed in any order."""
    lanes: Lanes = []
    for index in range(draw(st.integers(0, 3))):
        arguments = json.dumps(draw(st.dictionaries(st.text("xy", max_size=2), JSON, max_size=3)))
        cuts = sorted(draw(st.lists(st.integers(0, len(arguments)), max_size=4)))
        lanes.append(lane(index, [arguments[a:b] for a, b in zip([0, *cuts], [*cuts, None], strict=True)]))
    lanes.append([TextDelta(text) for text in draw(st.lists(st.sampled_from(["t", " ", "uv"]), max_size=3))])
    lanes.append([ThinkingDelta(text) for text in draw(st.lists(st.sampled_from(["m", "no"]), max_size=2))])
    left = [number for number, deltas in enumerate(lanes) for _ in deltas]
    return [lanes[number].pop(0) for number in draw(st.permutations(left))]


@given(orders(), st.data())
def test_any_interleaving_yields_legal_events_and_the_same_content(order: list[Delta], data: st.DataObject) -> None:
    finish_at = data.draw(st.integers(0, len(order)))

    assert_correct(order, finish_at=finish_at, usage_at=data.draw(st.integers(0, len(order) + 1)))


@given(orders(), st.data())
def test_a_stream_cut_anywhere_before_its_finish_reason_ends_with_an_error(
    order: list[Delta], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(order)))

    events = assemble(order[:cut])

    check_stream(events)
    assert events[-1]["type"] == "error"


@pytest.mark.parametrize("after_finish", range(4))
def test_a_stream_cut_after_its_finish_reason_ends_well(after_finish: int) -> None:
    whole: list[Delta] = [TextDelta("a"), Finish("stop"), Finish("stop"), UsageDelta(USAGE), TextDelta("")]

    events = assemble(whole[: 2 + after_finish])

    check_stream(events)
    assert events[-1]["type"] == "message_stop"


@given(orders())
def test_what_comes_in_sequence_goes_out_at_once(order: list[Delta]) -> None:
    """Nothing is held back unless an unfinished call stands before it."""
    lanes: dict[Any, list[Delta]] = {}
    for delta in order:
        lanes.setdefault(getattr(delta, "index", None) if isinstance(delta, ToolCallDelta) else type(delta), []).append(
            delta
        )
    assembler = new_assembler()
    assembler.start()

    for delta in (delta for lane in lanes.values() for delta in lane):
        out = [event["delta"] for event in assembler.feed(delta) if event["type"] == "content_block_delta"]
        written = "".join(
            piece.get("text") or piece.get("thinking") or piece.get("partial_json") or "" for piece in out
        )
        assert written == (delta.arguments if isinstance(delta, ToolCallDelta) else getattr(delta, "text", ""))
