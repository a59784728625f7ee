"""Answers of Gemini, Cohere and Bedrock, in shapes that the fakes do not make."""

from typing import Any

import orjson
import pytest

from openrouter_anthropic_server.conversion.gemini_signatures import signatures_of
from openrouter_anthropic_server.errors import UpstreamError
from openrouter_anthropic_server.streaming.answer_forms import AnswerForm
from openrouter_anthropic_server.streaming.bedrock_answers import BEDROCK
from openrouter_anthropic_server.streaming.cohere_answers import COHERE
from openrouter_anthropic_server.streaming.deltas import (
    Failure,
    Finish,
    NotRepresented,
    TextDelta,
    UsageDelta,
    deltas_of,
)
from openrouter_anthropic_server.streaming.gemini_answers import GEMINI


def streamed(form: AnswerForm, *bodies: dict[str, Any]) -> list[Any]:
    """The deltas of a stream of events."""
    reader = form.stream()
    data = b"".join(b"data: " + orjson.dumps(body) + b"\n\n" for body in bodies)
    lists = [*reader.feed(data), *reader.close()]
    return [delta for chunks in lists for chunk in chunks for delta in deltas_of(chunk)]


def candidate(*parts: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"candidates": [{"content": {"role": "model", "parts": list(parts)}, **more}]}


def test_counts_may_come_after_the_finish_reason() -> None:
    deltas = streamed(GEMINI, candidate({"text": "a"}, finishReason="STOP"), {"usageMetadata": {"promptTokenCount": 3}})

    assert [type(delta) for delta in deltas] == [TextDelta, Finish, UsageDelta]


def test_thoughts_are_not_counted_twice() -> None:
    counts = {"promptTokenCount": 10, "candidatesTokenCount": 8, "thoughtsTokenCount": 5, "totalTokenCount": 18}

    (usage,) = [delta for delta in streamed(GEMINI, {"usageMetadata": counts}) if isinstance(delta, UsageDelta)]

    assert usage.usage["completion_tokens"] == 8


def test_calls_in_several_chunks_have_indices_of_their_own() -> None:
    call = {"functionCall": {"name": "f", "args": {}}}

    deltas = streamed(GEMINI, candidate(call, call), candidate(call))

    assert [delta.index for delta in deltas] == [0, 1, 2]
    assert len({delta.id for delta in deltas}) == 3


def test_parts_of_unknown_kind_are_noted_and_images_named() -> None:
    code = {"executableCode": {"language": "PYTHON", "code": "1"}}
    image = {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}

    deltas = streamed(GEMINI, candidate(code, image))

    assert [delta.note.detail for delta in deltas if isinstance(delta, NotRepresented)] == [
        "part of kind 'executableCode'",
        "image/png",
    ]


def test_a_whole_answer_keeps_the_order_of_its_parts() -> None:
    signed = {"functionCall": {"id": "c1", "name": "f"}, "thoughtSignature": "c2ln"}
    body = candidate({"text": "hm", "thought": True}, {"text": "a"}, signed, finishReason="STOP")

    message = GEMINI.whole(body)["choices"][0]["message"]

    assert [part["type"] for part in message["content"]] == ["thinking", "text"]  # type: ignore[union-attr,index]
    assert signatures_of(message["reasoning_details"] or ()) == {"c1": "c2ln"}
    assert message["tool_calls"] == [
        {"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    ]


@pytest.mark.parametrize("body", [{}, {"candidates": []}, {"candidates": [{}]}])
def test_an_answer_of_gemini_without_anything_is_a_failure(body: dict[str, Any]) -> None:
    assert any(isinstance(delta, Failure) for delta in deltas_of(GEMINI.whole(body)))


@pytest.mark.parametrize("form", [GEMINI, COHERE], ids=["gemini", "cohere"])
@pytest.mark.parametrize("data", [b"data: nonsense\n\n", b"data: [1]\n\n"])
def test_events_that_are_no_objects_are_the_upstreams_failure(form: AnswerForm, data: bytes) -> None:
    with pytest.raises(UpstreamError):
        list(form.stream().feed(data))


def test_events_of_cohere_that_nobody_knows_say_nothing() -> None:
    assert streamed(COHERE, {"type": "debug", "prompt": "x"}, {"type": "content-end", "index": 0}) == []


def test_a_whole_answer_of_bedrock_keeps_the_order_of_its_blocks() -> None:
    blocks = [
        {"text": "a"},
        {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "c2ln"}}},
        {"reasoningContent": {"redactedContent": "cmVk"}},
        {"citationsContent": {}},
        {"toolUse": {"toolUseId": "t", "name": "f", "input": {"x": 1}}},
    ]
    body = {"output": {"message": {"content": blocks}}, "stopReason": "tool_use", "usage": {"inputTokens": 1}}

    message = BEDROCK.whole(body)["choices"][0]["message"]

    parts: Any = message["content"]
    assert [part["type"] for part in parts] == ["text", "thinking", "redacted_thinking", "citationsContent"]
    assert message["tool_calls"][0]["function"] == {"name": "f", "arguments": '{"x":1}'}  # type: ignore[index]


def test_cache_writes_of_bedrock_are_told_by_lifetime() -> None:
    details = [{"ttl": "5m", "inputTokens": 3}, {"ttl": "1h", "inputTokens": 4}]
    usage = {"inputTokens": 1, "outputTokens": 2, "cacheWriteInputTokens": 7, "cacheDetails": details}

    counted = BEDROCK.whole({"stopReason": "end_turn", "usage": usage})["usage"]

    assert counted is not None
    assert counted["prompt_tokens"] == 8
    assert counted["prompt_tokens_details"]["cache_creation"] == {  # type: ignore[index]
        "ephemeral_5m_input_tokens": 3,
        "ephemeral_1h_input_tokens": 4,
    }
