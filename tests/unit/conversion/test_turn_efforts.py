"""Efforts that turns set become the request's."""

from copy import deepcopy
from typing import Any

from openrouter_anthropic_server.conversion.chat_context import NoteBook
from openrouter_anthropic_server.conversion.turn_efforts import has_turn_effort, with_one_effort


def turn(effort: str, **config: Any) -> dict[str, Any]:
    return {"role": "system", "content": "go on", "output_config": {"effort": effort, **config}}


HI = {"role": "user", "content": "hi"}


def made(body: dict[str, Any]) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    notes, before = NoteBook(), deepcopy(body)
    changed = with_one_effort(body, notes)
    assert body == before
    return changed, [(note.kind, note.path) for note in notes.notes()]


def test_a_request_without_any_stays_the_same_object() -> None:
    body = {"messages": [HI, {"role": "system", "content": "x", "output_config": "not an object"}]}

    assert with_one_effort(body, NoteBook()) is body
    assert not has_turn_effort(body["messages"])


def test_the_last_one_is_the_requests() -> None:
    changed, notes = made(
        {"output_config": {"format": {}, "effort": "max"}, "messages": [turn("low"), HI, turn("high", x=1)]}
    )

    assert changed["output_config"] == {"format": {}, "effort": "high"}
    assert changed["messages"] == [
        {"role": "system", "content": "go on"},
        HI,
        {"role": "system", "content": "go on", "output_config": {"x": 1}},
    ]
    assert notes == [("not_sent", "messages.0.output_config.effort"), ("converted", "messages.2.output_config.effort")]
