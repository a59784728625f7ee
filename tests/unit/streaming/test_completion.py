import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openrouter_anthropic_server.anthropic_types.response import Message
from openrouter_anthropic_server.conversion.reasoning_envelope import unpack_reasoning
from openrouter_anthropic_server.conversion.tool_names import ToolNames
from openrouter_anthropic_server.errors import OverloadedError, RateLimitError, UpstreamError
from openrouter_anthropic_server.streaming.assembler import Assembler
from openrouter_anthropic_server.streaming.completion import message_from_completion
from openrouter_anthropic_server.streaming.completion import message_of as message_of_deltas
from openrouter_anthropic_server.streaming.deltas import deltas_of
from tests.unit.streaming.events import assemble_chunks, check_stream, message_of

Json = dict[str, Any]
USAGE = {
    "prompt_tokens": 3329,
    "completion_tokens": 61,
    "prompt_tokens_details": {"cached_tokens": 3211, "cache_write_tokens": 115},
    "completion_tokens_details": {"reasoning_tokens": 20},
    "cost": 0.0021,
}
CLAUDE = "anthropic-claude-v1"


def converted(completion: Json, **options: Any) -> Message:
    tool_names = options.pop("tool_names", ToolNames())
    assembler = Assembler("msg_1", completion.get("model") or "asked/for", 7, tool_names, **options)
    return message_from_completion(completion, assembler)  # type: ignore[arg-type]


def completion(message: Json, finish: str | None = "stop", **fields: Any) -> Json:
    choice = {"index": 0, "message": {"role": "assistant"} | message, "finish_reason": finish}
    return {"id": "gen-1", "model": "maker/model-1", "choices": [choice], "usage": USAGE} | fields


def test_a_whole_answer_is_a_message() -> None:
    details = [
        {"type": "reasoning.text", "text": "hm", "signature": "sig", "format": CLAUDE, "index": 0},
        {"type": "reasoning.encrypted", "data": "EmwK", "format": CLAUDE, "index": 1},
    ]
    call = {"id": "toolu_vrtx_1", "type": "function", "index": 0, "function": {"name": "find_education_content"}}

    answer = {"content": "Hi", "reasoning": "hm", "reasoning_details": details, "tool_calls": [call]}

    message = converted(completion(answer, "tool_calls"))

    assert message == {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "maker/model-1",
        "content": [
            {"type": "thinking", "thinking": "hm", "signature": "sig"},
            {"type": "redacted_thinking", "data": "EmwK"},
            {"type": "text", "text": "Hi"},
            {"type": "tool_use", "id": "toolu_vrtx_1", "name": "find_education_content", "input": {}},
        ],
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 3,
            "cache_creation_input_tokens": 115,
            "cache_read_input_tokens": 3211,
            "output_tokens": 61,
            "output_tokens_details": {"thinking_tokens": 20},
            "cost": 0.0021,
        },
    }


def test_the_model_asked_for_stands_where_the_upstream_names_none() -> None:
    assert converted(completion({"content": "a"}, model=None))["model"] == "asked/for"


def test_an_empty_answer_is_a_message_without_content() -> None:
    assert converted(completion({"content": ""}))["content"] == []


@pytest.mark.parametrize("body", [{}, {"choices": []}, {"id": "x", "choices": None}])
def test_an_answer_without_choices_is_an_upstream_error(body: Json) -> None:
    with pytest.raises(UpstreamError, match="without any choices"):
        converted(body)


def test_an_answer_without_finish_reason_is_an_upstream_error() -> None:
    with pytest.raises(UpstreamError, match="incomplete"):
        converted(completion({"content": "half"}, None))


def test_an_error_under_a_200_is_raised_as_itself() -> None:
    with pytest.raises(RateLimitError, match="slow down"):
        converted({"error": {"code": 429, "message": "slow down"}})


def test_partial_content_with_an_error_is_an_error() -> None:
    broken = completion({"content": "half"}, "error")
    broken["choices"][0]["error"] = {"code": 529, "message": "busy"}

    with pytest.raises(OverloadedError):
        converted(broken)


def calling(arguments: str) -> Json:
    return {"tool_calls": [{"id": "1", "function": {"name": "Write", "arguments": arguments}}]}


@pytest.mark.parametrize("arguments", ["{", '{"a":1}}', "a=1", "[1, 2]", '"text"', '{"a":1e400}'])
def test_a_call_with_broken_json_is_an_upstream_error_that_names_the_tool(arguments: str) -> None:
    with pytest.raises(UpstreamError, match="called Write with input that is not a JSON object"):
        converted(completion(calling(arguments)))


def test_a_call_cut_off_by_the_token_limit_holds_what_there_is() -> None:
    message = converted(completion(calling('{"path": "/a", "text": "half'), "length"))

    assert message["stop_reason"] == "max_tokens"
    assert message["content"][0]["input"] == {"path": "/a"}  # type: ignore[typeddict-item]


PIECES = st.lists(st.text("ab ü\n", min_size=1, max_size=4), max_size=3)


@st.composite
def answers(draw: st.DrawFn) -> tuple[Json, list[Json]]:
    """The same answer as a completion and as the chunks of a stream."""
    form = draw(st.sampled_from([CLAUDE, "google-gemini-v1", "unknown"]))
    thoughts, words, signature = draw(PIECES), draw(PIECES), draw(st.sampled_from(["", "sig"]))
    inputs = draw(st.lists(st.dictionaries(st.text("k"), st.text("v"), max_size=2), max_size=3))
    finish = draw(st.sampled_from(["stop", "length", "tool_calls", "content_filter"]))
    label = {"type": "reasoning.text", "format": form, "index": 0}
    details = [label | {"text": "".join(thoughts), "signature": signature}] if thoughts else []
    calls = [
        {"index": i, "id": f"call_{i}", "function": {"name": "f", "arguments": json.dumps(value)}}
        for i, value in enumerate(inputs)
    ]
    deltas: list[Json] = [{"reasoning": piece, "reasoning_details": [label | {"text": piece}]} for piece in thoughts]
    if thoughts and signature:
        deltas.append({"reasoning": None, "reasoning_details": [label | {"signature": signature}]})
    deltas += [{"content": piece} for piece in words]
    for call in calls:
        arguments = call["function"]["arguments"]  # type: ignore[index]
        deltas.append({"tool_calls": [call | {"function": {"name": "f", "arguments": ""}}]})
        deltas += [{"tool_calls": [{"index": call["index"], "function": {"arguments": part}}]} for part in arguments]
    chunks: list[Json] = [
        {"model": "maker/model-1", "choices": [{"delta": {"role": "assistant", "content": ""} | delta}]}
        for delta in deltas
    ]
    chunks.append({"choices": [{"delta": {}, "finish_reason": finish}]})
    chunks.append({"choices": [], "usage": USAGE})
    reasoning = {"reasoning": "".join(thoughts), "reasoning_details": details}
    return completion({"content": "".join(words), "tool_calls": calls} | reasoning, finish), chunks


@given(answers())
def test_a_stream_and_a_completion_make_the_same_message(answer: tuple[Json, list[Json]]) -> None:
    whole, chunks = answer
    events = assemble_chunks(chunks)

    check_stream(events)
    assert comparable(message_of(events)) == comparable(converted(whole))


def comparable(message: Message) -> Json:
    """The message with each envelope opened (its bytes depend on the order of keys), without the model's name."""
    blocks: list[Json] = [dict(block) for block in message["content"]]
    for block in blocks:
        packed = unpack_reasoning(block.get("signature", ""))
        if packed is not None:
            block["signature"] = [{k: v for k, v in detail.items() if v} for detail in packed]
    return {**message, "content": blocks, "model": None}


COUNTS = st.none() | st.integers(-1, 5000)


@given(
    text=st.text(max_size=40),
    finish=st.sampled_from(["stop", "length", "tool_calls", "content_filter", "STOP", "unheard_of"]),
    native=st.sampled_from([None, "stop_sequence", "refusal", "pause_turn", "eos"]),
    usage=st.fixed_dictionaries({}, optional={"prompt_tokens": COUNTS, "completion_tokens": COUNTS, "cost": COUNTS}),
    sequences=st.lists(st.text(max_size=3), max_size=2),
    searches=st.booleans(),
)
def test_an_answer_of_one_text_is_what_its_events_add_up_to(
    text: str, finish: str, native: str | None, usage: Json, sequences: list[str], searches: bool
) -> None:
    whole = completion({"content": text}, finish, usage=usage)
    whole["choices"][0]["native_finish_reason"] = native
    options: Json = {"stop_sequences": sequences, "web_search": searches}
    by_events = Assembler("msg_1", "maker/model-1", 7, ToolNames(), **options)

    message = converted(whole, **options)

    assert json.dumps(message) == json.dumps(message_of_deltas(deltas_of(whole), by_events))  # type: ignore[arg-type]
