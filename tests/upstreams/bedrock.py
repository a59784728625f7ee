"""A fake Bedrock runtime: Converse as JSON, ConverseStream as frames of the AWS event stream.

Sources: AWS's API reference and botocore's service model; the frame form is that of its event-stream encoding.
"""

from binascii import crc32
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import orjson

from tests.upstreams.answers import (
    Answer,
    ApiError,
    Part,
    RedactedThinking,
    Text,
    Thinking,
    Tokens,
    ToolCall,
    Wire,
    pieces,
)
from tests.upstreams.bedrock_checks import problem_of
from tests.upstreams.received import Received
from tests.upstreams.script import Cut, Hold, Pause, Script, Send, Step, json_script
from tests.upstreams.server import FakeUpstream, Reply

_STOP = {"refusal": "content_filtered"}
_EXCEPTIONS = {
    400: "validationException",
    403: "accessDeniedException",
    404: "resourceNotFoundException",
    429: "throttlingException",
    500: "internalServerException",
    503: "serviceUnavailableException",
}
_STRING = 7  # type number of a header's value


@dataclass(slots=True)
class BedrockQuirks:
    """`stop` overrides the stop reason."""

    stop: str | None = None


class FakeBedrock(FakeUpstream):
    """`/model/{id}/converse` and `/converse-stream`. `handed_out`: signatures and redacted data that it gave."""

    def __init__(self) -> None:
        super().__init__("", {}, {})
        self.bedrock = BedrockQuirks()
        self.handed_out: set[str] = set()

    def reset(self) -> None:
        """Forget everything."""
        super().reset()
        self.bedrock = BedrockQuirks()
        self.handed_out = set()

    def _wire(self, path: str) -> Wire | None:
        return "chat" if path.startswith("/model/") else None

    def _script(self, received: Received) -> Script:
        if self._wire(received.path) is None:
            return super()._script(received)
        return self._render(self._next_reply(received), "chat", received)

    def _render(self, reply: Reply, wire: Wire, received: Received) -> Script:
        model, _, verb = received.path.removeprefix("/model/").rpartition("/")
        problem = problem_of(received, model, self.handed_out)
        if problem is not None:
            return error_script(problem)
        match reply:
            case Script():
                return reply
            case ApiError():
                return error_script(reply)
            case Answer():
                self.handed_out |= {part.signature for part in reply.parts if isinstance(part, Thinking)}
                self.handed_out |= {part.data for part in reply.parts if isinstance(part, RedactedThinking)}
                stop = self.bedrock.stop or _STOP.get(reply.stop_reason, reply.stop_reason)
                script = _stream(reply, stop) if verb == "converse-stream" else _whole(reply, stop)
                return replace(script, before_headers=reply.pause_before_headers)


def error_script(error: ApiError) -> Script:
    """An error as AWS answers it: the kind in a header, a message in the body."""
    kind = _EXCEPTIONS.get(error.status, "internalServerException")
    headers = {"x-amzn-errortype": f"{kind[0].upper()}{kind[1:]}:http://internal.amazon.com/"} | error.headers
    return json_script({"message": error.message}, error.status, headers)


def frame(payload: dict[str, Any], **headers: str) -> bytes:
    """One message of the event stream; header names with `_` for `-`, written with a colon before them."""
    named = b"".join(_header(f":{name.replace('_', '-')}", value) for name, value in headers.items())
    body = orjson.dumps(payload)
    prelude = (16 + len(named) + len(body)).to_bytes(4) + len(named).to_bytes(4)
    message = prelude + crc32(prelude).to_bytes(4) + named + body
    return message + crc32(message).to_bytes(4)


def usage(tokens: Tokens) -> dict[str, Any]:
    """Counts of tokens; the input is without what was cached."""
    total = tokens.input + tokens.output + tokens.cache_read + tokens.cache_write
    counts = {"inputTokens": tokens.input, "outputTokens": tokens.output, "totalTokens": total}
    if tokens.cache_read or tokens.cache_write:
        counts |= {"cacheReadInputTokens": tokens.cache_read, "cacheWriteInputTokens": tokens.cache_write}
    return counts


def _header(name: str, value: str) -> bytes:
    return bytes([len(name)]) + name.encode() + bytes([_STRING]) + len(value).to_bytes(2) + value.encode()


def _whole(answer: Answer, stop: str) -> Script:
    content = [_block(part) for part in answer.parts]
    message = {"role": "assistant", "content": content}
    body = {"output": {"message": message}, "stopReason": stop, "usage": usage(answer.tokens)}
    return json_script(body | _thinking_counts(answer) | {"metrics": {"latencyMs": 1}}, headers=answer.headers)


def _thinking_counts(answer: Answer) -> dict[str, Any]:
    if not answer.tokens.reasoning:
        return {}
    counts = {"output_tokens_details": {"thinking_tokens": answer.tokens.reasoning}}
    return {"additionalModelResponseFields": {"usage": counts}}


def _stream(answer: Answer, stop: str) -> Script:
    steps = tuple(Send(step) if isinstance(step, bytes) else step for step in _frames(answer, stop))
    headers = {"content-type": "application/vnd.amazon.eventstream", "x-amzn-requestid": "fake-bedrock"}
    return Script(200, headers | answer.headers, steps)


def _frames(answer: Answer, stop: str) -> Iterator[bytes | Step]:
    if answer.pause_before_content:
        yield Pause(answer.pause_before_content)
    yield _event("messageStart", {"role": "assistant"})
    for index, part in enumerate(answer.parts):
        yield from _part_frames(part, index)
        if index == 0 and answer.pause_within:
            yield Pause(answer.pause_within)
    if answer.pause_before_end:
        yield Pause(answer.pause_before_end)
    yield from _ending(answer, stop)


def _ending(answer: Answer, stop: str) -> Iterator[bytes | Step]:
    match answer.ending:
        case "normal":
            yield _event("messageStop", {"stopReason": stop} | _thinking_counts(answer))
            yield _event("metadata", {"usage": usage(answer.tokens), "metrics": {"latencyMs": 1}})
        case "error":
            code = answer.failure.code if isinstance(answer.failure.code, int) else 500
            kind = _EXCEPTIONS.get(code, "modelStreamErrorException")
            message = {"message": answer.failure.message}
            yield frame(message, message_type="exception", exception_type=kind, content_type="application/json")
        case "cut":
            yield Cut()
        case "hold":
            yield Hold()
        case "end":
            return


def _part_frames(part: Part, index: int) -> Iterator[bytes]:
    where = {"contentBlockIndex": index}
    if isinstance(part, ToolCall):
        opening = {"toolUse": {"toolUseId": part.id, "name": part.name}}
        yield _event("contentBlockStart", where | {"start": opening})
    for delta in _deltas(part):
        yield _event("contentBlockDelta", where | {"delta": delta})
    yield _event("contentBlockStop", where)


def _deltas(part: Part) -> Iterator[dict[str, Any]]:
    match part:
        case Text(text):
            yield from ({"text": piece} for piece in pieces(text))
        case Thinking(text, signature):
            yield from ({"reasoningContent": {"text": piece}} for piece in pieces(text))
            yield {"reasoningContent": {"signature": signature}}
        case RedactedThinking(data):
            yield {"reasoningContent": {"redactedContent": data}}
        case ToolCall():
            # The input of a call without arguments comes as one empty piece.
            inputs = pieces(part.arguments) if part.input else [""]
            yield from ({"toolUse": {"input": piece}} for piece in inputs)
        case _:
            raise NotImplementedError(f"Converse has nothing like {part}")


def _block(part: Part) -> dict[str, Any]:
    match part:
        case Text(text):
            return {"text": text}
        case Thinking(text, signature):
            return {"reasoningContent": {"reasoningText": {"text": text, "signature": signature}}}
        case RedactedThinking(data):
            return {"reasoningContent": {"redactedContent": data}}
        case ToolCall(name, arguments, call_id):
            return {"toolUse": {"toolUseId": call_id, "name": name, "input": arguments}}
        case _:
            raise NotImplementedError(f"Converse has nothing like {part}")


def _event(kind: str, payload: dict[str, Any]) -> bytes:
    # Real frames are padded with a field "p" of random letters, so that their length says nothing.
    return frame(payload | {"p": "abcdefgh"}, event_type=kind, content_type="application/json", message_type="event")
