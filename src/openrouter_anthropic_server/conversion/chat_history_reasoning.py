"""Thinking blocks of earlier turns as `reasoning_details`: each model gets back its own reasoning, whole and in order.

A signature is valid only for the vendor that made it, and Anthropic's models refuse thinking without one. So foreign
encrypted parts, foreign envelopes and (for Anthropic) unsigned texts are left out, and signatures are never made up.
"""

from collections.abc import Sequence
from typing import Any

from openrouter_anthropic_server.conversion.chat_context import ChatContext, Json
from openrouter_anthropic_server.conversion.reasoning_envelope import (
    ENVELOPE_PREFIX,
    malformed_details,
    unpack_reasoning,
)
from openrouter_anthropic_server.conversion.vendors import ANTHROPIC, vendors_of_format

ANTHROPIC_FORMAT = "anthropic-claude-v1"

_THINKING_FIELDS = frozenset({"type", "thinking", "signature", "cache_control"})
_REDACTED_FIELDS = frozenset({"type", "data", "cache_control"})

Detail = dict[str, Any]
"""An entry of `reasoning_details`."""


def thinking_details(block: Json, path: str, ctx: ChatContext, *, index: int) -> list[Detail]:
    """Details of a thinking block; `index` is the place of a detail made here among those of the message."""
    ctx.note_unknown(block, _THINKING_FIELDS, path)
    text, signature = block["thinking"], block.get("signature") or ""
    if signature.startswith(ENVELOPE_PREFIX):
        packed = _unpacked(signature, path, ctx)
        if packed is not None:
            details = _own_details(packed, path, ctx)
            if text and details and not any(detail.get("text") or detail.get("summary") for detail in details):
                ctx.notes.not_sent(f"{path}.thinking", "the model gets its reasoning back in its own encrypted form")
            return details
        signature = ""
    if ctx.anthropic:
        if signature:
            return [_text_detail(text, index) | {"signature": signature, "format": ANTHROPIC_FORMAT}]
        ctx.notes.not_sent(path, "thinking without a signature is refused by Anthropic's models")
        return []
    if signature:
        ctx.notes.not_sent(f"{path}.signature", "a signature of another vendor")
    return _unsigned(text, path, ctx, index)


def redacted_details(block: Json, path: str, ctx: ChatContext, *, index: int) -> list[Detail]:
    """Details of a redacted_thinking block: Anthropic's data, or an envelope with another vendor's."""
    ctx.note_unknown(block, _REDACTED_FIELDS, path)
    packed = _unpacked(block["data"], path, ctx)
    if packed is not None:
        return _own_details(packed, path, ctx)
    if ctx.anthropic and not block["data"].startswith(ENVELOPE_PREFIX):
        return [{"type": "reasoning.encrypted", "data": block["data"], "format": ANTHROPIC_FORMAT, "index": index}]
    ctx.notes.not_sent(path, "encrypted reasoning of another vendor")
    return []


def _unpacked(signature: str, path: str, ctx: ChatContext) -> list[Detail] | None:
    packed = unpack_reasoning(signature)
    if packed is not None and malformed_details(signature):
        ctx.notes.not_sent(path, "reasoning that is not in the form in which it was handed out")
    return packed


def _own_details(packed: Sequence[Detail], path: str, ctx: ChatContext) -> list[Detail]:
    """What the target model may see of an envelope, unmodified."""
    details: list[Detail] = []
    for detail in packed:
        vendors = vendors_of_format(detail.get("format"))
        if vendors is not None and ctx.vendor not in vendors:
            details += _foreign(detail, vendors, path, ctx)
        elif ctx.anthropic and not (detail.get("signature") or detail.get("data")):
            ctx.notes.not_sent(path, "reasoning without a signature is refused by Anthropic's models")
        else:
            details.append(detail)
    return details


def _foreign(detail: Detail, vendors: frozenset[str], path: str, ctx: ChatContext) -> list[Detail]:
    """Claude's plain texts are readable by any model; anything else of another vendor is not sent."""
    if ANTHROPIC in vendors and detail.get("type") == "reasoning.text" and detail.get("text"):
        ctx.notes.not_sent(f"{path}.signature", "a signature of another vendor")
        return [_text_detail(detail["text"], detail.get("index", 0))]
    ctx.notes.not_sent(path, "reasoning of another vendor's model")
    return []


def _unsigned(text: str, path: str, ctx: ChatContext, index: int) -> list[Detail]:
    if text:
        return [_text_detail(text, index)]
    ctx.notes.not_sent(path, "thinking block without text")
    return []


def _text_detail(text: str, index: int) -> Detail:
    return {"type": "reasoning.text", "text": text, "index": index}
