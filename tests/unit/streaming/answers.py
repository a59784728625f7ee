"""Messages at random, and their streams, for tests of what other forms make of them."""

from collections.abc import Iterator
from typing import Any

import orjson
from hypothesis import strategies as st

Event = dict[str, Any]
Message = dict[str, Any]

_TEXTS = st.text(min_size=1, max_size=20)
_NAMES = st.from_regex(r"[a-z_]{1,10}", fullmatch=True)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
_INPUTS = st.dictionaries(_NAMES, _VALUES, max_size=3)
_THINKING = st.builds(
    lambda text, signature: {"type": "thinking", "thinking": text, "signature": signature},
    _TEXTS,
    st.sampled_from(["EtkBsignature+of/the==", "orx1.W10", ""]),
)
_REDACTED = st.builds(lambda data: {"type": "redacted_thinking", "data": data}, _TEXTS)
_SAID = st.builds(lambda text: {"type": "text", "text": text}, _TEXTS)
_CALL = st.builds(lambda name, given: {"type": "tool_use", "name": name, "input": given}, _NAMES, _INPUTS)
_REASONS = st.sampled_from(["end_turn", "max_tokens", "stop_sequence", "tool_use", "refusal", "pause_turn"])


@st.composite
def messages(draw: st.DrawFn) -> Message:
    """A message as models write them: thinking first, then at most one text, then calls."""
    thoughts = draw(st.lists(_THINKING | _REDACTED, max_size=3))
    calls = [call | {"id": f"toolu_{number}"} for number, call in enumerate(draw(st.lists(_CALL, max_size=3)))]
    content = [*thoughts, *draw(st.lists(_SAID, max_size=1)), *calls]
    usage = {"input_tokens": 10, "output_tokens": 20, "cache_read_input_tokens": 3, "cache_creation_input_tokens": 4}
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-x",
        "content": content,
        "stop_reason": draw(_REASONS),
        "stop_sequence": None,
        "usage": usage | {"output_tokens_details": {"thinking_tokens": 5}, "cost": 0.5},
        "diagnostics": {"cache_miss_reason": None},
    }


def events_of(message: Message) -> Iterator[Event]:
    """The stream of a message, with texts and inputs in two pieces."""
    start = {**message, "content": [], "stop_reason": None, "usage": message["usage"] | {"output_tokens": 1}}
    yield {"type": "message_start", "message": start}
    for index, block in enumerate(message["content"]):
        yield {"type": "content_block_start", "index": index, "content_block": _opening(block)}
        yield {"type": "ping"}
        for delta in _deltas(block):
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    ending = {"stop_reason": message["stop_reason"], "stop_sequence": message["stop_sequence"]}
    yield {"type": "message_delta", "delta": ending, "usage": {"output_tokens": message["usage"]["output_tokens"]}}
    yield {"type": "message_stop"}


def _opening(block: Event) -> Event:
    empty: dict[str, Event] = {
        "text": {"text": ""},
        "thinking": {"thinking": "", "signature": ""},
        "tool_use": {"input": {}},
    }
    return block | empty.get(block["type"], {})


def _deltas(block: Event) -> Iterator[Event]:
    match block["type"]:
        case "text":
            yield from ({"type": "text_delta", "text": piece} for piece in _pieces(block["text"]))
        case "thinking":
            yield from ({"type": "thinking_delta", "thinking": piece} for piece in _pieces(block["thinking"]))
            if block["signature"]:
                yield {"type": "signature_delta", "signature": block["signature"]}
        case "tool_use":
            pieces = ["", *_pieces(orjson.dumps(block["input"]).decode())] if block["input"] else []
            yield from ({"type": "input_json_delta", "partial_json": piece} for piece in pieces)


def _pieces(text: str) -> list[str]:
    half = len(text) // 2
    return [piece for piece in (text[:half], text[half:]) if piece]
