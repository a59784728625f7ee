"""Thinking between the Messages API and thought parts of Gemini's clients, in both directions, nothing lost.

`thoughtSignature` is base64 there, and Google's clients decode it. Ours holds the signature (or the encrypted data)
of the Messages API behind a mark, and the text of the thought too where the client is not shown it; one without a
mark is Gemini's own, which travels in our envelope.
"""

from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any

from openrouter_anthropic_server.conversion.gemini_signatures import signature_detail
from openrouter_anthropic_server.conversion.json_text import dump_json, parse_exact
from openrouter_anthropic_server.conversion.reasoning_envelope import pack_reasoning

Block = dict[str, Any]

_SIGNATURE = b"messages-signature:"
_REDACTED = b"messages-redacted:"
_WHOLE = b"messages-thinking:"
"""Before the JSON of `[text, signature]`."""


def thought_signature(block: Mapping[str, Any], *, with_text: bool = False) -> str | None:
    """The `thoughtSignature` for a `thinking` or `redacted_thinking` block; None if it has nothing to keep.

    `with_text`: the signature brings back the text too, because no part shows it.
    """
    if block["type"] == "redacted_thinking":
        return b64encode(_REDACTED + str(block["data"]).encode()).decode()
    signature = block.get("signature")
    if signature and with_text and block.get("thinking"):
        return b64encode(_WHOLE + dump_json([block["thinking"], signature])).decode()
    return b64encode(_SIGNATURE + str(signature).encode()).decode() if signature else None


def block_of_signature(signature: str, thinking: str, call_id: str | None = None) -> Block:
    """The block that a `thoughtSignature` stands for; `thinking` is the text of the thought, if it has one.

    `call_id`: the call that carried a signature of Gemini's own.
    """
    data = _decoded(signature)
    if data.startswith(_REDACTED):
        return {"type": "redacted_thinking", "data": _text(data, _REDACTED)}
    if data.startswith(_WHOLE):
        kept, own = _kept(data)
        return {"type": "thinking", "thinking": thinking or kept, "signature": own}
    if data.startswith(_SIGNATURE):
        return {"type": "thinking", "thinking": thinking, "signature": _text(data, _SIGNATURE)}
    envelope = pack_reasoning([signature_detail(signature, call_id)])
    return {"type": "thinking", "thinking": thinking, "signature": envelope}


def _text(data: bytes, mark: bytes) -> str:
    return data[len(mark) :].decode(errors="replace")


def _kept(data: bytes) -> tuple[str, str]:
    try:
        kept = parse_exact(data[len(_WHOLE) :])
    except ValueError:
        kept = None
    match kept:
        case [str() as text, str() as signature]:
            return text, signature
        case _:
            return "", ""


def _decoded(signature: str) -> bytes:
    text = signature.replace("-", "+").replace("_", "/")
    try:
        return b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError:
        return b""
