from typing import Any

import pytest

from openrouter_anthropic_server.streaming.delta_types import (
    Delta,
    ForeignReasoning,
    RedactedThinking,
    SignatureDelta,
    ThinkingDelta,
)
from openrouter_anthropic_server.streaming.reasoning_deltas import read_reasoning
from openrouter_anthropic_server.streaming.reasoning_pieces import ReasoningPieces

CLAUDE, OTHER = "anthropic/claude-opus-5", "moonshotai/kimi-k3"
ANTHROPIC = "anthropic-claude-v1"
GOOGLE = "google-gemini-v1"


def text(**fields: Any) -> dict[str, Any]:
    return {"type": "reasoning.text", "index": 0} | fields


def read(model: str, *details: dict[str, Any], **message: Any) -> list[Delta]:
    return read_reasoning({"role": "assistant", "content": "", "reasoning_details": [*details], **message}, model)


def test_recorded_claude_stream_is_thinking_and_one_signature() -> None:
    """The four chunks of a recorded stream; `reasoning` repeats the text of the details."""
    chunks: list[tuple[dict[str, Any], dict[str, Any]]] = [
        (text(text="", signature="", format=ANTHROPIC), {"reasoning": ""}),
        (text(text="The user", format=ANTHROPIC), {"reasoning": "The user"}),
        (text(text=" asks", format=ANTHROPIC), {"reasoning": " asks"}),
        (text(signature="Et0B", format=ANTHROPIC), {"reasoning": None}),
    ]

    deltas = [delta for detail, message in chunks for delta in read(CLAUDE, detail, **message)]

    assert deltas == [ThinkingDelta("The user", 0), ThinkingDelta(" asks", 0), SignatureDelta("Et0B", 0)]


@pytest.mark.parametrize("form", [None, "", "unknown"])
def test_the_model_decides_where_the_entry_names_no_vendor(form: str | None) -> None:
    detail = text(text="hm", signature="sig", format=form)

    assert read(CLAUDE, detail) == [ThinkingDelta("hm", 0), SignatureDelta("sig", 0)]
    assert read(OTHER, detail) == [ThinkingDelta("hm", 0), ForeignReasoning(detail)]


def test_the_format_decides_where_it_names_a_vendor() -> None:
    claude, google = text(text="a", signature="s", format=ANTHROPIC), text(text="b", signature="s", format=GOOGLE)

    assert read(OTHER, claude) == [ThinkingDelta("a", 0), SignatureDelta("s", 0)]
    assert read(CLAUDE, google) == [ThinkingDelta("b", 0), ForeignReasoning(google)]


def test_summaries_are_visible_and_kept() -> None:
    detail = {"type": "reasoning.summary", "summary": "In short", "format": "openai-responses-v1", "index": 2}

    assert read(OTHER, detail) == [ThinkingDelta("In short", 2), ForeignReasoning(detail)]


def test_encrypted_data_of_anthropic_is_redacted_thinking() -> None:
    detail = {"type": "reasoning.encrypted", "data": "EmwK", "format": ANTHROPIC}

    assert read(CLAUDE, detail) == [RedactedThinking("EmwK")]
    assert read(CLAUDE, detail | {"data": ""}) == []


@pytest.mark.parametrize("kind", ["reasoning.encrypted", "reasoning.server_tool_call", "reasoning.of_tomorrow"])
def test_everything_else_is_kept_whole(kind: str) -> None:
    detail = {"type": kind, "data": "x", "format": GOOGLE, "id": "r1"}

    assert read(OTHER, detail) == [ForeignReasoning(detail)]


def test_visible_text_beside_details_without_text_is_not_lost() -> None:
    detail = {"type": "reasoning.encrypted", "data": "x", "format": GOOGLE}

    assert read(OTHER, detail, reasoning="hm") == [ThinkingDelta("hm"), ForeignReasoning(detail)]


@pytest.mark.parametrize("key", ["reasoning", "reasoning_content"])
def test_plain_reasoning_is_thinking_without_a_signature(key: str) -> None:
    assert read_reasoning({key: "hm"}, OTHER) == [ThinkingDelta("hm")]


def test_litellm_blocks_are_thinking_signature_and_redacted() -> None:
    blocks = [
        {"type": "thinking", "thinking": "hm", "signature": "sig"},
        {"type": "redacted_thinking", "data": "EmwK"},
        None,
    ]

    assert read_reasoning({"thinking_blocks": blocks, "reasoning_content": "hm"}, CLAUDE) == [
        ThinkingDelta("hm"),
        SignatureDelta("sig"),
        RedactedThinking("EmwK"),
    ]


def test_a_signature_that_litellm_made_for_gemini_is_not_passed_off_as_anthropics() -> None:
    blocks = [{"type": "thinking", "thinking": "hm", "signature": "sig"}]

    assert read_reasoning({"thinking_blocks": blocks}, "gemini/gemini-3-pro") == [ThinkingDelta("hm")]


def test_details_that_litellm_moved_are_found() -> None:
    moved = {"provider_specific_fields": {"reasoning_details": [text(signature="sig", format=ANTHROPIC)]}}

    assert read_reasoning(moved, CLAUDE) == [SignatureDelta("sig", 0)]


def merged(*pieces: dict[str, Any]) -> list[dict[str, Any]]:
    details = ReasoningPieces()
    for piece in pieces:
        before = dict(piece)
        details.add(piece)
        assert piece == before
    return details.take()


def test_pieces_of_one_entry_are_joined_and_the_last_value_wins() -> None:
    pieces = [
        text(text="", signature="", format="unknown", id=None),
        text(text="Let", format=GOOGLE, id="r1"),
        text(text=" me", signature=None),
        text(signature="sig", format=GOOGLE),
        text(text="", signature=""),
    ]

    assert merged(*pieces) == [text(text="Let me", signature="sig", format=GOOGLE, id="r1")]


def test_entries_of_another_type_index_or_id_stay_apart_and_in_order() -> None:
    entries = [
        text(text="a", id="1"),
        text(text="b", id="2"),
        text(text="c", index=1),
        {"type": "reasoning.summary", "summary": "d", "index": 0},
        {"type": "reasoning.encrypted", "data": "e", "index": 0},
        {"type": "reasoning.encrypted", "data": "f", "index": 0},
    ]

    assert merged(*entries) == entries


def test_repeated_encrypted_data_is_kept_once() -> None:
    entry = {"type": "reasoning.encrypted", "data": "e", "index": 0, "id": None}

    assert merged(entry, entry) == [entry]


def test_entries_with_labels_only_are_not_worth_replaying() -> None:
    details = ReasoningPieces()

    details.add(text(text="", signature="", format=GOOGLE, id="r"))
    assert not details.is_worth_replaying
    details.add({"type": "reasoning.encrypted", "data": "x"})
    assert details.is_worth_replaying
