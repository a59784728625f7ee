"""Whole streams in the form OpenRouter was recorded to send them, from bytes to message."""

from typing import Any

import orjson
import pytest

from openrouter_anthropic_server.streaming.sse import DONE, SseDecoder
from tests.unit.streaming.events import assemble_chunks, check_stream, message_of

Json = dict[str, Any]
COMMENT = b": OPENROUTER PROCESSING\n\n"
CLAUDE = {"id": "gen-1763-abc", "provider": "Google", "model": "anthropic/claude-4.6-sonnet-20260217"}
FORM = {"format": "anthropic-claude-v1", "index": 0}
TOKENS = {
    "prompt_tokens": 3329,
    "completion_tokens": 61,
    "total_tokens": 3390,
    "cost": 0.0021,
    "is_byok": False,
    "prompt_tokens_details": {"cached_tokens": 3211, "cache_write_tokens": 115, "audio_tokens": 0, "video_tokens": 0},
    "cost_details": {"upstream_inference_cost": None},
    "completion_tokens_details": {"reasoning_tokens": 20, "image_tokens": 0},
}


def frame(delta: Json | None, finish: str | None = None, native: str | None = None, **fields: Any) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish, "native_finish_reason": native, "logprobs": None}
    choices = [] if delta is None else [choice]
    return (
        b"data: " + orjson.dumps({**CLAUDE, "object": "chat.completion.chunk", "choices": choices, **fields}) + b"\n\n"
    )


def said(**delta: Any) -> bytes:
    return frame({"role": "assistant", "content": "", **delta})


def thought(text: str) -> bytes:
    detail = {"type": "reasoning.text", "text": text, **FORM}
    return said(reasoning=text, reasoning_details=[detail])


def tool(index: int, arguments: str | None, **first: Any) -> bytes:
    function = {"arguments": arguments} if arguments is not None else {}
    call = {"index": index, "type": "function", "function": {**function, **first.pop("function", {})}, **first}
    return said(content=None, tool_calls=[call])


LATE_USAGE = {
    "without choices (2026)": frame(None, usage=TOKENS),
    "with an empty delta (2025)": frame({"role": "assistant", "content": ""}, usage=TOKENS),
}
THINKING = [
    COMMENT * 17,
    said(reasoning="", reasoning_details=[{"type": "reasoning.text", "text": "", "signature": "", **FORM}]),
    thought("The user "),
    COMMENT,
    thought("greets."),
    said(reasoning=None, reasoning_details=[{"type": "reasoning.text", "signature": "Et0BCkYICx==", **FORM}]),
]


def read(stream: bytes) -> list[Json]:
    frames = SseDecoder().feed(stream)
    assert frames[-1].data == DONE
    events = assemble_chunks(orjson.loads(frame.data) for frame in frames[:-1])
    check_stream(events)
    return events


@pytest.mark.parametrize("usage", LATE_USAGE.values(), ids=LATE_USAGE.keys())
def test_claude_that_thinks_speaks_and_calls_tools(usage: bytes) -> None:
    stream = [
        *THINKING,
        said(content="Hello"),
        said(content=" there"),
        tool(0, "", id="toolu_vrtx_1", function={"name": "Read"}),
        tool(0, '{"file_path"'),
        tool(0, ': "/a"}'),
        tool(1, None, id="toolu_vrtx_2", function={"name": "list_todos"}),
        frame({"role": "assistant", "content": ""}, "tool_calls", "tool_calls"),
        frame({"role": "assistant", "content": ""}, "tool_calls", "tool_use"),
        usage,
        b"data: [DONE]\n\n",
    ]

    message = message_of(read(b"".join(stream)))

    assert message["content"] == [
        {"type": "thinking", "thinking": "The user greets.", "signature": "Et0BCkYICx=="},
        {"type": "text", "text": "Hello there"},
        {"type": "tool_use", "id": "toolu_vrtx_1", "name": "Read", "input": {"file_path": "/a"}},
        {"type": "tool_use", "id": "toolu_vrtx_2", "name": "list_todos", "input": {}},
    ]
    assert message["stop_reason"] == "tool_use"
    assert message["usage"] == {
        "input_tokens": 3,
        "cache_creation_input_tokens": 115,
        "cache_read_input_tokens": 3211,
        "output_tokens": 61,
        "output_tokens_details": {"thinking_tokens": 20},
        "cost": 0.0021,
    }


def test_an_error_chunk_after_two_finish_reasons_leaves_the_answer_whole() -> None:
    empty = {"role": "assistant", "content": ""}
    stream = [
        COMMENT,
        said(content="Once upon"),
        frame(empty, "length", "max_tokens"),
        frame(empty, "length", "max_tokens"),
        frame(empty, error={"code": 400, "message": "Token limit reached"}, usage=TOKENS),
        b"data: [DONE]\n\n",
    ]

    message = message_of(read(b"".join(stream)))

    assert message["stop_reason"] == "max_tokens"
    assert message["content"] == [{"type": "text", "text": "Once upon"}]
    assert message["usage"]["output_tokens"] == 61


@pytest.mark.parametrize("code", [502, "server_error"])
def test_an_error_chunk_in_the_middle_is_an_error_event(code: int | str) -> None:
    error = {"code": code, "message": "Provider disconnected", "metadata": {"error_type": "provider_unavailable"}}
    broken = frame({"role": "assistant", "content": ""}, "error", None, error=error)

    events = read(said(content="Once") + broken + b"data: [DONE]\n\n")

    assert events[-1]["error"] == {"type": "api_error", "message": "Provider disconnected"}


@pytest.mark.parametrize("number", range(len(THINKING)))
def test_a_stream_that_just_ends_is_an_error(number: int) -> None:
    events = read(b"".join(THINKING[: number + 1]) + b"data: [DONE]\n\n")

    assert events[-1]["type"] == "error"
