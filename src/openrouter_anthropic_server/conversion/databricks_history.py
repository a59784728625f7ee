"""Thinking of earlier turns as Databricks takes it back: content parts of the form in which it handed it out.

Only Claude is given its thinking again, and only signed: it refuses any other. Foreign envelopes mean nothing there.
"""

from openrouter_anthropic_server.conversion.chat_context import ChatContext, Json, Part
from openrouter_anthropic_server.conversion.reasoning_envelope import ENVELOPE_PREFIX

_THINKING_FIELDS = frozenset({"type", "thinking", "signature", "cache_control"})
_REDACTED_FIELDS = frozenset({"type", "data", "cache_control"})


def thinking_parts(block: Json, path: str, ctx: ChatContext) -> list[Part]:
    """The content part for a thinking block; none if the model may not see it."""
    ctx.note_unknown(block, _THINKING_FIELDS, path)
    signature = block.get("signature") or ""
    if not _is_own(signature, path, ctx):
        return []
    return [_part({"type": "summary_text", "text": block["thinking"], "signature": signature})]


def redacted_parts(block: Json, path: str, ctx: ChatContext) -> list[Part]:
    """The content part for a redacted_thinking block; none if the model may not see it."""
    ctx.note_unknown(block, _REDACTED_FIELDS, path)
    if not _is_own(block["data"], path, ctx):
        return []
    return [_part({"type": "summary_encrypted_text", "data": block["data"]})]


def _is_own(mark: str, path: str, ctx: ChatContext) -> bool:
    if not ctx.anthropic:
        ctx.notes.not_sent(path, "only Claude models get their thinking back on this wire")
    elif not mark:
        ctx.notes.not_sent(path, "thinking without a signature is refused by Anthropic's models")
    elif mark.startswith(ENVELOPE_PREFIX):
        ctx.notes.not_sent(path, "reasoning of another vendor's model")
    else:
        return True
    return False


def _part(summary: dict[str, str]) -> Part:
    return {"type": "reasoning", "summary": [summary]}
