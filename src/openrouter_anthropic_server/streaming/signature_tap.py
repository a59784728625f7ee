"""Finds the signatures that a client is handed, in events as they pass by and in whole answers."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from openrouter_anthropic_server.streaming.sse import SseDecoder

_SIGNED = b'"signature"'
_REDACTED = b'"redacted_thinking"'
_KINDS: Mapping[str, str] = {"thinking": "signature", "redacted_thinking": "data", "signature_delta": "signature"}
"""Where the signature of a block or delta stands, by its type."""

NONE: tuple[str, ...] = ()


def signatures_in(events: bytes) -> Sequence[str]:
    """The signatures and redacted data in some whole events; almost all chunks hold none, and say so at a glance."""
    if _SIGNED not in events and _REDACTED not in events:
        return NONE
    return [text for frame in SseDecoder().feed(events) for text in _in_event(frame.data)]


def signatures_of(content: object) -> list[str]:
    """The same for the content of a whole message."""
    if not isinstance(content, list):
        return []
    return [text for block in content for text in _in_block(block)]


def _in_event(data: bytes) -> Sequence[str]:
    if _SIGNED not in data and _REDACTED not in data:
        return NONE
    try:
        event = orjson.loads(data)
    except orjson.JSONDecodeError:
        return NONE
    return _in_block(event.get("delta") or event.get("content_block")) if isinstance(event, dict) else NONE


def _in_block(block: Any) -> Sequence[str]:
    if not isinstance(block, dict):
        return NONE
    kind = block.get("type")
    key = _KINDS.get(kind) if isinstance(kind, str) else None
    value = block.get(key) if key is not None else None
    return (value,) if isinstance(value, str) and value else NONE
