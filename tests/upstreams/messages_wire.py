"""Answers in the form of the Anthropic Messages API: a JSON message, or its SSE events."""

import re
from collections.abc import Iterator
from typing import Any

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

MESSAGE_ID = "gen-1763670000-fakemessage"
SEARCH_ID = "srvtoolu_fake_search"

_ID = "[a-zA-Z0-9_-]+"
_NAME = "[a-zA-Z0-9_-]{1,128}"


def error_script(error: ApiError) -> Script:
    """An error answer with the envelope that OpenRouter's `/messages` and Anthropic use."""
    body = {
        "type": "error",
        "error": {"type": error.type, "message": error.message} | error.metadata,
        "request_id": MESSAGE_ID,
    }
    return json_script(body, error.status, error.headers)


def id_problem(body: dict[str, Any]) -> ApiError | None:
    """What Anthropic says to the first tool call, result or tool with an id or a name that it does not take."""
    for path, value, pattern in _named(body):
        if not re.fullmatch(pattern, value):
            return ApiError(400, f"{path}: String should match pattern '^{pattern}$'", "invalid_request_error")
    return None


def _named(body: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    for number, tool in enumerate(body.get("tools") or ()):
        if "name" in tool:
            yield f"tools.{number}.custom.name", tool["name"], _NAME
    for number, message in enumerate(body.get("messages") or ()):
        content = message["content"]
        for place, block in enumerate(content if isinstance(content, list) else ()):
            path = f"messages.{number}.content.{place}.{block['type']}"
            if block["type"] == "tool_use":
                yield f"{path}.id", block["id"], _ID
                yield f"{path}.name", block["name"], _NAME
            elif block["type"] == "tool_result":
                yield f"{path}.tool_use_id", block["tool_use_id"], _ID


def message(answer: Answer, model: str) -> dict[str, Any]:
    """The whole answer as one message."""
    return _shell(answer, model) | {
        "content": [block for part in answer.parts for block in _blocks(part)],
        "stop_reason": answer.stop_reason,
        "usage": usage(answer.tokens),
    }


def usage(tokens: Tokens) -> dict[str, Any]:
    """The usage object, with OpenRouter's `cost` where given."""
    counts: dict[str, Any] = {
        "input_tokens": tokens.input,
        "output_tokens": tokens.output,
        "cache_creation_input_tokens": tokens.cache_write,
        "cache_read_input_tokens": tokens.cache_read,
    }
    return counts if tokens.cost is None else counts | {"cost": tokens.cost}


def json_answer(answer: Answer, model: str) -> Script:
    """The answer to a request without `stream`."""
    return json_script(message(answer, model), headers=answer.headers)


def stream_answer(answer: Answer, model: str) -> Script:
    """The answer to a request with `stream`."""
    return sse_script(_frames(answer, model), headers=answer.headers)


def event(data: dict[str, Any]) -> bytes:
    """One SSE frame with the `event:` line that clients need."""
    return b"event: " + str(data["type"]).encode() + b"\ndata: " + orjson.dumps(data) + b"\n\n"


def _frames(answer: Answer, model: str) -> Iterator[bytes | Step]:
    if answer.pause_before_content:
        yield Pause(answer.pause_before_content)
    yield event({"type": "message_start", "message": _shell(answer, model) | {"usage": _start_usage(answer.tokens)}})
    yield from _content_frames(answer)
    if answer.pause_before_end:
        yield Pause(answer.pause_before_end)
    yield from _ending_frames(answer)


def _content_frames(answer: Answer) -> Iterator[bytes | Step]:
    index = 0
    last = answer.parts[-1] if answer.parts else None
    for part in answer.parts:
        blocks = list(_blocks(part))
        for block in blocks:
            yield event({"type": "content_block_start", "index": index, "content_block": _opening(block)})
            if index == 0:
                yield event({"type": "ping"})
            for number, delta in enumerate(_deltas(block)):
                yield event({"type": "content_block_delta", "index": index, "delta": delta})
                if index == 0 and number == 0 and answer.pause_within:
                    yield Pause(answer.pause_within)
            unfinished = answer.ending != "normal" and part is last and block is blocks[-1]
            if not unfinished:
                yield event({"type": "content_block_stop", "index": index})
            index += 1


def _ending_frames(answer: Answer) -> Iterator[bytes | Step]:
    match answer.ending:
        case "normal":
            delta = {"stop_reason": answer.stop_reason, "stop_sequence": None}
            yield event({"type": "message_delta", "delta": delta, "usage": usage(answer.tokens)})
            yield event({"type": "message_stop"})
        case "error":
            failure = {"type": answer.failure.type, "message": answer.failure.message}
            yield event({"type": "error", "error": failure})
        case "cut":
            yield Cut()
        case "hold":
            yield Hold()
        case "end":
            return


def _shell(answer: Answer, model: str) -> dict[str, Any]:
    return {
        "id": MESSAGE_ID,
        "type": "message",
        "role": "assistant",
        "container": None,
        "model": answer.model or model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {},
        "provider": "Anthropic",
    }


def _start_usage(tokens: Tokens) -> dict[str, Any]:
    return usage(tokens) | {"output_tokens": 1}


def _blocks(part: Part) -> list[dict[str, Any]]:
    match part:
        case Text(text):
            return [{"type": "text", "text": text, "citations": None}]
        case Thinking(text, signature):
            return [{"type": "thinking", "thinking": text, "signature": signature}]
        case RedactedThinking(data):
            return [{"type": "redacted_thinking", "data": data}]
        case ToolCall(name, arguments, call_id):
            return [{"type": "tool_use", "id": call_id, "name": name, "input": arguments}]
        case SearchResult(url, title):
            return _search_blocks(url, title)


def _search_blocks(url: str, title: str) -> list[dict[str, Any]]:
    found = {"type": "web_search_result", "url": url, "title": title, "encrypted_content": "b64==", "page_age": None}
    return [
        {"type": "server_tool_use", "id": SEARCH_ID, "name": "web_search", "input": {"query": title}},
        {"type": "web_search_tool_result", "tool_use_id": SEARCH_ID, "content": [found]},
    ]


def _opening(block: dict[str, Any]) -> dict[str, Any]:
    match block["type"]:
        case "text":
            return block | {"text": ""}
        case "thinking":
            return block | {"thinking": "", "signature": ""}
        case "tool_use" | "server_tool_use":
            return block | {"input": {}}
        case _:
            return block


def _deltas(block: dict[str, Any]) -> list[dict[str, Any]]:
    match block["type"]:
        case "text":
            return [{"type": "text_delta", "text": piece} for piece in pieces(block["text"])]
        case "thinking":
            thoughts = [{"type": "thinking_delta", "thinking": piece} for piece in pieces(block["thinking"])]
            return [*thoughts, {"type": "signature_delta", "signature": block["signature"]}]
        case "tool_use" | "server_tool_use":
            arguments = ["", *pieces(orjson.dumps(block["input"]).decode())]
            return [{"type": "input_json_delta", "partial_json": piece} for piece in arguments]
        case _:
            return []
