"""Gemini's signatures of thoughts as reasoning details, in the form that OpenRouter gives them too.

One form for both ways to Gemini: a conversation can move from one to the other and keeps its signatures.
"""

from collections.abc import Iterable, Mapping
from typing import Any

GEMINI_FORMAT = "google-gemini-v1"

_ENCRYPTED = "reasoning.encrypted"


def signature_detail(signature: str, call_id: str | None) -> dict[str, Any]:
    """The detail for the signature of a call, or with None of a text."""
    detail: dict[str, Any] = {"type": _ENCRYPTED, "data": signature, "format": GEMINI_FORMAT, "index": 0}
    return detail if call_id is None else detail | {"id": call_id}


def signed_calls(details: Iterable[Mapping[str, Any]]) -> list[str]:
    """The ids of the calls whose signatures are among some details."""
    named = [detail.get("id") for detail in details if detail.get("format") == GEMINI_FORMAT]
    return [call_id for call_id in named if isinstance(call_id, str) and call_id]


def signatures_of(details: Iterable[Mapping[str, Any]]) -> dict[str | None, str]:
    """The signatures among some details, by the id of their call; None stands for the text."""
    return {
        detail.get("id"): detail["data"]
        for detail in details
        if detail.get("format") == GEMINI_FORMAT and detail.get("type") == _ENCRYPTED and detail.get("data")
    }
