"""Tells whether an upstream refuses a request for the thinking of earlier turns, whatever it wraps its words in.

Said by Anthropic (and for it by OpenRouter, Databricks, Bedrock and Vertex), by Google and by OpenAI; forms as seen in
bug reports of 2026.
"""

import re
from typing import Literal

_REFUSALS = re.compile(
    r"invalid [`'\"]?(?:signature|data)[`'\"]? in [`'\"]?(?:redacted_)?thinking"
    r"|thinking[`'\"]? blocks?\b[^.]{0,80}cannot be modified"
    r"|expected [`'\"]?(?:redacted_)?thinking[`'\"]?[^.]{0,60}found"
    r"|(?:corrupted|invalid) thought.?signature"
    r"|thought.?signature is not valid"
    r"|encrypted content\b.{0,200}could not be (?:verified|decrypted)"
    r"|invalid_encrypted_content",
    re.IGNORECASE | re.DOTALL,
)

_MISSING = re.compile(r"expected [`'\"]?(?:redacted_)?thinking[`'\"]?[^.]{0,60}found", re.IGNORECASE | re.DOTALL)
_OF_LAST_TURN = re.compile(r"cannot be modified", re.IGNORECASE)
_OF_CONVERSATION = re.compile(r"different conversation", re.IGNORECASE)

Refused = Literal["nothing", "last_turn", "all", "foreign"]
"""What a refusal may have meant: no block that is there, those of the last assistant turn, all, or another's."""


def refuses_thinking(message: str) -> bool:
    """Whether the message of a refusal (HTTP 400) is about thinking, signatures or encrypted reasoning sent back."""
    return _REFUSALS.search(message) is not None


def refused_blocks(message: str) -> Refused:
    """Which blocks such a refusal can have meant.

    One that misses thinking says nothing of the blocks that are there. One about the latest assistant message means
    that turn, whoever signed it. One about the conversation means any: newer Claude models bind each block to all that
    stands before it. The others are about who signed.
    """
    if _MISSING.search(message):
        return "nothing"
    if _OF_LAST_TURN.search(message):
        return "last_turn"
    return "all" if _OF_CONVERSATION.search(message) else "foreign"
