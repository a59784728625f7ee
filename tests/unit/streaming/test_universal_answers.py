"""Answers in the other forms: what streams is what a whole document says, and all of it can be sent back."""

import json
from base64 import b64encode
from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openrouter_anthropic_server.conversion.chat_context import NoteBook
from openrouter_anthropic_server.conversion.from_gemini import from_gemini
from openrouter_anthropic_server.conversion.from_openai_chat import from_openai_chat
from openrouter_anthropic_server.conversion.gemini_thoughts import block_of_signature
from openrouter_anthropic_server.conversion.universal_answers import (
    AnswerOrigin,
    gemini_response,
    openai_completion,
    universal_answer,
)
from openrouter_anthropic_server.conversion.universal_forms import OUTPUT_FORMS, OutputForm
from openrouter_anthropic_server.errors import OverloadedError, UpstreamError
from openrouter_anthropic_server.streaming.answer_writers import AnswerWriter, manners_of
from openrouter_anthropic_server.streaming.sse import SseDecoder, encode_event
from tests.unit.streaming.answers import Message, events_of, messages

ORIGIN = AnswerOrigin("anthropic", 1_700_000_000, "openai:gpt-1")

SEARCH: Message = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-x",
    "content": [
        {"type": "server_tool_use", "id": "srv_1", "name": "web_search", "input": {"query": "x"}},
        {"type": "web_search_tool_result", "tool_use_id": "srv_1", "content": [{"url": "https://x.example"}]},
        {
            "type": "text",
            "text": "found",
            "citations": [{"type": "web_search_result_location", "url": "https://x.example"}],
        },
    ],
    "stop_reason": "stop_sequence",
    "stop_sequence": "END",
    "usage": {"input_tokens": 1, "output_tokens": 2, "server_tool_use": {"web_search_requests": 1}},
    "provider": "Anthropic",
}


def streamed(message: Message, form: OutputForm, origin: AnswerOrigin = ORIGIN, **options: Any) -> list[dict[str, Any]]:
    """The chunks of the message's stream; `[DONE]` is left out."""
    writer = AnswerWriter(form, origin, include_usage=options.get("include_usage", False))
    data = b"".join([writer.feed(encode_event(event)) for event in events_of(message)])
    return [orjson.loads(frame.data) for frame in SseDecoder().feed(data) if frame.data != b"[DONE]"]


def joined_completion(chunks: list[dict[str, Any]]) -> dict[str, Any]:
    """The assistant message that a client makes of chat chunks."""
    message: dict[str, Any] = {"role": "assistant", "content": ""}
    calls: dict[int, dict[str, Any]] = {}
    for chunk in chunks:
        for choice in chunk["choices"]:
            delta = choice["delta"]
            message["content"] += delta.get("content", "")
            for name in ("reasoning_content", "reasoning_details"):
                if name in delta:
                    message[name] = message[name] + delta[name] if name in message else delta[name]
            for piece in delta.get("tool_calls", ()):
                if "id" in piece:
                    calls[piece["index"]] = {**piece, "function": dict(piece["function"])}
                else:
                    calls[piece["index"]]["function"]["arguments"] += piece["function"]["arguments"]
    return message | {"tool_calls": list(calls.values())} if calls else message


def sent_back(assistant: dict[str, Any]) -> list[dict[str, Any]]:
    """The blocks of an assistant turn in OpenAI's form, as the Messages API gets them."""
    turns = from_openai_chat({"model": "m", "messages": [assistant]}, NoteBook())["messages"]
    return turns[0]["content"] if turns else []


def gemini_sent_back(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    contents = [{"role": "model", "parts": parts}]
    turns = from_gemini({"model": "m", "contents": contents}, NoteBook())["messages"]
    blocks: list[dict[str, Any]] = []
    for block in turns[0]["content"] if turns else []:
        if blocks and block["type"] == "text" == blocks[-1]["type"]:
            blocks[-1] = {"type": "text", "text": blocks[-1]["text"] + block["text"]}
        else:
            blocks.append(block)
    return blocks


def signed(message: Message) -> bool:
    return all(block.get("signature", "x") for block in message["content"])


@given(messages())
def test_what_an_openai_client_sends_back_is_what_the_model_said(message: Message) -> None:
    whole = openai_completion(message, ORIGIN)["choices"][0]["message"]
    joined = joined_completion(streamed(message, "openai_chat"))

    assert sent_back(whole) == sent_back(joined) == message["content"]


@given(messages().filter(signed))
def test_what_a_gemini_client_sends_back_is_what_the_model_said(message: Message) -> None:
    whole = gemini_response(message, ORIGIN)["candidates"][0]["content"]["parts"]
    chunks = streamed(message, "google_gemini")
    parts = [part for chunk in chunks for part in chunk["candidates"][0]["content"]["parts"]]

    assert gemini_sent_back(whole) == gemini_sent_back(parts) == message["content"]


@given(messages().filter(signed))
def test_thoughts_that_are_not_shown_come_back_with_their_signature(message: Message) -> None:
    hidden = replace(ORIGIN, include_thoughts=False)
    whole = gemini_response(message, hidden)["candidates"][0]["content"]["parts"]
    chunks = streamed(message, "google_gemini", hidden)
    parts = [part for chunk in chunks for part in chunk["candidates"][0]["content"]["parts"]]

    assert not any(part["text"] for part in [*whole, *parts] if part.get("thought"))
    assert gemini_sent_back(whole) == gemini_sent_back(parts) == message["content"]


@given(st.binary(max_size=8))
def test_strange_bytes_behind_the_mark_of_hidden_thoughts_are_an_empty_signature(data: bytes) -> None:
    block = block_of_signature(b64encode(b"messages-thinking:" + data).decode(), "x")

    assert block == {"type": "thinking", "thinking": "x", "signature": ""}


@pytest.mark.parametrize(
    "arguments",
    [
        '{"n": 123456789012345678901234567890}',
        '{"n": 1e400}',
        '{"n": 0.1000000000000000055}',
        '{"n":\n[1,\r\n2]}',
        '{"n":' + "[" * 300 + "]" * 300 + "}",
        '{"n": 1, "m": "cut o',
        '{"n": "\\ud83d"}',
    ],
)
@pytest.mark.parametrize("form", ["openai_chat", "google_gemini", "universal"])
@pytest.mark.parametrize("kind", ["tool_use", "server_tool_use"])
def test_input_of_calls_keeps_its_digits_and_depth(form: OutputForm, kind: str, arguments: str) -> None:
    block = {"type": kind, "id": "c", "name": "a", "input": {}}
    events = [
        {"type": "content_block_start", "index": 0, "content_block": block},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": arguments}},
        {"type": "content_block_stop", "index": 0},
    ]
    writer = AnswerWriter(form, ORIGIN, include_usage=False)
    written = b"".join([writer.feed(encode_event(event)) for event in events]).decode()
    frames = [json.loads(frame.data) for frame in SseDecoder().feed(written.encode())]

    assert len(frames) == written.count("data: ")
    if kind == "tool_use" and form != "google_gemini":
        assert json.dumps(arguments)[1:-1] in written
    elif "cut" in arguments:
        assert '{"n":1}' in written
    elif "ud83d" in arguments:
        assert '{"n":"\ufffd"}' in written
    else:
        assert arguments.replace("\n", " ").replace("\r", " ") in written


@pytest.mark.parametrize("form", ["openai_chat", "google_gemini", "universal"])
def test_input_that_comes_at_once_keeps_its_digits(form: OutputForm) -> None:
    big = 123456789012345678901234567890
    start = b'data: {"type":"content_block_start","index":0,"content_block":{"type":"server_tool_use","id":"c",'
    start += b'"name":"a","input":{"n":%d}}}\n\n' % big
    writer = AnswerWriter(form, ORIGIN, include_usage=False)
    written = writer.feed(start) + writer.feed(encode_event({"type": "content_block_stop", "index": 0}))

    assert str(big).encode() in written


@given(messages())
def test_universal_chunks_say_what_the_whole_answer_says(message: Message) -> None:
    whole = universal_answer(message, ORIGIN)
    chunks = streamed(message, "universal")
    of = {kind: [chunk for chunk in chunks if chunk["type"] == kind] for kind in ("text", "tool_call", "thinking")}

    assert chunks[0]["type"] == "start"
    assert [chunk["type"] for chunk in chunks[-2:]] == ["usage", "finish"]
    assert {(chunk["provider"], chunk["model"]) for chunk in chunks} == {("anthropic", "claude-x")}
    assert "".join(chunk["text"] for chunk in of["text"]) == whole["text"]
    assert "".join(chunk["text"] for chunk in of["thinking"]) == "".join(one["text"] for one in whole["thinking"])
    assert [chunk["id"] for chunk in of["tool_call"]] == [call["id"] for call in whole["tool_calls"]]
    for call in whole["tool_calls"]:
        pieces = [one["arguments"] for one in chunks if one["type"] == "tool_call_delta" and one["id"] == call["id"]]
        assert orjson.loads("".join(pieces)) == call["input"]
    assert chunks[-2]["usage"] == whole["usage"]
    assert chunks[-1]["reason"] == whole["finish_reason"]


@pytest.mark.parametrize(
    ("reason", "openai", "gemini"),
    [
        ("end_turn", "stop", "STOP"),
        ("stop_sequence", "stop", "STOP"),
        ("tool_use", "tool_calls", "STOP"),
        ("max_tokens", "length", "MAX_TOKENS"),
        ("model_context_window_exceeded", "length", "MAX_TOKENS"),
        ("refusal", "content_filter", "SAFETY"),
        ("something_new", "stop", "STOP"),
    ],
)
def test_reasons_to_stop(reason: str, openai: str, gemini: str) -> None:
    message = {**SEARCH, "stop_reason": reason}

    assert openai_completion(message, ORIGIN)["choices"][0]["finish_reason"] == openai
    assert streamed(message, "openai_chat")[-1]["choices"][0]["finish_reason"] == openai
    assert gemini_response(message, ORIGIN)["candidates"][0]["finishReason"] == gemini
    assert streamed(message, "google_gemini")[-1]["candidates"][0]["finishReason"] == gemini


def test_usage_in_each_form() -> None:
    usage = {"input_tokens": 10, "output_tokens": 20, "cache_read_input_tokens": 3, "cache_creation_input_tokens": 4}
    message = {**SEARCH, "usage": usage | {"output_tokens_details": {"thinking_tokens": 5}, "cost": 0.5}}
    of_openai = {
        "prompt_tokens": 17,
        "completion_tokens": 20,
        "total_tokens": 37,
        "prompt_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 4},
        "completion_tokens_details": {"reasoning_tokens": 5},
        "cost": 0.5,
    }

    assert openai_completion(message, ORIGIN)["usage"] == of_openai
    assert streamed(message, "openai_chat", include_usage=True)[-1]["usage"] == of_openai
    assert gemini_response(message, ORIGIN)["usageMetadata"] == {
        "promptTokenCount": 17,
        "candidatesTokenCount": 15,
        "thoughtsTokenCount": 5,
        "cachedContentTokenCount": 3,
        "totalTokenCount": 37,
    }


def test_usage_chunk_comes_only_where_it_was_asked_for() -> None:
    assert all(chunk["choices"] and "usage" not in chunk for chunk in streamed(SEARCH, "openai_chat"))


@pytest.mark.parametrize(
    ("make", "key"),
    [
        (openai_completion, "provider_metadata"),
        (gemini_response, "providerMetadata"),
        (universal_answer, "provider_metadata"),
    ],
)
def test_what_a_document_has_no_place_for_is_in_its_metadata(make: Any, key: str) -> None:
    metadata = make(SEARCH, ORIGIN)[key]

    assert metadata["blocks"] == SEARCH["content"]
    assert metadata["usage"] == SEARCH["usage"]
    assert (metadata["provider"], metadata["upstream_provider"]) == ("anthropic", "Anthropic")
    assert metadata["fallback_from"] == "openai:gpt-1"
    assert (metadata["stop_reason"], metadata["stop_sequence"]) == ("stop_sequence", "END")


@pytest.mark.parametrize("form", ["openai_chat", "google_gemini", "universal"])
def test_what_chunks_have_no_place_for_is_in_their_metadata(form: OutputForm) -> None:
    chunks = streamed(SEARCH, form)
    found = orjson.dumps([chunk.get("provider_metadata") or chunk.get("providerMetadata") for chunk in chunks]).decode()

    for part in ('"srv_1"', '"web_search_tool_result"', '"https://x.example"', '"END"', '"Anthropic"', '"gpt-1'):
        assert part.strip('"') in found


def test_sources_are_annotations_for_openai_clients() -> None:
    message = openai_completion(SEARCH, ORIGIN)["choices"][0]["message"]

    assert message["annotations"][0]["url_citation"]["url"] == "https://x.example"


def test_anthropic_form_goes_through_byte_for_byte() -> None:
    data = b'event: x\ndata: {"odd":  1}\n\n'

    assert AnswerWriter("anthropic_messages", ORIGIN, include_usage=False).feed(data) == data


@pytest.mark.parametrize("form", ["openai_chat", "google_gemini", "universal"])
@pytest.mark.parametrize(
    "event",
    [
        {"type": "content_block_delta", "index": 3, "delta": {"type": "text_delta", "text": "x"}},
        {"type": "message_start", "message": None},
        {"type": "content_block_start", "index": 0},
        {"type": "message_delta"},
    ],
)
def test_event_that_is_none_is_the_upstreams_failure(form: OutputForm, event: dict[str, Any]) -> None:
    with pytest.raises(UpstreamError):
        AnswerWriter(form, ORIGIN, include_usage=False).feed(encode_event(event))


def test_failures_look_as_their_clients_expect() -> None:
    error = OverloadedError("try later")
    who = {"x-provider": "openai", "x-model": "gpt-1"}
    frames = {form: manners_of(form, who).failure(error, "req_1") for form in OUTPUT_FORMS}
    told = {"provider": "openai", "model": "gpt-1", "provider_metadata": {}}

    assert frames["anthropic_messages"] == encode_event(error.envelope("req_1"))
    assert frames["universal"] == encode_event(error.envelope("req_1") | told)
    assert orjson.loads(frames["openai_chat"][6:])["error"] == {
        "message": "try later",
        "type": "overloaded_error",
        "param": None,
        "code": 529,
    }
    assert orjson.loads(frames["google_gemini"][6:])["error"] == {
        "code": 529,
        "message": "try later",
        "status": "UNAVAILABLE",
    }
