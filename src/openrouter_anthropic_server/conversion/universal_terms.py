"""How answers end and what they cost, from the Messages API's terms into those of the other forms."""

from collections.abc import Mapping
from typing import Any

_OPENAI_REASONS: Mapping[str, str] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "compaction": "length",
    "refusal": "content_filter",
}
_GEMINI_REASONS: Mapping[str, str] = {
    "max_tokens": "MAX_TOKENS",
    "model_context_window_exceeded": "MAX_TOKENS",
    "compaction": "MAX_TOKENS",
    "refusal": "SAFETY",
}
_GEMINI_STATUS: Mapping[int, str] = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    504: "DEADLINE_EXCEEDED",
    529: "UNAVAILABLE",
}

Usage = Mapping[str, Any]
"""The usage of a Message; any of its counts can be absent or null."""

_SAID = ("id", "type", "role", "model", "content", "usage", "delta", "message")
_UPSTREAM = {"provider": "upstream_provider"}  # OpenRouter's word for who served it; ours is another


def openai_reason(stop_reason: object) -> str:
    """`finish_reason`; an unknown reason is a normal end."""
    return _OPENAI_REASONS.get(str(stop_reason), "stop")


def gemini_reason(stop_reason: object) -> str:
    """`finishReason`; Gemini has no reason of its own for calls and stop sequences."""
    return _GEMINI_REASONS.get(str(stop_reason), "STOP")


def gemini_status(status: int) -> str:
    """Google's name for an HTTP status."""
    return _GEMINI_STATUS.get(status, "INTERNAL")


def universal_usage(usage: Usage) -> dict[str, Any]:
    """Tokens by kind: `input_tokens` with the cached ones, `output_tokens` with those of reasoning; `cost` in USD."""
    cached, written = _count(usage, "cache_read_input_tokens"), _count(usage, "cache_creation_input_tokens")
    read, output = _count(usage, "input_tokens") + cached + written, _count(usage, "output_tokens")
    counts: dict[str, Any] = {
        "input_tokens": read,
        "output_tokens": output,
        "total_tokens": read + output,
        "cached_tokens": cached,
        "cache_write_tokens": written,
        "reasoning_tokens": _count(usage.get("output_tokens_details") or {}, "thinking_tokens"),
    }
    return counts if usage.get("cost") is None else counts | {"cost": usage["cost"]}


def openai_usage(usage: Usage) -> dict[str, Any]:
    """`usage` of a chat completion, with OpenRouter's `cost` and count of cache writes."""
    counts = universal_usage(usage)
    converted: dict[str, Any] = {
        "prompt_tokens": counts["input_tokens"],
        "completion_tokens": counts["output_tokens"],
        "total_tokens": counts["total_tokens"],
        "prompt_tokens_details": {
            "cached_tokens": counts["cached_tokens"],
            "cache_write_tokens": counts["cache_write_tokens"],
        },
        "completion_tokens_details": {"reasoning_tokens": counts["reasoning_tokens"]},
    }
    return converted | {"cost": counts["cost"]} if "cost" in counts else converted


def gemini_usage(usage: Usage) -> dict[str, Any]:
    """`usageMetadata`; candidates are counted there without thoughts."""
    counts = universal_usage(usage)
    thoughts = min(counts["reasoning_tokens"], counts["output_tokens"])
    return {
        "promptTokenCount": counts["input_tokens"],
        "candidatesTokenCount": counts["output_tokens"] - thoughts,
        "thoughtsTokenCount": thoughts,
        "cachedContentTokenCount": counts["cached_tokens"],
        "totalTokenCount": counts["total_tokens"],
    }


def extras_of(fields: Mapping[str, Any]) -> dict[str, Any]:
    """What a Message, or an event at its beginning or end, says that no other form has a place for."""
    return {
        _UPSTREAM.get(name, name): value for name, value in fields.items() if name not in _SAID and value is not None
    }


def ending_of(event: Mapping[str, Any], usage: Usage) -> dict[str, Any]:
    """The same of a `message_delta` event: the exact reason, and the usage as it was told."""
    found = extras_of({**event, **event["delta"]})
    return found | {"usage": dict(usage)} if usage else found


def _count(counts: Mapping[str, Any], name: str) -> int:
    value = counts.get(name)
    return value if type(value) is int and value > 0 else 0


def annotation_of(citation: Mapping[str, Any]) -> dict[str, Any] | None:
    """A citation of a web page as an annotation of OpenAI's; None for places in documents."""
    if not citation.get("url"):
        return None
    source = {"url": citation["url"], "title": citation.get("title"), "content": citation.get("cited_text")}
    return {"type": "url_citation", "url_citation": source}
