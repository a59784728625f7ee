"""What OpenAI, Azure OpenAI and Mistral refuse in a chat completion request, by their documentation and users."""

import re
from collections.abc import Iterator
from typing import Any

from tests.upstreams.answers import ApiError
from tests.upstreams.received import Received

_OPENAI_FIELDS = frozenset(
    {
        *("model", "messages", "stream", "stream_options", "max_tokens", "max_completion_tokens", "temperature"),
        *("top_p", "frequency_penalty", "presence_penalty", "seed", "stop", "logit_bias", "logprobs", "top_logprobs"),
        *("tools", "tool_choice", "parallel_tool_calls", "response_format", "reasoning_effort", "verbosity", "user"),
        *("metadata", "store", "service_tier", "prediction", "modalities", "n", "safety_identifier", "audio"),
        *("prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "web_search_options", "moderation"),
    }
)
_MISTRAL_FIELDS = frozenset(
    {
        *("model", "messages", "stream", "max_tokens", "temperature", "top_p", "random_seed", "stop", "tools"),
        *("tool_choice", "parallel_tool_calls", "response_format", "frequency_penalty", "presence_penalty", "n"),
        *("prediction", "prompt_mode", "reasoning_effort", "safe_prompt", "metadata"),
    }
)
_MESSAGE_FIELDS = frozenset({"role", "content", "name", "tool_calls", "tool_call_id", "refusal", "audio"})
_PART_FIELDS = {
    "text": frozenset({"type", "text"}),
    "image_url": frozenset({"type", "image_url"}),
    "file": frozenset({"type", "file"}),
    "refusal": frozenset({"type", "refusal"}),
}
_REASONER = re.compile(r"^(?:o\d|gpt-[5-9])")
_NOT_FOR_REASONERS = ("max_tokens", "temperature", "top_p", "stop", "presence_penalty", "frequency_penalty")


def openai_problem(received: Received) -> ApiError | None:
    """Why OpenAI would refuse the request; None if it would not."""
    if not received.headers.get("authorization", "").startswith("Bearer "):
        return ApiError(401, "You didn't provide an API key.", "invalid_request_error")
    return _first(_openai_problems(received.body, received.model))


def azure_problem(received: Received, deployment: str) -> ApiError | None:
    """Why Azure would refuse it; the deployment stands for the model."""
    if not received.headers.get("api-key"):
        return ApiError(401, "Access denied due to missing subscription key.", "401")
    if "api-version=20" not in received.query:
        return ApiError(404, "Resource not found", "404")
    return _first(_openai_problems(received.body, deployment))


def mistral_problem(received: Received) -> ApiError | None:
    """Why Mistral would refuse it."""
    if not received.headers.get("authorization", "").startswith("Bearer "):
        return ApiError(401, "Unauthorized", "unauthorized")
    return _first(_mistral_problems(received.body))


def _first(problems: Iterator[str]) -> ApiError | None:
    message = next(problems, None)
    return None if message is None else ApiError(400, message, "invalid_request_error")


def _openai_problems(body: dict[str, Any], model: str) -> Iterator[str]:
    yield from (f"Unknown parameter: '{name}'." for name in body if name not in _OPENAI_FIELDS)
    if _REASONER.match(model):
        for name in _NOT_FOR_REASONERS:
            if name in body:
                yield f"Unsupported parameter: '{name}' is not supported with this model."
    for number, message in enumerate(body.get("messages", [])):
        yield from _message_problems(message, f"messages[{number}]")
        if message["role"] == "tool" and isinstance(message["content"], list):
            kinds = {part["type"] for part in message["content"]}
            yield from (f"Invalid value: '{kind}'. Supported values are: 'text'." for kind in kinds - {"text"})
    yield from _call_problems(body.get("messages", []))


def _message_problems(message: dict[str, Any], path: str) -> Iterator[str]:
    yield from (f"Unknown parameter: '{path}.{name}'." for name in message if name not in _MESSAGE_FIELDS)
    content = message.get("content")
    for number, part in enumerate(content if isinstance(content, list) else ()):
        known = _PART_FIELDS.get(part["type"])
        if known is None:
            yield f"Invalid value: '{part['type']}' at {path}.content[{number}]"
        else:
            yield from (f"Unknown parameter: '{path}.content[{number}].{name}'." for name in part.keys() - known)
        if part["type"] == "file" and not part["file"]["file_data"].startswith("data:"):
            yield f"Invalid file data: '{path}.content[{number}].file.file_data'."


def _call_problems(messages: list[dict[str, Any]]) -> Iterator[str]:
    """Each call needs its result directly after it, and no result may stand alone."""
    open_calls: set[str] = set()
    for message in messages:
        if message["role"] == "tool":
            if message["tool_call_id"] not in open_calls:
                yield "messages with role 'tool' must be a response to a preceding message with 'tool_calls'."
            open_calls.discard(message["tool_call_id"])
            continue
        if open_calls:
            yield "An assistant message with 'tool_calls' must be followed by tool messages for each 'tool_call_id'."
        open_calls = {call["id"] for call in message.get("tool_calls") or ()}


def _mistral_problems(body: dict[str, Any]) -> Iterator[str]:
    yield from (f"Extra inputs are not permitted: {name}" for name in body if name not in _MISTRAL_FIELDS)
    messages: list[dict[str, Any]] = body.get("messages", [])
    for number, message in enumerate(messages):
        known = _MESSAGE_FIELDS | {"prefix"}
        yield from (f"Extra inputs are not permitted: {name}" for name in message if name not in known)
        yield from _message_problems({key: message[key] for key in message if key != "prefix"}, f"messages[{number}]")
        for call in message.get("tool_calls") or ():
            yield from _id_problems(call["id"])
        yield from _id_problems(message.get("tool_call_id", "aaaaaaaaa"))
        before = messages[number - 1]["role"] if number else "start"
        if (before, message["role"]) == ("tool", "user"):
            yield "Unexpected role 'user' after role 'tool'"
    if messages and messages[-1]["role"] == "assistant" and not messages[-1].get("prefix"):
        yield "Expected last role User or Tool (or Assistant with prefix True) for serving but got assistant"


def _id_problems(call_id: str) -> Iterator[str]:
    if not re.fullmatch(r"[a-zA-Z0-9]{9}", call_id):
        yield f"Tool call id was {call_id} but must be a-z, A-Z, 0-9, with a length of 9."
