"""Answers in the form of Databricks' chat completions: contents with reasoning are lists, whole and streamed."""

from collections.abc import Iterator
from typing import Any

import orjson

from tests.upstreams.answers import Answer, Part, RedactedThinking, Text, Thinking, Tokens, ToolCall, pieces
from tests.upstreams.script import Cut, Hold, Pause, Script, Step, json_script, sse_script

DONE = b"data: [DONE]\n\n"
_FINISH = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "refusal": "content_filter",
}


def json_answer(answer: Answer, model: str) -> Script:
    """The answer to a request without `stream`."""
    message: dict[str, Any] = {"role": "assistant", "content": _content(answer)}
    if answer.tool_calls:
        message["tool_calls"] = [_call(call, call.arguments) for call in answer.tool_calls]
    choice = {"index": 0, "message": message, "finish_reason": _FINISH[answer.stop_reason]}
    body = _shell(model, "chat.completion") | {"choices": [choice], "usage": usage(answer.tokens)}
    return json_script(body, headers=answer.headers)


def stream_answer(answer: Answer, model: str) -> Script:
    """The answer to a request with `stream`."""
    return sse_script(_frames(answer, model), headers=answer.headers)


def usage(tokens: Tokens) -> dict[str, Any]:
    """Counts beside each other; the prompt's include those of the cache."""
    prompt = tokens.input + tokens.cache_read + tokens.cache_write
    return {
        "prompt_tokens": prompt,
        "completion_tokens": tokens.output,
        "total_tokens": prompt + tokens.output,
        "cache_read_input_tokens": tokens.cache_read,
        "cache_creation_input_tokens": tokens.cache_write,
        "reasoning_tokens": tokens.reasoning,
    }


def _content(answer: Answer) -> Any:
    """A string, or a list where there is reasoning; null if the answer is nothing but calls."""
    reasoning = [_reasoning(part) for part in answer.parts if isinstance(part, Thinking | RedactedThinking)]
    if not reasoning:
        return answer.text or None
    return [*reasoning, {"type": "text", "text": answer.text}] if answer.text else reasoning


def _reasoning(part: Thinking | RedactedThinking) -> dict[str, Any]:
    if isinstance(part, RedactedThinking):
        return {"type": "reasoning", "summary": [{"type": "summary_encrypted_text", "data": part.data}]}
    return _summary(part.text, part.signature)


def _summary(text: str, signature: str) -> dict[str, Any]:
    return {"type": "reasoning", "summary": [{"type": "summary_text", "text": text, "signature": signature}]}


def _frames(answer: Answer, model: str) -> Iterator[bytes | Step]:
    if answer.pause_before_content:
        yield Pause(answer.pause_before_content)
    for number, delta in enumerate(_deltas(answer)):
        yield _chunk(model, delta)
        if number == 0 and answer.pause_within:
            yield Pause(answer.pause_within)
    if answer.pause_before_end:
        yield Pause(answer.pause_before_end)
    yield from _ending(answer, model)


def _ending(answer: Answer, model: str) -> Iterator[bytes | Step]:
    match answer.ending:
        case "normal":
            yield _chunk(model, {"content": ""}, finish=_FINISH[answer.stop_reason], usage=usage(answer.tokens))
            yield DONE
        case "error":
            failure = {"error_code": "INTERNAL_ERROR", "message": answer.failure.message}
            yield b"data: " + orjson.dumps(failure) + b"\n\n"
        case "cut":
            yield Cut()
        case "hold":
            yield Hold()
        case "end":
            return


def _deltas(answer: Answer) -> Iterator[dict[str, Any]]:
    calls = answer.tool_calls
    for part in answer.parts:
        for delta in _part_deltas(part, calls):
            yield {"role": "assistant"} | delta


def _part_deltas(part: Part, calls: list[ToolCall]) -> Iterator[dict[str, Any]]:
    match part:
        case Text(text):
            yield from ({"content": piece} for piece in pieces(text))
        case Thinking(text, signature):
            yield from ({"content": [_summary(piece, "")]} for piece in pieces(text))
            yield {"content": [_summary("", signature)]}
        case RedactedThinking():
            yield {"content": [_reasoning(part)]}
        case ToolCall():
            index = calls.index(part)
            # Empty arguments first, as an object, although pieces of the real ones follow.
            yield {"content": None, "tool_calls": [{"index": index} | _call(part, "{}")]}
            for piece in pieces(part.arguments) if part.input else ():
                yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}
        case _:
            raise AssertionError(f"Databricks does not answer with {part}")


def _call(call: ToolCall, arguments: str) -> dict[str, Any]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}}


def _chunk(model: str, delta: dict[str, Any], finish: str | None = None, **more: Any) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    body = _shell(model, "chat.completion.chunk") | {"choices": [choice]} | more
    return b"data: " + orjson.dumps(body) + b"\n\n"


def _shell(model: str, kind: str) -> dict[str, Any]:
    return {"id": "msg_bdrk_fake", "object": kind, "created": 1763670000, "model": model}
