"""Thinking between the Messages API and `reasoning_details` of chat messages, in both directions, nothing lost.

Each thinking block is one whole entry with its signature as it is, so a client that sends its messages back as it
got them sends the block back. Entries of other origin (a conversation begun elsewhere) are taken too.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from openrouter_anthropic_server.conversion.reasoning_envelope import ENVELOPE_PREFIX, pack_reasoning
from openrouter_anthropic_server.conversion.request_shapes import Json, objects_at, text_at

Block = dict[str, Any]
Detail = dict[str, Any]

_FORMAT = "anthropic-claude-v1"
_TEXT, _ENCRYPTED, _SUMMARY = "reasoning.text", "reasoning.encrypted", "reasoning.summary"


def detail_of_block(block: Json, index: int) -> Detail:
    """The entry for a `thinking` or `redacted_thinking` block; `index` counts the entries of the message."""
    if block["type"] == "redacted_thinking":
        return {"type": _ENCRYPTED, "data": block["data"], "format": _FORMAT, "index": index}
    detail: Detail = {"type": _TEXT, "text": block.get("thinking", ""), "index": index}
    if block.get("signature"):
        detail |= {"signature": block["signature"], "format": _FORMAT}
    return detail


def blocks_of_reasoning(message: Json, path: str) -> list[Block]:
    """The thinking blocks of an assistant message: of its details, else of its plain reasoning."""
    details = message.get("reasoning_details")
    if details:
        return list(_blocks(objects_at(details, f"{path}.reasoning_details")))
    for name in ("reasoning_content", "reasoning"):
        if message.get(name):
            return [_thinking(text_at(message[name], f"{path}.{name}"), "")]
    return []


def _blocks(details: list[Detail]) -> Iterator[Block]:
    """A text alone or Anthropic's is a block; what else belongs together travels as one envelope."""
    foreign: list[Detail] = []
    for detail in details:
        if _is_ours(detail):
            yield from _envelope(foreign)
            foreign = []
            yield _own_block(detail)
        else:
            foreign.append(detail)
    yield from _envelope(foreign)


def _is_ours(detail: Detail) -> bool:
    kind, form = detail.get("type"), detail.get("format")
    if kind == _ENCRYPTED:
        return form == _FORMAT or str(detail.get("data", "")).startswith(ENVELOPE_PREFIX)
    return kind == _TEXT and form in (None, _FORMAT)


def _own_block(detail: Detail) -> Block:
    if detail["type"] == _ENCRYPTED:
        return {"type": "redacted_thinking", "data": detail.get("data") or ""}
    return _thinking(detail.get("text") or "", detail.get("signature") or "")


def _envelope(details: list[Detail]) -> Iterator[Block]:
    if details:
        texts = [_readable(detail) for detail in details]
        yield _thinking("".join(texts), pack_reasoning(details))


def _readable(detail: Mapping[str, Any]) -> str:
    value = detail.get("summary") if detail.get("type") == _SUMMARY else detail.get("text")
    return value if isinstance(value, str) else ""


def _thinking(text: str, signature: str) -> Block:
    return {"type": "thinking", "thinking": text, "signature": signature}
