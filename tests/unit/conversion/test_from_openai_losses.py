"""Messages of OpenAI's chat completions: nothing that they say is lost in silence."""

from typing import Any

import pytest

from openrouter_anthropic_server.conversion.chat_context import NoteBook
from openrouter_anthropic_server.conversion.chat_output_format import SCHEMA_NAME
from openrouter_anthropic_server.conversion.from_openai_chat import from_openai_chat
from openrouter_anthropic_server.conversion.gemini_signatures import signatures_of
from openrouter_anthropic_server.conversion.reasoning_envelope import unpack_reasoning
from openrouter_anthropic_server.errors import InvalidRequestError
from tests.unit.conversion.converting import convert_body

HI = {"role": "user", "content": "hi"}
CALL = {"id": "c1", "type": "function", "function": {"name": "a", "arguments": "{}"}}
TOOL = {"type": "function", "function": {"name": "a"}}
SCHEMA = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}


def converted(*messages: dict[str, Any], **more: Any) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """The request, and kind and path of each note."""
    notes = NoteBook()
    request = from_openai_chat({"model": "m", "messages": list(messages) or [HI], **more}, notes)
    return request, [(note.kind, note.path) for note in notes.notes()]


def test_signature_of_a_call_from_googles_endpoint_goes_with_it() -> None:
    extra = {"google": {"thought_signature": "QUJD", "odd": 1}}
    request, notes = converted({"role": "assistant", "tool_calls": [{**CALL, "extra_content": extra}]})
    thinking, call = request["messages"][0]["content"]

    assert call["id"] == "c1"
    assert signatures_of(unpack_reasoning(thinking["signature"]) or []) == {"c1": "QUJD"}
    assert notes == [("not_sent", "messages.0.tool_calls.0.extra_content.google.odd")]


@pytest.mark.parametrize(
    ("messages", "more", "path"),
    [
        (
            [{"role": "assistant", "content": None, "function_call": {"name": "a", "arguments": "{}"}}],
            {},
            "messages.0.function_call",
        ),
        ([{"role": "function", "name": "a", "content": "x"}], {}, "messages.0.role"),
        ([{"role": "assistant", "audio": {"id": "audio_1"}}], {}, "messages.0.audio"),
        ([{**HI, "tool_calls": [CALL]}], {}, "messages.0.tool_calls"),
        ([{"role": "user", "content": ""}], {}, "messages.0.content"),
        ([{"role": "user", "content": None}], {}, "messages.0.content"),
        ([{"role": "user", "content": [{"type": "text", "text": ""}]}], {}, "messages.0.content"),
        ([{"role": "system", "content": "x"}, HI], {"system": "y"}, "system"),
        ([HI], {"stop": ["a"], "stop_sequences": ["b"]}, "stop_sequences"),
        ([HI], {"output_config": {"effort": "low"}, "reasoning_effort": "high"}, "output_config"),
    ],
)
def test_what_would_be_lost_is_refused_by_name(messages: list[Any], more: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        converted(*messages, **more)

    assert refused.value.message.startswith(f"{path}: ")


@pytest.mark.parametrize(
    ("messages", "more", "path"),
    [
        ([HI], {"tools": [{**TOOL, "odd": 1}]}, "tools.0.odd"),
        ([{"role": "user", "content": [{"type": "text", "text": "x", "odd": 1}]}], {}, "messages.0.content.0.odd"),
        (
            [
                {
                    "role": "user",
                    "content": [{"type": "image_url", "image_url": {"url": "https://x.example/a", "odd": 1}}],
                }
            ],
            {},
            "messages.0.content.0.image_url.odd",
        ),
        (
            [{"role": "assistant", "content": "x", "annotations": [{"type": "url_citation"}]}],
            {},
            "messages.0.annotations",
        ),
        ([{"role": "assistant", "content": "x", "audio": {"id": "a"}}], {}, "messages.0.audio"),
        ([{**HI, "reasoning_content": "x"}], {}, "messages.0.reasoning_content"),
        ([HI], {"user": "a", "safety_identifier": "b"}, "safety_identifier"),
        ([HI], {"tool_choice": "none"}, "tool_choice"),
    ],
)
def test_what_nobody_reads_is_noted(messages: list[Any], more: dict[str, Any], path: str) -> None:
    request, notes = converted(*messages, **more)

    assert notes == [("not_sent", path)]
    assert "tool_choice" not in request


def test_fields_that_say_nothing_need_no_note() -> None:
    """As the official client writes out an answer."""
    answer: dict[str, Any] = {
        "role": "assistant",
        "content": "x",
        "annotations": [],
        "audio": None,
        "function_call": None,
    }

    assert converted(HI, answer)[1] == []


def test_empty_texts_are_no_blocks() -> None:
    parts = [{"type": "text", "text": ""}, {"type": "text", "text": "x"}]
    request, _ = converted(
        {"role": "system", "content": ""},
        {"role": "user", "content": parts},
        {"role": "system", "content": ""},
        {"role": "assistant", "content": parts[:1], "tool_calls": [CALL]},
    )

    assert "system" not in request
    assert [[block["type"] for block in turn["content"]] for turn in request["messages"]] == [["text"], ["tool_use"]]


def test_name_and_description_of_a_schema_reach_chat_completions_again() -> None:
    described = {"name": "weather_report", "description": "All of it.", "schema": SCHEMA}
    request, notes = converted(max_tokens=5, response_format={"type": "json_schema", "json_schema": described})
    sent = convert_body(request).body["response_format"]["json_schema"]

    assert sent["name"] == "weather_report"
    assert sent["schema"]["description"] == "All of it."
    assert [kind for kind, _ in notes] == ["converted", "converted"]


@pytest.mark.parametrize("title", ["Report of the weather", "", 3, None])
def test_title_that_is_no_name_for_a_format_is_none(title: Any) -> None:
    wanted = {"format": {"type": "json_schema", "schema": {**SCHEMA, "title": title}}}
    body = convert_body({"model": "m", "max_tokens": 5, "messages": [HI], "output_config": wanted}).body

    assert body["response_format"]["json_schema"]["name"] == SCHEMA_NAME
