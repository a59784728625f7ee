"""Reasoning of any vendor inside the `signature` string of an Anthropic thinking block.

Clients send thinking blocks back as they got them, so whatever a model needs to see again
(`reasoning_details`: signatures, encrypted parts, ids) survives in that string.
"""

from base64 import b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

ENVELOPE_PREFIX = "orx1."
"""What tells an envelope from a signature of Anthropic; the digit is the version of the form."""


def pack_reasoning(details: Sequence[Mapping[str, Any]]) -> str:
    """`reasoning_details` as one string: the prefix, then compact JSON in base64url without padding."""
    text = urlsafe_b64encode(orjson.dumps(list(details))).rstrip(b"=")
    return ENVELOPE_PREFIX + text.decode("ascii")


def unpack_reasoning(signature: str) -> list[dict[str, Any]] | None:
    """The details that `pack_reasoning` got, or None for anything else. Never raises."""
    if not signature.startswith(ENVELOPE_PREFIX):
        return None
    text = signature[len(ENVELOPE_PREFIX) :]
    try:
        details = orjson.loads(b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
    except ValueError:
        return None
    if not isinstance(details, list) or not all(isinstance(detail, dict) for detail in details):
        return None
    return details
