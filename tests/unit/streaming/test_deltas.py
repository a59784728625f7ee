from typing import Any

import pytest

from openrouter_anthropic_server.errors import InvalidRequestError, OverloadedError, UpstreamError, UpstreamServerError
from openrouter_anthropic_server.streaming.deltas import (
    CitationDelta,
    Delta,
    Failure,
    Finish,
    ForeignReasoning,
    NotRepresented,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
    UsageDelta,
    deltas_of,
)

CLAUDE = "anthropic/claude-4.6-sonnet-20260217"


def chunk(delta: dict[str, Any] | None = None, *, choice: dict[str, Any] | None = None, **fields: Any) -> Any:
    """A chunk as OpenRouter sends it: every delta repeats the role and an empty content."""
    repeated = {"role": "assistant", "content": ""} | (delta or {})
    base = {"index": 0, "delta": repeated, "finish_reason": None, "native_finish_reason": None, "logprobs": None}
    return {
        "id": "gen-1",
        "model": CLAUDE,
        "object": "chat.completion.chunk",
        "choices": [base | (choice or {})],
    } | fields


def failure(deltas: list[Delta]) -> Failure:
    [delta] = deltas
    assert isinstance(delta, Failure)
    return delta


def test_text_is_read() -> None:
    assert deltas_of(chunk({"content": "Hi"})) == [TextDelta("Hi")]


def test_a_repeated_role_with_empty_content_says_nothing() -> None:
    assert deltas_of(chunk()) == []


@pytest.mark.parametrize(
    "said_nothing",
    [
        {},
        {"choices": []},
        {"choices": None},
        {"choices": [None]},
        {"choices": [{"delta": None}]},
        {"choices": [{"delta": "text"}]},
        {"choices": [{"delta": {"role": "assistant", "content": None, "tool_calls": None, "reasoning": None}}]},
        {"choices": [{"delta": {"content": "", "reasoning": "", "reasoning_details": [], "tool_calls": []}}]},
    ],
)
def test_chunks_without_meaning_are_taken(said_nothing: Any) -> None:
    assert deltas_of(said_nothing) == []


def test_the_order_within_a_chunk_is_reasoning_text_sources_calls_finish_usage() -> None:
    everything = chunk(
        {
            "content": "text",
            "reasoning": "thought",
            "annotations": [{"type": "url_citation", "url_citation": {"url": "https://a.example", "title": "A"}}],
            "tool_calls": [{"index": 0, "id": "t1", "function": {"name": "f", "arguments": "{}"}}],
        },
        choice={"finish_reason": "tool_calls", "native_finish_reason": "tool_use"},
        usage={"prompt_tokens": 1},
    )

    kinds = [type(delta) for delta in deltas_of(everything)]

    assert kinds == [ThinkingDelta, TextDelta, CitationDelta, ToolCallDelta, Finish, UsageDelta]


def test_refusal_text_is_text() -> None:
    assert deltas_of(chunk({"refusal": "I will not."})) == [TextDelta("I will not.")]


def test_finish_keeps_the_native_reason() -> None:
    finish = {"finish_reason": "stop", "native_finish_reason": "pause_turn"}

    assert deltas_of(chunk(choice=finish)) == [Finish("stop", "pause_turn")]


def test_native_reason_that_litellm_moved_is_found() -> None:
    moved = {"finish_reason": "stop", "provider_specific_fields": {"native_finish_reason": "refusal"}}

    assert deltas_of(chunk(choice=moved)) == [Finish("stop", "refusal")]


@pytest.mark.parametrize(
    "usage_chunk",
    [
        chunk(usage={"prompt_tokens": 3}),
        chunk(usage={"prompt_tokens": 3}) | {"choices": []},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": None}], "usage": {"prompt_tokens": 3}},
    ],
    ids=["with a repeated role", "without choices (2026)", "with an empty delta (2025)"],
)
def test_usage_is_read_from_each_recorded_shape(usage_chunk: Any) -> None:
    assert deltas_of(usage_chunk) == [UsageDelta({"prompt_tokens": 3})]


def test_tool_call_pieces_are_read() -> None:
    pieces = [
        {"index": 0, "id": "toolu_1", "type": "function", "function": {"name": "f", "arguments": ""}},
        {"index": 1, "type": "function", "function": {"arguments": '{"a'}},
    ]

    assert deltas_of(chunk({"content": None, "tool_calls": pieces})) == [
        ToolCallDelta(0, "toolu_1", "f", ""),
        ToolCallDelta(1, None, None, '{"a'),
    ]


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ({"function": {"name": "f"}, "id": "toolu_vrtx_1", "index": 0}, ToolCallDelta(0, "toolu_vrtx_1", "f", "")),
        ({"function": {"name": "f", "arguments": None}, "id": ""}, ToolCallDelta(None, None, "f", "")),
        ({"function": {"name": "f", "arguments": {"a": 1}}}, ToolCallDelta(None, None, "f", '{"a":1}')),
        ({"index": None, "function": None}, ToolCallDelta(None, None, None, "")),
    ],
    ids=["no arguments key (recorded)", "nulls", "arguments as an object", "no function"],
)
def test_careless_tool_calls_are_read(call: dict[str, Any], expected: ToolCallDelta) -> None:
    assert deltas_of(chunk({"tool_calls": [call, None]})) == [expected]


def test_the_old_function_call_is_a_tool_call() -> None:
    assert deltas_of(chunk({"function_call": {"name": "f", "arguments": "{}"}})) == [ToolCallDelta(0, None, "f", "{}")]


def test_each_tool_call_of_a_completion_is_a_call_of_its_own() -> None:
    call = {"index": 0, "id": "x", "function": {"name": "f", "arguments": "{}"}}
    completion: Any = {"choices": [{"message": {"content": None, "tool_calls": [call, call]}}]}

    assert deltas_of(completion) == [ToolCallDelta(0, "x", "f", "{}"), ToolCallDelta(1, "x", "f", "{}")]


def test_a_message_repeated_beside_a_delta_is_not_read_twice() -> None:
    repeated = chunk({}, choice={"delta": {}, "message": {"content": "all of it"}, "finish_reason": "stop"})

    assert deltas_of(repeated) == [Finish("stop")]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"error": {"code": 529, "message": "busy"}}, OverloadedError),
        ({"error": {"code": "server_error", "message": "broke"}}, UpstreamServerError),
        ({"error": {"code": 400, "message": "bad"}, "choices": []}, InvalidRequestError),
        ({"error": "plain words"}, UpstreamError),
        ({"error_code": "BAD_REQUEST", "message": "no"}, InvalidRequestError),
        (chunk(choice={"error": {"code": 503, "message": "busy"}, "finish_reason": "error"}), OverloadedError),
        (chunk(choice={"provider_specific_fields": {"error": {"code": 529}}}), OverloadedError),
        (chunk(choice={"finish_reason": "error"}), UpstreamError),
        (chunk(choice={"finish_reason": "insufficient_system_resource"}), UpstreamError),
    ],
    ids=lambda value: "" if isinstance(value, dict) else value.__name__,
)
def test_errors_are_failures_wherever_they_stand(body: Any, kind: type[Exception]) -> None:
    assert type(failure(deltas_of(body)).error) is kind


def test_recorded_error_after_the_finish_is_a_failure_with_usage() -> None:
    late: Any = chunk(usage={"prompt_tokens": 9}) | {"error": {"code": 400, "message": "Token limit reached"}}

    assert [type(delta) for delta in deltas_of(late)] == [Failure, UsageDelta]


def test_an_error_loses_the_secrets() -> None:
    body: Any = {"error": {"code": 500, "message": "key hunter2hunter2 failed"}}

    assert "hunter2" not in str(failure(deltas_of(body, secrets=["hunter2hunter2"])).error)


def test_text_before_an_error_in_the_same_chunk_is_kept() -> None:
    broken = chunk({"content": "so far"}, error={"code": 502, "message": "gone"})

    assert [type(delta) for delta in deltas_of(broken)] == [TextDelta, Failure]


def test_only_the_first_choice_is_read() -> None:
    two = chunk({"content": "one"})
    two["choices"].append(chunk({"content": "two"})["choices"][0])

    assert deltas_of(two) == [TextDelta("one")]


IMAGES = [{"type": "image_url", "image_url": {"url": "https://x.example/a.png"}}]
EMBEDDED = [{"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}]


def test_a_linked_image_becomes_a_markdown_image() -> None:
    assert deltas_of(chunk({"images": IMAGES})) == [TextDelta("\n\n![image](https://x.example/a.png)\n\n")]


def test_an_embedded_image_leaves_a_line_in_the_text_and_a_note() -> None:
    text, note = deltas_of(chunk({"images": EMBEDDED}))

    assert isinstance(text, TextDelta)
    assert "image/png" in text.text
    assert isinstance(note, NotRepresented)
    assert (note.note.path, note.note.detail) == ("images", "image/png")


def test_the_transcript_of_sound_is_text_and_the_sound_a_note() -> None:
    text, note = deltas_of(chunk({"audio": {"transcript": "Hello", "data": "AAAA"}}))

    assert text == TextDelta("Hello")
    assert isinstance(note, NotRepresented)


def test_an_annotation_that_is_no_source_becomes_a_note() -> None:
    [note] = deltas_of(chunk({"annotations": [{"type": "file", "file": {"hash": "x"}}]}))

    assert isinstance(note, NotRepresented)
    assert note.note.detail == "kind 'file'"


def test_content_parts_of_databricks_and_mistral_are_read() -> None:
    parts = [
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm", "signature": ""}, None]},
        {"type": "thinking", "thinking": [{"type": "text", "text": "so"}, {"type": "text", "text": "!"}]},
        {"type": "text", "text": "Hi"},
        "plain",
        {"type": "hologram"},
    ]

    deltas = deltas_of(chunk({"content": parts}))

    assert deltas[:4] == [ThinkingDelta("hm"), ThinkingDelta("so!"), TextDelta("Hi"), TextDelta("plain")]
    assert isinstance(deltas[4], NotRepresented)
    assert len(deltas) == 5


def test_foreign_reasoning_is_not_confused_with_text() -> None:
    detail = {"type": "reasoning.encrypted", "data": "secret", "format": "openai-responses-v1"}

    assert deltas_of(chunk({"reasoning_details": [detail]})) == [ForeignReasoning(detail)]
