"""Reads the reasoning in a message or delta, in the four forms that upstreams give it.

`reasoning_details` (OpenRouter), `thinking_blocks` (LiteLLM), `reasoning` or `reasoning_content` (plain
text). An upstream that sends several says the same thing in each, so the richest one is read.
"""

from collections.abc import Callable, Mapping
from typing import Any

from openrouter_anthropic_server.conversion.vendors import ANTHROPIC, vendor_of, vendors_of_format
from openrouter_anthropic_server.streaming.delta_types import (
    Delta,
    ForeignReasoning,
    RedactedThinking,
    SignatureDelta,
    ThinkingDelta,
)

_UNKNOWN_FORMATS = (None, "", "unknown")


def read_reasoning(message: Mapping[str, Any], model: str) -> list[Delta]:
    """The reasoning deltas of a message or delta; `model` decides where an entry does not name its vendor."""
    plain = message.get("reasoning") or message.get("reasoning_content")
    details = _extra(message, "reasoning_details")
    if details:
        deltas = _from_details(details, model)
        if plain and not any(type(delta) is ThinkingDelta for delta in deltas):
            # Only signatures or encrypted data in the details: the visible text stands beside them.
            deltas.insert(0, ThinkingDelta(str(plain)))
        return deltas
    blocks = _extra(message, "thinking_blocks")
    if blocks:
        return _from_blocks(blocks, model)
    return [ThinkingDelta(str(plain))] if plain else []


def has_reasoning(message: Mapping[str, Any]) -> bool:
    """Whether `read_reasoning` can find anything; cheap."""
    return bool(
        message.get("reasoning_details")
        or message.get("reasoning")
        or message.get("reasoning_content")
        or message.get("thinking_blocks")
        or message.get("provider_specific_fields")
    )


def thinking_deltas(text: object, signature: object, index: int | None = None) -> list[Delta]:
    """Anthropic's own thinking: text and signature, each if it is there."""
    deltas: list[Delta] = []
    if isinstance(text, str) and text:
        deltas.append(ThinkingDelta(text, index))
    if isinstance(signature, str) and signature:
        deltas.append(SignatureDelta(signature, index))
    return deltas


def _extra(message: Mapping[str, Any], key: str) -> list[Any]:
    """A field that LiteLLM moves into `provider_specific_fields`."""
    value = message.get(key)
    if not value:
        extras = message.get("provider_specific_fields")
        value = extras.get(key) if isinstance(extras, Mapping) else None
    return value if isinstance(value, list) else []


def _from_details(details: list[Any], model: str) -> list[Delta]:
    deltas: list[Delta] = []
    for detail in details:
        if isinstance(detail, dict):
            read = _READERS.get(str(detail.get("type")), _unknown)
            deltas += read(detail, _is_anthropic(detail, model))
    return deltas


def _is_anthropic(detail: Mapping[str, Any], model: str) -> bool:
    form = detail.get("format")
    if form in _UNKNOWN_FORMATS:
        return vendor_of(model) == ANTHROPIC
    vendors = vendors_of_format(form)
    return vendors is not None and ANTHROPIC in vendors


def _text(detail: dict[str, Any], is_anthropic: bool) -> list[Delta]:
    if is_anthropic:
        return thinking_deltas(detail.get("text"), detail.get("signature"), _index(detail))
    return [*thinking_deltas(detail.get("text"), None, _index(detail)), ForeignReasoning(detail)]


def _summary(detail: dict[str, Any], _is_anthropic: bool) -> list[Delta]:
    return [*thinking_deltas(detail.get("summary"), None, _index(detail)), ForeignReasoning(detail)]


def _encrypted(detail: dict[str, Any], is_anthropic: bool) -> list[Delta]:
    data = detail.get("data")
    if is_anthropic and isinstance(data, str):
        return [RedactedThinking(data)] if data else []
    return [ForeignReasoning(detail)]


def _unknown(detail: dict[str, Any], _is_anthropic: bool) -> list[Delta]:
    """Server tool calls, and kinds that do not exist yet: kept, to be sent back as they are."""
    return [ForeignReasoning(detail)]


_READERS: dict[str, Callable[[dict[str, Any], bool], list[Delta]]] = {
    "reasoning.text": _text,
    "reasoning.summary": _summary,
    "reasoning.encrypted": _encrypted,
}


def _index(detail: Mapping[str, Any]) -> int | None:
    index = detail.get("index")
    return index if isinstance(index, int) else None


def _from_blocks(blocks: list[Any], model: str) -> list[Delta]:
    """LiteLLM's Anthropic-shaped blocks. It makes them for Gemini too, whose signature is not Anthropic's."""
    signed = "gemini" not in model.lower()
    deltas: list[Delta] = []
    for block in blocks:
        if not isinstance(block, dict):
            continue
        if block.get("type") == "redacted_thinking" and block.get("data"):
            deltas.append(RedactedThinking(str(block["data"])))
        else:
            deltas += thinking_deltas(block.get("thinking"), block.get("signature") if signed else None)
    return deltas
