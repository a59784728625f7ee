"""Fake OpenAI, Azure OpenAI and Mistral: chat completions as they document them, and as strict as they are.

None of them sends what OpenRouter adds: no comments, no cost, no reasoning beside the text.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import orjson

from tests.upstreams.answers import Answer, ApiError, Text, Thinking, Tokens, ToolCall, Wire, pieces
from tests.upstreams.openai_like_checks import azure_problem, mistral_problem, openai_problem
from tests.upstreams.received import Received
from tests.upstreams.script import Cut, Hold, Pause, Script, Step, json_script, sse_script
from tests.upstreams.server import FakeUpstream, Reply

DEPLOYMENT = "my-deployment"
DONE = b"data: [DONE]\n\n"
_FINISH = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "refusal": "content_filter",
}

Delta = dict[str, Any]


class FakeOpenAi(FakeUpstream):
    """OpenAI: `/v1/chat/completions`."""

    def __init__(self, base_path: str = "/v1", path: str = "/chat/completions") -> None:
        super().__init__(base_path, {path: "chat"}, {})

    def _problem(self, received: Received) -> ApiError | None:
        return openai_problem(received)

    def _render(self, reply: Reply, wire: Wire, received: Received) -> Script:
        problem = self._problem(received)
        if problem is not None:
            return self._refusal(problem)
        match reply:
            case Script():
                return reply
            case ApiError():
                return self._refusal(reply)
            case Answer():
                script = self._stream(reply, received) if received.streaming else self._whole(reply, received)
                return replace(script, before_headers=reply.pause_before_headers)

    def _refusal(self, error: ApiError) -> Script:
        body = {"error": {"message": error.message, "type": error.type, "param": None, "code": _code(error)}}
        return json_script(body, error.status, error.headers)

    def _whole(self, answer: Answer, received: Received) -> Script:
        message: Delta = {"role": "assistant", "content": self._text(answer), "refusal": None, "annotations": []}
        if answer.tool_calls:
            message["tool_calls"] = [_call(call) for call in answer.tool_calls]
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _FINISH[answer.stop_reason]}
        body = _shell(received, "chat.completion") | {"choices": [choice], "usage": _usage(answer.tokens)}
        return json_script(body, headers=answer.headers)

    def _text(self, answer: Answer) -> Any:
        return answer.text or None

    def _stream(self, answer: Answer, received: Received) -> Script:
        return sse_script(self._frames(answer, received), headers=answer.headers)

    def _frames(self, answer: Answer, received: Received) -> Iterator[bytes | Step]:
        if answer.pause_before_content:
            yield Pause(answer.pause_before_content)
        yield from self._first_frames(received)
        for number, delta in enumerate(self._deltas(answer)):
            yield _frame(received, [_choice(delta)])
            if number == 0 and answer.pause_within:
                yield Pause(answer.pause_within)
        if answer.pause_before_end:
            yield Pause(answer.pause_before_end)
        yield from self._last_frames(answer, received)

    def _first_frames(self, received: Received) -> Iterator[bytes]:
        yield _frame(received, [_choice({"role": "assistant", "content": "", "refusal": None})])

    def _deltas(self, answer: Answer) -> Iterator[Delta]:
        for part in answer.parts:
            match part:
                case Text(text):
                    yield from ({"content": piece} for piece in pieces(text))
                case ToolCall():
                    yield from _call_deltas(answer.tool_calls.index(part), part)
                case _:
                    continue  # these APIs do not show what a model thinks

    def _last_frames(self, answer: Answer, received: Received) -> Iterator[bytes | Step]:
        match answer.ending:
            case "normal":
                yield _frame(received, [_choice({}, _FINISH[answer.stop_reason])])
                yield from self._usage_frames(answer, received)
                yield DONE
            case "error":
                error = {"message": answer.failure.message, "type": "server_error", "param": None, "code": None}
                yield b"data: " + orjson.dumps({"error": error | {"code": answer.failure.code}}) + b"\n\n"
            case "cut":
                yield Cut()
            case "hold":
                yield Hold()
            case "end":
                return

    def _usage_frames(self, answer: Answer, received: Received) -> Iterator[bytes]:
        if (received.body.get("stream_options") or {}).get("include_usage"):
            yield _frame(received, [], usage=_usage(answer.tokens))


class FakeAzure(FakeOpenAi):
    """Azure OpenAI with one deployment; its streams begin with a chunk without choices."""

    def __init__(self) -> None:
        super().__init__("", f"/openai/deployments/{DEPLOYMENT}/chat/completions")

    def _problem(self, received: Received) -> ApiError | None:
        return azure_problem(received, DEPLOYMENT)

    def _first_frames(self, received: Received) -> Iterator[bytes]:
        filters = [{"prompt_index": 0, "content_filter_results": {"hate": {"filtered": False, "severity": "safe"}}}]
        yield _frame(received, [], prompt_filter_results=filters)
        yield from super()._first_frames(received)


class FakeMistral(FakeOpenAi):
    """Mistral: thinking is a part of the content, calls come whole, usage with the finish."""

    def _problem(self, received: Received) -> ApiError | None:
        return mistral_problem(received)

    def _refusal(self, error: ApiError) -> Script:
        if error.status == 401:
            return json_script({"detail": error.message}, 401, error.headers)
        shell = {"object": "error", "message": error.message, "type": error.type, "param": None}
        return json_script(shell | {"code": "3230", "raw_status_code": error.status}, error.status, error.headers)

    def _text(self, answer: Answer) -> Any:
        if not any(isinstance(part, Thinking) for part in answer.parts):
            return answer.text
        parts = [_thinking(part.text) for part in answer.parts if isinstance(part, Thinking)]
        return [*parts, {"type": "text", "text": answer.text}]

    def _deltas(self, answer: Answer) -> Iterator[Delta]:
        calls = [_call(call) | {"index": index} for index, call in enumerate(answer.tool_calls)]
        for part in answer.parts:
            match part:
                case Thinking(text, _):
                    yield from ({"content": [_thinking(piece)]} for piece in pieces(text))
                case Text(text):
                    yield from ({"content": piece} for piece in pieces(text))
                case _:
                    continue
        if calls:
            yield {"content": "", "tool_calls": calls}

    def _usage_frames(self, answer: Answer, received: Received) -> Iterator[bytes]:
        yield _frame(received, [_choice({"content": ""}, None)], usage=_usage(answer.tokens))


def _code(error: ApiError) -> str | None:
    return error.metadata.get("code")


def _shell(received: Received, kind: str) -> dict[str, Any]:
    return {"id": "chatcmpl-fake", "object": kind, "created": 1763670000, "model": received.model or DEPLOYMENT}


def _frame(received: Received, choices: list[Delta], **more: Any) -> bytes:
    body = _shell(received, "chat.completion.chunk") | {"choices": choices} | more
    return b"data: " + orjson.dumps(body) + b"\n\n"


def _choice(delta: Delta, finish: str | None = None) -> Delta:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}


def _call(call: ToolCall) -> Delta:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def _call_deltas(index: int, call: ToolCall) -> Iterator[Delta]:
    first = {"index": index, "id": call.id, "type": "function", "function": {"name": call.name, "arguments": ""}}
    yield {"tool_calls": [first]}
    yield from (
        {"tool_calls": [{"index": index, "function": {"arguments": piece}}]} for piece in pieces(call.arguments)
    )


def _thinking(text: str) -> Delta:
    return {"type": "thinking", "thinking": [{"type": "text", "text": text}]}


def _usage(tokens: Tokens) -> dict[str, Any]:
    prompt = tokens.input + tokens.cache_read
    return {
        "prompt_tokens": prompt,
        "completion_tokens": tokens.output,
        "total_tokens": prompt + tokens.output,
        "prompt_tokens_details": {"cached_tokens": tokens.cache_read, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": tokens.reasoning, "audio_tokens": 0},
    }
