"""A fake Cohere API: `/v2/chat`, JSON and event stream, in the form of its documentation and SDK (2025-11)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import orjson

from tests.upstreams.answers import Answer, ApiError, Text, Thinking, Tokens, ToolCall, Wire, pieces
from tests.upstreams.cohere_checks import problem_of
from tests.upstreams.received import Received
from tests.upstreams.script import Cut, Hold, Pause, Script, Step, json_script, sse_script
from tests.upstreams.server import FakeUpstream, Reply

_FINISH = {
    "end_turn": "COMPLETE",
    "tool_use": "TOOL_CALL",
    "stop_sequence": "STOP_SEQUENCE",
    "max_tokens": "MAX_TOKENS",
    "refusal": "ERROR_TOXIC",
}


@dataclass(slots=True)
class CohereQuirks:
    """`plan`: text before calls comes as the tool plan, as Command models do; `finish` overrides the finish reason."""

    plan: bool = True
    finish: str | None = None
    citations: tuple[dict[str, Any], ...] = ()


class FakeCohere(FakeUpstream):
    """`/v2/chat`; it checks what the real one checks."""

    def __init__(self) -> None:
        super().__init__("", {"/v2/chat": "chat"}, {})
        self.cohere = CohereQuirks()

    def reset(self) -> None:
        """Forget everything."""
        super().reset()
        self.cohere = CohereQuirks()

    def _render(self, reply: Reply, wire: Wire, received: Received) -> Script:
        problem = problem_of(received)
        if problem is not None:
            return error_script(problem)
        match reply:
            case Script():
                return reply
            case ApiError():
                return error_script(reply)
            case Answer():
                script = self._stream(reply) if received.streaming else self._whole(reply)
                return replace(script, before_headers=reply.pause_before_headers)

    def _whole(self, answer: Answer) -> Script:
        message: dict[str, Any] = {"role": "assistant"}
        plan, parts = self._split(answer)
        if plan:
            message["tool_plan"] = plan
        content = [_block(part) for part in parts if not isinstance(part, ToolCall)]
        if content:
            message["content"] = content
        if answer.tool_calls:
            message["tool_calls"] = [_call(call) for call in answer.tool_calls]
        if self.cohere.citations:
            message["citations"] = list(self.cohere.citations)
        body = {"id": "fake-cohere", "finish_reason": self._finish(answer), "message": message}
        return json_script(body | {"usage": usage(answer.tokens)}, headers=answer.headers)

    def _stream(self, answer: Answer) -> Script:
        return sse_script(self._frames(answer), headers=answer.headers)

    def _split(self, answer: Answer) -> tuple[str, list[Any]]:
        if not (self.cohere.plan and answer.tool_calls):
            return "", list(answer.parts)
        return answer.text, [part for part in answer.parts if not isinstance(part, Text)]

    def _finish(self, answer: Answer) -> str:
        return self.cohere.finish or _FINISH[answer.stop_reason]

    def _frames(self, answer: Answer) -> Iterator[bytes | Step]:
        if answer.pause_before_content:
            yield Pause(answer.pause_before_content)
        empty = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
        yield _event("message-start", id="fake-cohere", delta={"message": empty})
        plan, parts = self._split(answer)
        for piece in pieces(plan):
            yield _event("tool-plan-delta", delta={"message": {"tool_plan": piece}})
        if answer.pause_within:
            yield Pause(answer.pause_within)
        for index, part in enumerate(parts):
            yield from _call_frames(part, index) if isinstance(part, ToolCall) else _content_frames(part, index)
        for index, citation in enumerate(self.cohere.citations):
            yield _event("citation-start", index=index, delta={"message": {"citations": citation}})
            yield _event("citation-end", index=index)
        if answer.pause_before_end:
            yield Pause(answer.pause_before_end)
        yield from self._ending(answer)

    def _ending(self, answer: Answer) -> Iterator[bytes | Step]:
        match answer.ending:
            case "normal":
                delta = {"finish_reason": self._finish(answer), "usage": usage(answer.tokens)}
                yield _event("message-end", id="fake-cohere", delta=delta)
            case "error":
                delta = {"finish_reason": "ERROR", "error": answer.failure.message}
                yield _event("message-end", id="fake-cohere", delta=delta)
            case "cut":
                yield Cut()
            case "hold":
                yield Hold()
            case "end":
                return


def error_script(error: ApiError) -> Script:
    """An error in Cohere's form."""
    return json_script({"id": "fake-error", "message": error.message}, error.status, error.headers)


def usage(tokens: Tokens) -> dict[str, Any]:
    """Billed and real counts; the real ones include what was cached."""
    prompt = tokens.input + tokens.cache_read
    counts: dict[str, Any] = {
        "billed_units": {"input_tokens": tokens.input, "output_tokens": tokens.output},
        "tokens": {"input_tokens": prompt, "output_tokens": tokens.output},
    }
    return counts | {"cached_tokens": tokens.cache_read} if tokens.cache_read else counts


def _block(part: Text | Thinking) -> dict[str, Any]:
    if isinstance(part, Thinking):
        return {"type": "thinking", "thinking": part.text}
    return {"type": "text", "text": part.text}


def _call(call: ToolCall) -> dict[str, Any]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def _content_frames(part: Text | Thinking, index: int) -> Iterator[bytes]:
    kind = "thinking" if isinstance(part, Thinking) else "text"
    yield _event("content-start", index=index, delta={"message": {"content": {"type": kind, kind: ""}}})
    for piece in pieces(part.text):
        yield _event("content-delta", index=index, delta={"message": {"content": {kind: piece}}})
    yield _event("content-end", index=index)


def _call_frames(call: ToolCall, index: int) -> Iterator[bytes]:
    opening = _call(call) | {"function": {"name": call.name, "arguments": ""}}
    yield _event("tool-call-start", index=index, delta={"message": {"tool_calls": opening}})
    for piece in pieces(call.arguments):
        delta = {"message": {"tool_calls": {"function": {"arguments": piece}}}}
        yield _event("tool-call-delta", index=index, delta=delta)
    yield _event("tool-call-end", index=index)


def _event(kind: str, **fields: Any) -> bytes:
    return b"event: " + kind.encode() + b"\ndata: " + orjson.dumps({"type": kind, **fields}) + b"\n\n"
