"""Says what a chunk or a completion of the chat wire means, as a list of deltas. Never keeps state.

Order within one chunk: reasoning, text, sources, tool calls, failure, finish, usage.
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import orjson

from openrouter_anthropic_server.conversion.stop_reasons import FAILED_REASONS
from openrouter_anthropic_server.conversion.upstream_errors import error_from_chat_error
from openrouter_anthropic_server.errors import UpstreamError
from openrouter_anthropic_server.openai_types.chat import ChatChunk, ChatCompletion
from openrouter_anthropic_server.streaming.content_deltas import (
    read_annotations,
    read_audio,
    read_content,
    read_images,
)
from openrouter_anthropic_server.streaming.delta_types import (
    CitationDelta,
    Delta,
    Failure,
    Finish,
    ForeignReasoning,
    NotRepresented,
    RedactedThinking,
    SignatureDelta,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
    UsageDelta,
)
from openrouter_anthropic_server.streaming.reasoning_deltas import has_reasoning, read_reasoning

__all__ = [
    "CitationDelta",
    "Delta",
    "Failure",
    "Finish",
    "ForeignReasoning",
    "NotRepresented",
    "RedactedThinking",
    "SignatureDelta",
    "TextDelta",
    "ThinkingDelta",
    "ToolCallDelta",
    "UsageDelta",
    "deltas_of",
]

_NOTHING: dict[str, Any] = {}
_ROLE_AND_CONTENT = 2
_EXTRAS = "provider_specific_fields"

# Read in this order after reasoning and `content`.
_CONTENT_READERS = (
    ("refusal", read_content),
    ("audio", read_audio),
    ("images", read_images),
    ("annotations", read_annotations),
)


def deltas_of(chunk: ChatChunk | ChatCompletion, *, secrets: Sequence[str] = ()) -> list[Delta]:
    """What the chunk says; for a completion, everything at once. Upstream errors lose the given `secrets`.

    Only the first choice is read: this server never asks for more. An empty list means that the chunk
    says nothing (a repeated role, an empty text).
    """
    body = cast(dict[str, Any], chunk)
    choices = body.get("choices")
    choice = _object(choices[0]) if isinstance(choices, list) and choices else _NOTHING
    delta = choice.get("delta")
    is_plain = not (choice.get("finish_reason") or body.get("usage") or body.get("error"))
    if is_plain and isinstance(delta, dict) and len(delta) == _ROLE_AND_CONTENT:
        text = delta.get("content")
        if type(text) is str and "role" in delta and "error" not in choice and _EXTRAS not in choice:
            return [TextDelta(text)] if text else []
    return _all_deltas(body, choice, secrets)


def _all_deltas(body: dict[str, Any], choice: dict[str, Any], secrets: Sequence[str]) -> list[Delta]:
    delta = choice.get("delta")
    message = _object(choice.get("message") if delta is None else delta)
    deltas: list[Delta] = []
    if has_reasoning(message):
        deltas += read_reasoning(message, str(body.get("model") or ""))
    if message.get("content"):
        deltas += read_content(message["content"])
    for key, read in _CONTENT_READERS:
        if message.get(key):
            deltas += read(message[key])
    deltas += _tool_calls(message, is_whole=delta is None)
    deltas += _outcome(body, choice, secrets)
    usage = body.get("usage")
    if isinstance(usage, dict) and usage:
        deltas.append(UsageDelta(cast(Any, usage)))
    return deltas


def _tool_calls(message: Mapping[str, Any], *, is_whole: bool) -> list[Delta]:
    """The tool calls or pieces of them. In a completion each entry is a call, whatever its `index` says."""
    calls = message.get("tool_calls")
    deltas: list[Delta] = [
        _tool_call(call, position if is_whole else call.get("index"))
        for position, call in enumerate(calls if isinstance(calls, list) else ())
        if isinstance(call, dict)
    ]
    legacy = message.get("function_call")
    if isinstance(legacy, dict):
        deltas.append(_tool_call({"function": legacy}, 0))
    return deltas


def _tool_call(call: Mapping[str, Any], index: object) -> ToolCallDelta:
    function = _object(call.get("function"))
    return ToolCallDelta(
        index=index if isinstance(index, int) else None,
        id=call.get("id") or None,
        name=function.get("name") or None,
        arguments=_arguments(function.get("arguments")),
    )


def _arguments(arguments: object) -> str:
    """JSON text. OpenRouter leaves the key out for a call without arguments; a few upstreams send an object."""
    if isinstance(arguments, str):
        return arguments
    return "" if arguments is None else orjson.dumps(arguments).decode()


def _outcome(body: dict[str, Any], choice: dict[str, Any], secrets: Sequence[str]) -> list[Delta]:
    """The failure or the finish. OpenRouter puts an error beside the choices or into one, LiteLLM hides it."""
    extras = _object(choice.get(_EXTRAS))
    error = body.get("error") or choice.get("error") or extras.get("error")
    if not error and "error_code" in body and "choices" not in body:
        error = body  # Databricks: the error is the body
    deltas: list[Delta] = [Failure(error_from_chat_error(error, secrets=secrets))] if error else []
    reason = choice.get("finish_reason")
    if not reason:
        return deltas
    if str(reason).lower() in FAILED_REASONS:
        return deltas or [Failure(UpstreamError("The upstream broke the answer off with an error."))]
    native = choice.get("native_finish_reason") or extras.get("native_finish_reason")
    deltas.append(Finish(str(reason), str(native) if native else None))
    return deltas


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else _NOTHING
