"""A demo answer as it goes out: one message, or the beats of a stream that adds up to the same message."""

from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from openrouter_anthropic_server.anthropic_types.events import StreamEvent
from openrouter_anthropic_server.backends.demo_answer import Answer, Block, Break, new_id
from openrouter_anthropic_server.backends.demo_request import DemoRequest
from openrouter_anthropic_server.backends.demo_script import PIECE_CHARACTERS, Pause

Json = dict[str, Any]
Beat = tuple[StreamEvent, ...] | Pause | Break
"""Events that travel together, a silence, or the end by failure."""

_CALLS = {"tool_use", "server_tool_use"}
_REFUSAL = {"type": "refusal", "category": None, "explanation": "The demo model was told to refuse."}


def message_of(request: DemoRequest, answer: Answer) -> Json:
    """The complete Message; `demo` marks it beside the fields of the API."""
    message = {
        "id": new_id("msg"),
        "type": "message",
        "role": "assistant",
        "model": request.model,
        "content": [block.content for block in answer.blocks],
        "stop_reason": answer.stop_reason,
        "stop_sequence": answer.stop_sequence,
        "usage": _usage(request, answer),
        "demo": True,
    }
    return message | _stop_details(answer)


def beats_of(request: DemoRequest, answer: Answer) -> Iterator[Beat]:
    """The stream of the same message, in the order of the API."""
    held = [_message_start(request, answer)]
    index = 0
    for position, part in enumerate(answer.parts):
        if isinstance(part, Block):
            unfinished = isinstance(_after(answer, position), Break)
            yield from _block_beats(part, index, held, unfinished=unfinished)
            index += 1
            continue
        if held:
            yield tuple(held)
            held.clear()
        yield part
        if isinstance(part, Break):
            return
    yield (*held, _message_delta(request, answer), {"type": "message_stop"})


def _after(answer: Answer, position: int) -> object:
    return answer.parts[position + 1] if position + 1 < len(answer.parts) else None


def _block_beats(block: Block, index: int, held: list[StreamEvent], *, unfinished: bool) -> Iterator[Beat]:
    """The beats of a block: a beat per piece; what does not open with a piece waits in `held`."""
    held.append({"type": "content_block_start", "index": index, "content_block": _opened(block.content)})
    if index == 0:
        held.append({"type": "ping"})
    for delta in _deltas(block.content, unfinished=unfinished):
        yield (*held, {"type": "content_block_delta", "index": index, "delta": delta})
        held.clear()
    if not unfinished:
        held.append({"type": "content_block_stop", "index": index})


def _opened(content: Json) -> Json:
    """The block as it starts: its text or input comes in pieces; results of server tools come whole."""
    kind = content["type"]
    if kind in _CALLS:
        return {**content, "input": {}}
    if kind == "thinking":
        return {**content, "thinking": "", "signature": ""}
    return {**content, "text": ""} if kind == "text" else content


def _deltas(content: Json, *, unfinished: bool) -> Iterator[Json]:
    kind = content["type"]
    if kind in _CALLS:
        yield from _input_deltas(content, unfinished=unfinished)
    elif kind == "text":
        for piece in _pieces(content["text"]):
            yield {"type": "text_delta", "text": piece}
    elif kind == "thinking":
        for piece in _pieces(content["thinking"]):
            yield {"type": "thinking_delta", "thinking": piece}
        if not unfinished:
            yield {"type": "signature_delta", "signature": content["signature"]}


def _input_deltas(content: Json, *, unfinished: bool) -> Iterator[Json]:
    """First an empty piece, as the API does; an unfinished input stops half way."""
    text = orjson.dumps(content["input"]).decode() if content["input"] else ""
    for piece in ("", *_pieces(text[: len(text) // 2] if unfinished else text)):
        yield {"type": "input_json_delta", "partial_json": piece}


def _pieces(text: str) -> Sequence[str]:
    return [text[start : start + PIECE_CHARACTERS] for start in range(0, len(text), PIECE_CHARACTERS)]


def _message_start(request: DemoRequest, answer: Answer) -> StreamEvent:
    message = message_of(request, answer)
    usage = {key: count for key, count in message["usage"].items() if key not in {"output_tokens_details"}}
    message.pop("stop_details", None)
    start: Json = {"content": [], "stop_reason": None, "stop_sequence": None, "usage": {**usage, "output_tokens": 1}}
    return {"type": "message_start", "message": {**message, **start}}


def _message_delta(request: DemoRequest, answer: Answer) -> StreamEvent:
    ending = {"stop_reason": answer.stop_reason, "stop_sequence": answer.stop_sequence}
    return {"type": "message_delta", "delta": ending | _stop_details(answer), "usage": _usage(request, answer)}


def _stop_details(answer: Answer) -> Json:
    return {"stop_details": _REFUSAL} if answer.stop_reason == "refusal" else {}


def _usage(request: DemoRequest, answer: Answer) -> Json:
    usage: Json = {
        "input_tokens": request.input_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "output_tokens": answer.output_tokens,
        "service_tier": "standard",
    }
    if answer.thinking_tokens:
        usage["output_tokens_details"] = {"thinking_tokens": answer.thinking_tokens}
    if any(block.content["type"] == "server_tool_use" for block in answer.blocks):
        usage["server_tool_use"] = {"web_search_requests": 0, "web_fetch_requests": 0}
    return usage
