"""Bedrock's answers (Converse, ConverseStream) as chat completions. Claude's signed thinking stays as it is."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from openrouter_anthropic_server.conversion.json_text import dump_json
from openrouter_anthropic_server.openai_types.chat import ChatChunk, ChatCompletion
from openrouter_anthropic_server.streaming.answer_forms import (
    BROKEN,
    AnswerForm,
    completion,
    count_chunk,
    delta_chunk,
    failure_chunk,
    finish_chunk,
    json_object,
)
from openrouter_anthropic_server.streaming.aws_frames import AwsFrame, AwsFrameDecoder

_FINISH = {
    "end_turn": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "stop_sequence": "stop_sequence",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
    "model_context_window_exceeded": "model_context_window_exceeded",
}
_STATUSES = {
    "validationException": 400,
    "accessDeniedException": 403,
    "resourceNotFoundException": 404,
    "throttlingException": 429,
    "internalServerException": 500,
    "serviceUnavailableException": 503,
    "modelTimeoutException": 504,
    "modelNotReadyException": 429,
}
"""Of the exceptions that can come inside a stream; `modelStreamErrorException` is the model's own failure."""


class BedrockReader:
    """Reads one stream of AWS frames."""

    def __init__(self) -> None:
        self._decoder = AwsFrameDecoder()
        self._stop: Mapping[str, Any] = {}

    def feed(self, data: bytes) -> Iterator[list[ChatChunk]]:
        """The chunks of all frames that this piece completes, in one list."""
        chunks = [chunk for frame in self._decoder.feed(data) for chunk in self._read(frame)]
        if chunks:
            yield chunks

    def close(self) -> Iterator[list[ChatChunk]]:
        """Nothing: half a frame says nothing."""
        return iter(())

    def _read(self, frame: AwsFrame) -> list[ChatChunk]:
        body = json_object(frame.payload or b"{}")
        kind = frame.headers.get(":event-type")
        if kind == "messageStop":
            self._stop = body
        if kind == "metadata":  # the counts; those of the thinking came with the stop
            return [count_chunk(usage=_usage({**self._stop, **body}))]
        return _chunks(frame, body)


def _chunks(frame: AwsFrame, body: Mapping[str, Any]) -> list[ChatChunk]:
    if frame.headers.get(":message-type") in {"exception", "error"}:
        kind = frame.headers.get(":exception-type") or frame.headers.get(":error-code") or ""
        message = body.get("message") or frame.headers.get(":error-message") or kind
        return [failure_chunk(str(message), status=_STATUSES.get(kind, BROKEN))]
    reader = _EVENTS.get(frame.headers.get(":event-type", ""))
    return [] if reader is None else reader(body)


def whole_answer(body: Mapping[str, Any]) -> ChatCompletion:
    """A complete answer."""
    blocks = ((body.get("output") or {}).get("message") or {}).get("content") or []
    calls = [_whole_call(block["toolUse"], index) for index, block in enumerate(blocks) if "toolUse" in block]
    message: dict[str, Any] = {"content": [_content_part(block) for block in blocks if "toolUse" not in block]}
    if calls:
        message["tool_calls"] = calls
    return completion(message, _ending(body), usage=_usage(body))


BEDROCK = AnswerForm(whole_answer, BedrockReader)
"""`/model/{id}/converse` and `/converse-stream`."""


def _block_start(body: Mapping[str, Any]) -> list[ChatChunk]:
    opened = body.get("start") or {}
    call = opened.get("toolUse")
    if call:
        return [_call_chunk(body, call.get("toolUseId"), call.get("name"), "")]
    reasoning = opened.get("reasoningContent")
    return _reasoning(reasoning) if reasoning else []


def _block_delta(body: Mapping[str, Any]) -> list[ChatChunk]:
    delta = body.get("delta") or {}
    if delta.get("text"):
        return [delta_chunk({"content": delta["text"]})]
    if "toolUse" in delta:
        return [_call_chunk(body, None, None, delta["toolUse"].get("input") or "")]
    if "reasoningContent" in delta:
        return _reasoning(delta["reasoningContent"])
    return [] if not delta or "text" in delta else [delta_chunk({"content": [{"type": next(iter(delta))}]})]


def _message_stop(body: Mapping[str, Any]) -> list[ChatChunk]:
    return [_ending(body)]


_EVENTS: Mapping[str, Callable[[Mapping[str, Any]], list[ChatChunk]]] = {
    "contentBlockStart": _block_start,
    "contentBlockDelta": _block_delta,
    "messageStop": _message_stop,
}


def _reasoning(reasoning: Mapping[str, Any]) -> list[ChatChunk]:
    block: dict[str, Any] = {"type": "thinking", "thinking": reasoning.get("text") or ""}
    if reasoning.get("signature"):
        block["signature"] = reasoning["signature"]
    if reasoning.get("redactedContent"):
        block = {"type": "redacted_thinking", "data": reasoning["redactedContent"]}
    return [delta_chunk({"thinking_blocks": [block]})]


def _call_chunk(body: Mapping[str, Any], call_id: str | None, name: str | None, arguments: str) -> ChatChunk:
    function = {"name": name, "arguments": arguments}
    call = {"index": body.get("contentBlockIndex"), "id": call_id, "type": "function", "function": function}
    return delta_chunk({"tool_calls": [call]})


def _whole_call(call: Mapping[str, Any], index: int) -> dict[str, Any]:
    function = {"name": call.get("name"), "arguments": dump_json(call.get("input") or {}).decode()}
    return {"index": index, "id": call.get("toolUseId"), "type": "function", "function": function}


def _content_part(block: Mapping[str, Any]) -> dict[str, Any]:
    """A block as a part of the content, which keeps their order; unknown kinds are named, so that they are noted."""
    if "text" in block:
        return {"type": "text", "text": block["text"]}
    reasoning = block.get("reasoningContent") or {}
    if reasoning.get("redactedContent"):
        return {"type": "redacted_thinking", "data": reasoning["redactedContent"]}
    if "reasoningText" in reasoning:
        said = reasoning["reasoningText"]
        return {"type": "thinking", "thinking": said.get("text"), "signature": said.get("signature")}
    return {"type": next(iter(block), "empty block")}


def _ending(body: Mapping[str, Any]) -> ChatChunk:
    reason = str(body.get("stopReason"))
    if reason in _FINISH:
        return finish_chunk(_FINISH[reason], reason)
    return failure_chunk(f"the model broke its answer off: {reason}")


def _usage(body: Mapping[str, Any]) -> dict[str, Any]:
    """Bedrock counts the input without what was read from or written to the cache; Claude's thinking stands aside."""
    counts = body.get("usage") or {}
    more = (body.get("additionalModelResponseFields") or {}).get("usage") or {}
    thinking = (more.get("output_tokens_details") or {}).get("thinking_tokens")
    read, written = counts.get("cacheReadInputTokens") or 0, counts.get("cacheWriteInputTokens") or 0
    details: dict[str, Any] = {"cached_tokens": read, "cache_creation_tokens": written}
    by_lifetime = {entry.get("ttl"): entry.get("inputTokens") for entry in counts.get("cacheDetails") or ()}
    if by_lifetime:
        details["cache_creation"] = {f"ephemeral_{ttl}_input_tokens": tokens for ttl, tokens in by_lifetime.items()}
    return {
        "prompt_tokens": (counts.get("inputTokens") or 0) + read + written,
        "completion_tokens": counts.get("outputTokens") or 0,
        "prompt_tokens_details": details,
        "completion_tokens_details": {} if thinking is None else {"reasoning_tokens": thinking},
    }
