"""Answers in the form of OpenRouter's chat completions, with the quirks of recorded traffic."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Literal

import orjson

from tests.upstreams.answers import (
    Answer,
    ApiError,
    Part,
    RedactedThinking,
    SearchResult,
    Text,
    Thinking,
    Tokens,
    ToolCall,
    pieces,
)
from tests.upstreams.script import Cut, Hold, Pause, Script, Step, json_script, sse_script

GENERATION_ID = "gen-1763670000-fakechat"
COMMENT = b": OPENROUTER PROCESSING\n\n"
DONE = b"data: [DONE]\n\n"
_FINISH = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "refusal": "content_filter",
}


@dataclass(frozen=True, slots=True)
class Quirks:
    """What real OpenRouter streams do beyond the description; all seen in recordings.

    `late_usage`: the last chunk with usage has no choice (2026) or an empty delta (2025).
    `omit_empty_arguments`: a call without input has no `arguments` key at all.
    """

    comments: int = 3
    comments_between: bool = True
    late_usage: Literal["no_choices", "empty_delta"] = "no_choices"
    two_finish_chunks: bool = True
    omit_empty_arguments: bool = True
    empty_first_detail: bool = True
    reasoning_format: str = "anthropic-claude-v1"
    error_after_finish: bool = False


def error_script(error: ApiError) -> Script:
    """An error answer in OpenRouter's form."""
    body = {
        "error": {"code": error.status, "message": error.message, "metadata": error.metadata or None},
        "user_id": "user_fake",
    }
    return json_script(body, error.status, error.headers)


def completion(answer: Answer, model: str, quirks: Quirks = Quirks()) -> dict[str, Any]:
    """The whole answer as one completion."""
    choice: dict[str, Any] = {
        "index": 0,
        "message": _message(answer, quirks),
        "finish_reason": _FINISH[answer.stop_reason],
        "native_finish_reason": answer.stop_reason,
        "logprobs": None,
    }
    shell = {"id": GENERATION_ID, "provider": "Fake", "model": answer.model or model, "object": "chat.completion"}
    return shell | {"created": 1763670000, "choices": [choice], "usage": usage(answer.tokens)}


def usage(tokens: Tokens) -> dict[str, Any]:
    """Usage as OpenRouter counts it: `prompt_tokens` includes what was cached and written."""
    prompt = tokens.input + tokens.cache_read + tokens.cache_write
    return {
        "prompt_tokens": prompt,
        "completion_tokens": tokens.output,
        "total_tokens": prompt + tokens.output,
        "cost": tokens.cost,
        "is_byok": False,
        "prompt_tokens_details": {"cached_tokens": tokens.cache_read, "cache_write_tokens": tokens.cache_write},
        "completion_tokens_details": {"reasoning_tokens": tokens.reasoning},
    }


def json_answer(answer: Answer, model: str, quirks: Quirks = Quirks()) -> Script:
    """The answer to a request without `stream`."""
    return json_script(completion(answer, model, quirks), headers=answer.headers)


def stream_answer(answer: Answer, model: str, quirks: Quirks = Quirks()) -> Script:
    """The answer to a request with `stream`."""
    return sse_script(_frames(answer, model, quirks), headers=answer.headers)


def chunk(model: str, delta: dict[str, Any] | None, **more: Any) -> bytes:
    """One data line; `delta` None means a chunk without choices, `finish_reason` goes into the choice."""
    finish = more.pop("finish_reason", None)
    native = more.pop("native_finish_reason", finish)
    choice = {
        "index": 0,
        "delta": delta,
        "finish_reason": finish,
        "native_finish_reason": native,
        "logprobs": None,
    }
    shell = {"id": GENERATION_ID, "provider": "Fake", "model": model, "object": "chat.completion.chunk"}
    body = shell | {"created": 1763670000, "choices": [] if delta is None else [choice]} | more
    return b"data: " + orjson.dumps(body) + b"\n\n"


def _frames(answer: Answer, model: str, quirks: Quirks) -> Iterator[bytes | Step]:
    if answer.pause_before_content:
        yield Pause(answer.pause_before_content)
    yield from (COMMENT for _ in range(quirks.comments))
    name = answer.model or model
    for number, delta in enumerate(_deltas(answer, quirks)):
        yield chunk(name, {"role": "assistant", "content": ""} | delta)
        if number == 1 and answer.pause_within:
            yield Pause(answer.pause_within)
        if quirks.comments_between and number % 3 == 1:
            yield COMMENT
    if answer.pause_before_end:
        yield Pause(answer.pause_before_end)
    yield from _ending_frames(answer, name, quirks)


def _ending_frames(answer: Answer, model: str, quirks: Quirks) -> Iterator[bytes | Step]:
    match answer.ending:
        case "normal":
            yield from _finish_frames(answer, model, quirks)
            yield DONE
        case "error":
            error: dict[str, Any] = {"code": answer.failure.code, "message": answer.failure.message}
            error["metadata"] = {"error_type": answer.failure.type}
            yield chunk(model, {"role": "assistant", "content": ""}, finish_reason="error", error=error)
        case "cut":
            yield Cut()
        case "hold":
            yield Hold()
        case "end":
            return


def _finish_frames(answer: Answer, model: str, quirks: Quirks) -> Iterator[bytes]:
    empty = {"role": "assistant", "content": ""}
    finish = _FINISH[answer.stop_reason]
    yield chunk(model, empty, finish_reason=finish, native_finish_reason=answer.stop_reason)
    if quirks.two_finish_chunks:
        yield chunk(model, empty, finish_reason=finish, native_finish_reason=answer.stop_reason)
    if quirks.error_after_finish:
        error = {"code": 400, "message": "Token limit reached"}
        yield chunk(model, empty, error=error, usage=usage(answer.tokens))
        return
    late = None if quirks.late_usage == "no_choices" else empty
    yield chunk(model, late, usage=usage(answer.tokens))


def _deltas(answer: Answer, quirks: Quirks) -> Iterator[dict[str, Any]]:
    yield {}
    calls = answer.tool_calls
    for number, part in enumerate(answer.parts):
        if isinstance(part, ToolCall):
            if not answer.interleave_tools:
                yield from _call_deltas(calls.index(part), part, quirks)
            elif part is calls[0]:
                yield from _interleaved(calls, quirks)
        else:
            yield from _part_deltas(part, number, quirks)


def _part_deltas(part: Part, number: int, quirks: Quirks) -> Iterator[dict[str, Any]]:
    match part:
        case Text(text):
            yield from ({"content": piece} for piece in pieces(text))
        case Thinking(text, signature):
            yield from _thinking_deltas(text, signature, number, quirks)
        case RedactedThinking(data):
            yield {"reasoning": None, "reasoning_details": [_encrypted(data, number, quirks)]}
        case SearchResult(url, title):
            yield {"annotations": [_citation(url, title)]}


def _thinking_deltas(text: str, signature: str, number: int, quirks: Quirks) -> Iterator[dict[str, Any]]:
    base = {"type": "reasoning.text", "format": quirks.reasoning_format, "index": number}
    if quirks.empty_first_detail:
        yield {"reasoning": "", "reasoning_details": [base | {"text": "", "signature": ""}]}
    for piece in pieces(text):
        yield {"reasoning": piece, "reasoning_details": [base | {"text": piece}]}
    if signature:
        yield {"reasoning": None, "reasoning_details": [base | {"signature": signature}]}


def _call_deltas(index: int, call: ToolCall, quirks: Quirks) -> Iterator[dict[str, Any]]:
    function: dict[str, Any] = {"name": call.name, "arguments": ""}
    if quirks.omit_empty_arguments and not call.input:
        function.pop("arguments")
    yield _call_delta({"index": index, "id": call.id, "type": "function", "function": function})
    if call.input:
        for piece in pieces(call.arguments):
            yield _call_delta({"index": index, "type": "function", "function": {"arguments": piece}})


def _interleaved(calls: list[ToolCall], quirks: Quirks) -> Iterator[dict[str, Any]]:
    rows = [list(_call_deltas(index, call, quirks)) for index, call in enumerate(calls)]
    for column in zip_longest(*rows):
        yield from (delta for delta in column if delta is not None)


def _call_delta(call: dict[str, Any]) -> dict[str, Any]:
    return {"content": None, "tool_calls": [call]}


def _encrypted(data: str, number: int, quirks: Quirks) -> dict[str, Any]:
    return {"type": "reasoning.encrypted", "data": data, "format": quirks.reasoning_format, "index": number}


def _citation(url: str, title: str) -> dict[str, Any]:
    where = {"url": url, "title": title, "content": title, "start_index": 0, "end_index": 0}
    return {"type": "url_citation", "url_citation": where}


def _message(answer: Answer, quirks: Quirks) -> dict[str, Any]:
    whole: dict[str, Any] = {"role": "assistant", "content": answer.text or None, "refusal": None, "reasoning": None}
    details: list[dict[str, Any]] = []
    for number, part in enumerate(answer.parts):
        match part:
            case Thinking(text, signature):
                detail = {"type": "reasoning.text", "text": text, "format": quirks.reasoning_format, "index": number}
                details.append(detail | ({"signature": signature} if signature else {}))
                whole["reasoning"] = text
            case RedactedThinking(data):
                details.append(_encrypted(data, number, quirks))
            case SearchResult(url, title):
                whole.setdefault("annotations", []).append(_citation(url, title))
            case _:
                continue
    if details:
        whole["reasoning_details"] = details
    if answer.tool_calls:
        whole["tool_calls"] = [_whole_call(index, call, quirks) for index, call in enumerate(answer.tool_calls)]
    return whole


def _whole_call(index: int, call: ToolCall, quirks: Quirks) -> dict[str, Any]:
    function: dict[str, Any] = {"name": call.name, "arguments": call.arguments}
    if quirks.omit_empty_arguments and not call.input:
        function.pop("arguments")
    return {"index": index, "id": call.id, "type": "function", "function": function}
