"""Token counts of a chat completion in Anthropic's terms: input without the cache counts, totals for the rest."""

from collections.abc import Mapping
from typing import Any

from openrouter_anthropic_server.anthropic_types.response import CacheCreation, ServerToolUsage, Usage
from openrouter_anthropic_server.openai_types.chat import ChatUsage

_NOTHING: Mapping[str, Any] = {}

# LiteLLM names the writes after Anthropic's counts, OpenRouter after its prices.
_CACHE_WRITE_KEYS = ("cache_write_tokens", "cache_creation_tokens")
_SERVER_TOOL_KEYS = ("server_tool_use_details", "server_tool_use")


def usage_from_chat(usage: ChatUsage) -> Usage:
    """The four token kinds, and what else the upstream told: thinking tokens, web searches, cost in USD.

    `prompt_tokens` includes cached and cache-written tokens, Anthropic's `input_tokens` does not
    (checked on recorded OpenRouter numbers: 3329 = 3211 read + 115 written + 3). Missing, null and
    negative counts are zero.
    """
    prompt = _object(usage, "prompt_tokens_details")
    read = _count(prompt, "cached_tokens")
    written = next((count for key in _CACHE_WRITE_KEYS if (count := _count(prompt, key))), 0)
    converted: Usage = {
        "input_tokens": max(0, _count(usage, "prompt_tokens") - read - written),
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": read,
        "output_tokens": _count(usage, "completion_tokens"),
    }
    _add_optional(converted, usage, prompt)
    return converted


def has_prompt_tokens(usage: ChatUsage) -> bool:
    """Whether the upstream counted the prompt at all; some report only what they wrote."""
    return isinstance(usage.get("prompt_tokens"), int)


def _add_optional(converted: Usage, usage: ChatUsage, prompt: Mapping[str, Any]) -> None:
    """Counts that are left out, not zero, where the upstream does not tell them."""
    lifetimes = _cache_creation(prompt)
    if lifetimes is not None:
        converted["cache_creation"] = lifetimes
    completion = _object(usage, "completion_tokens_details")
    if isinstance(completion.get("reasoning_tokens"), int):
        converted["output_tokens_details"] = {"thinking_tokens": _count(completion, "reasoning_tokens")}
    searches = _server_tool_use(usage)
    if searches is not None:
        converted["server_tool_use"] = searches
    cost = usage.get("cost")
    if isinstance(cost, int | float) and not isinstance(cost, bool):
        converted["cost"] = cost


def _cache_creation(prompt: Mapping[str, Any]) -> CacheCreation | None:
    """Cache writes by lifetime; the clients want both keys where the object is there."""
    details = _object(prompt, "cache_creation_token_details") or _object(prompt, "cache_creation")
    if not details:
        return None
    return {
        "ephemeral_5m_input_tokens": _count(details, "ephemeral_5m_input_tokens"),
        "ephemeral_1h_input_tokens": _count(details, "ephemeral_1h_input_tokens"),
    }


def _server_tool_use(usage: ChatUsage) -> ServerToolUsage | None:
    """OpenRouter's documentation and its specification name this object differently."""
    for key in _SERVER_TOOL_KEYS:
        details = _object(usage, key)
        if isinstance(details.get("web_search_requests"), int):
            return {
                "web_search_requests": _count(details, "web_search_requests"),
                "web_fetch_requests": _count(details, "web_fetch_requests"),
            }
    return None


def _object(parent: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = parent.get(key)
    return value if isinstance(value, dict) else _NOTHING


def _count(parent: Mapping[str, Any], key: str) -> int:
    value = parent.get(key)
    return max(0, int(value)) if isinstance(value, int | float) else 0
