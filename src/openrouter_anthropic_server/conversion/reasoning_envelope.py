"""Reasoning of any vendor inside the `signature` string of an Anthropic thinking block.

Clients send thinking blocks back as they got them, so whatever a model needs to see again
(`reasoning_details`: signatures, encrypted parts, ids) survives in that string.
"""

from base64 import b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from typing import Any

from openrouter_anthropic_server.conversion.json_text import dump_json, parse_exact

ENVELOPE_PREFIX = "orx1."
"""What tells an envelope from a signature of Anthropic; the digit is the version of the form."""


_TEXTS = ("type", "text", "data", "signature", "id", "summary", "format")
"""Fields of a detail that are strings, null or absent."""


def pack_reasoning(details: Sequence[Mapping[str, Any]]) -> str:
    """`reasoning_details` as one string: the prefix, then compact JSON in base64url without padding."""
    text = urlsafe_b64encode(dump_json(list(details))).rstrip(b"=")
    return ENVELOPE_PREFIX + text.decode("ascii")


def unpack_reasoning(signature: str) -> list[dict[str, Any]] | None:
    """The well-formed ones of the details that `pack_reasoning` got, or None for anything else. Never raises."""
    packed = _packed(signature)
    return None if packed is None else [detail for detail in packed if _is_well_formed(detail)]


def malformed_details(signature: str) -> int:
    """How many details of an envelope `unpack_reasoning` leaves out: a client can have written it."""
    return sum(not _is_well_formed(detail) for detail in _packed(signature) or ())


def _is_well_formed(detail: Mapping[str, Any]) -> bool:
    return all(isinstance(detail.get(name), str | None) for name in _TEXTS)


def _packed(signature: str) -> list[dict[str, Any]] | None:
    if not signature.startswith(ENVELOPE_PREFIX):
        return None
    text = signature[len(ENVELOPE_PREFIX) :]
    try:
        details = parse_exact(b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
    except ValueError:
        return None
    if not isinstance(details, list) or not all(isinstance(detail, dict) for detail in details):
        return None
    return details
