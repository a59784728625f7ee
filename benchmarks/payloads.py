"""The requests the benchmark sends: small ones, and one of the size and shape Claude Code sends in a long session."""

from typing import Any, Final, Literal

import orjson

from benchmarks.upstream import PACED_MARKER, SPACED_MARKER

Wire = Literal["messages", "chat"]
MODELS: Final[dict[Wire, str]] = {"messages": "anthropic/claude-sonnet-4.5", "chat": "openai/gpt-5"}
PATH: Final = "/v1/messages"
HEADERS: Final = {
    "accept": "application/json",
    "content-type": "application/json",
    "user-agent": "bench/1",
    "x-api-key": "bench",
    "anthropic-version": "2023-06-01",
}

_SENTENCE: Final = "The parser keeps what it read so far, and the caller decides when the buffer may be reused. "
_CODE: Final = (
    "def step_{n}(state: State) -> State:\n"
    "    if state.ready:\n"
    "        return state.advance({n})\n"
    '    return state  # "{n}"\n'
)
_TOOLS: Final = 25
_TURNS: Final = 50  # each an assistant message and a user message


def _system(blocks: int, sentences: int) -> list[dict[str, Any]]:
    text = _SENTENCE * sentences
    cached = {"cache_control": {"type": "ephemeral"}}
    return [{"type": "text", "text": f"Part {n}. {text}"} | (cached if n else {}) for n in range(blocks)]


def _tool(number: int) -> dict[str, Any]:
    edit = {
        "type": "object",
        "properties": {
            "old_string": {"type": "string", "description": "The text to replace, exactly as it stands in the file"},
            "new_string": {"type": "string", "description": "The text to put in its place"},
            "replace_all": {"type": "boolean", "default": False},
        },
        "required": ["old_string", "new_string"],
        "additionalProperties": False,
    }
    properties = {
        "file_path": {"type": "string", "description": "The absolute path of the file"},
        "mode": {"type": "string", "enum": ["read", "write", "append"]},
        "limit": {"type": "integer", "minimum": 1, "description": "How many lines at most"},
        "edits": {"type": "array", "items": edit, "minItems": 1},
    }
    return {
        "name": f"Tool{number:02d}",
        "description": f"Does step {number} of the work. " + _SENTENCE * 8,
        "input_schema": {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "type": "object",
            "properties": properties,
            "required": ["file_path"],
            "additionalProperties": False,
        },
    }


def _turn(number: int) -> list[dict[str, Any]]:
    call = f"toolu_bench{number:04d}"
    source = "".join(_CODE.format(n=number * 10 + line) for line in range(14))
    tool_use = {
        "type": "tool_use",
        "id": call,
        "name": f"Tool{number % _TOOLS:02d}",
        "input": {"file_path": f"/src/module_{number}.py", "mode": "read", "limit": 200},
    }
    said = {"type": "text", "text": f"I will look at module {number}. " + _SENTENCE}
    result = {"type": "tool_result", "tool_use_id": call, "content": [{"type": "text", "text": source}]}
    return [{"role": "assistant", "content": [said, tool_use]}, {"role": "user", "content": [result]}]


def _encode(wire: Wire, request: dict[str, Any], *, stream: bool) -> bytes:
    return orjson.dumps({"model": MODELS[wire], **request, "stream": stream})


def small_request(wire: Wire, *, stream: bool = False, note: str = "") -> bytes:
    """About 1 KB: a short system prompt and one question. `note` is put into the question."""
    question = {"type": "text", "text": f"{note} " + _SENTENCE * 6 + "What follows from it?"}
    request = {"max_tokens": 1024, "system": _SENTENCE * 2, "messages": [{"role": "user", "content": [question]}]}
    return _encode(wire, request, stream=stream)


def paced_request(wire: Wire, *, large: bool = False) -> bytes:
    """A streaming request that the fake upstream answers slowly, with the time in each event."""
    make = large_request if large else small_request
    return make(wire, stream=True, note=PACED_MARKER.decode())


def spaced_request(wire: Wire) -> bytes:
    """A small streaming request that the fake upstream answers one event at a time."""
    return small_request(wire, stream=True, note=SPACED_MARKER.decode())


def large_request(wire: Wire, *, stream: bool = False, note: str = "") -> bytes:
    """About 150 KB: 3 system blocks, 25 tools, 101 messages with tool calls and their results."""
    messages: list[dict[str, Any]] = [{"role": "user", "content": f"{note} Please go through the modules one by one."}]
    for number in range(_TURNS):
        messages += _turn(number)
    last = messages[-1]["content"][0]
    last["cache_control"] = {"type": "ephemeral"}
    request = {
        "max_tokens": 32000,
        "system": _system(3, 40),
        "tools": [_tool(number) for number in range(_TOOLS)],
        "messages": messages,
        "metadata": {"user_id": '{"device_id":"bench","account_uuid":"","session_id":"bench-session"}'},
    }
    return _encode(wire, request, stream=stream)
