"""Brings what is peculiar in Databricks' chunks and completions into the common form of chat completions.

Content lists with reasoning need nothing here: they are read where all contents are. What is left: a streamed call of
a Claude model begins with the arguments `{}` although pieces of the real ones follow, and tokens of caches and of
reasoning are counted beside the others, not in the two objects of details.
"""

from typing import Any

from openrouter_anthropic_server.openai_types.chat import ChatChunk, ChatCompletion

_EMPTY_ARGUMENTS = "{}"
_CACHES = (("cache_read_input_tokens", "cached_tokens"), ("cache_creation_input_tokens", "cache_write_tokens"))


def normalise_chunk(chunk: ChatChunk) -> None:
    """Bring a freshly read chunk of a stream into the common form, in place."""
    choices = chunk.get("choices")
    for choice in choices if isinstance(choices, list) else ():
        delta = choice.get("delta") if isinstance(choice, dict) else None
        if isinstance(delta, dict) and delta.get("tool_calls"):
            _empty_first_arguments(delta["tool_calls"])
    _normalise_usage(chunk.get("usage"))


def normalise_completion(completion: ChatCompletion) -> None:
    """Bring a freshly read completion into the common form, in place."""
    _normalise_usage(completion.get("usage"))


def _empty_first_arguments(calls: object) -> None:
    """A call that stays without arguments gets its `{}` when it ends, so nothing is lost."""
    for call in calls if isinstance(calls, list) else ():
        function = call.get("function") if isinstance(call, dict) else None
        if isinstance(function, dict) and function.get("arguments") == _EMPTY_ARGUMENTS:
            function["arguments"] = ""


def _normalise_usage(usage: Any) -> None:
    if not isinstance(usage, dict):
        return
    if isinstance(usage.get("reasoning_tokens"), int) and not usage.get("completion_tokens_details"):
        usage["completion_tokens_details"] = {"reasoning_tokens": usage["reasoning_tokens"]}
    details = {name: usage[key] for key, name in _CACHES if isinstance(usage.get(key), int) and usage[key] > 0}
    if not details or usage.get("prompt_tokens_details"):
        return
    usage["prompt_tokens_details"] = details
    cached, prompt = sum(details.values()), usage.get("prompt_tokens")
    if isinstance(prompt, int) and prompt < cached:  # then they are not among the prompt's tokens
        usage["prompt_tokens"] = prompt + cached
