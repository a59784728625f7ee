"""A request of OpenAI's chat completions as a request of the Messages API. Reads its input, never changes it.

Parameters that mean the same under the same name stay as they are; the steps after this one know for each of them
which upstream takes it. What has no counterpart is refused by name, or noted where nothing depends on it.
"""

from collections.abc import Callable, Mapping
from typing import Any

from openrouter_anthropic_server.conversion.chat_context import NoteBook
from openrouter_anthropic_server.conversion.chat_output_format import SCHEMA_NAME
from openrouter_anthropic_server.conversion.from_openai_messages import messages_from_openai
from openrouter_anthropic_server.conversion.from_openai_tools import tools_from_openai
from openrouter_anthropic_server.conversion.request_shapes import Json, object_at, refusal
from openrouter_anthropic_server.errors import InvalidRequestError

Request = dict[str, Any]

Rule = Callable[[Any, Request, NoteBook], None]
"""Adds to the request what a parameter's value means there."""

_READ_ELSEWHERE = frozenset({"messages", "tools", "tool_choice", "parallel_tool_calls", "stream"})
_SAID_BY: Mapping[str, str] = {"name": "title", "description": "description"}
"""What is said beside a schema, and the keyword that says it inside."""


def from_openai_chat(body: Json, notes: NoteBook) -> Request:
    """The request, without `max_tokens` where the client set no limit."""
    system, messages = messages_from_openai(body.get("messages"), notes)
    request: Request = {"messages": messages}
    if system:
        request["system"] = system
    same: Request = {}
    for name, value in body.items():
        if value is None or name in _READ_ELSEWHERE:
            continue
        rule = _RULES.get(name)
        if rule is None:
            same[name] = value
        else:
            rule(value, request, notes)
    twice = sorted(same.keys() & request.keys())
    if twice:
        raise InvalidRequestError(f"{twice[0]}: the request says the same in OpenAI's form: send one of them")
    return request | same | tools_from_openai(body, notes)


def _limit(value: Any, request: Request, notes: NoteBook) -> None:
    request["max_tokens"] = value


def _old_limit(value: Any, request: Request, notes: NoteBook) -> None:
    request.setdefault("max_tokens", value)


def _stop(value: Any, request: Request, notes: NoteBook) -> None:
    if value:
        request["stop_sequences"] = [value] if isinstance(value, str) else value


def _effort(value: Any, request: Request, notes: NoteBook) -> None:
    if value == "none":
        request["thinking"] = {"type": "disabled"}
    else:
        _output_config(request)["effort"] = value


def _format(value: Any, request: Request, notes: NoteBook) -> None:
    wanted = object_at(value, "response_format")
    if wanted.get("type") == "text":
        return
    if wanted.get("type") != "json_schema":
        request["response_format"] = value  # JSON of any shape: only some upstreams know it
        return
    described = object_at(wanted.get("json_schema"), "response_format.json_schema")
    schema = object_at(described.get("schema"), "response_format.json_schema.schema")
    titled = {_SAID_BY[name]: described[name] for name in _SAID_BY if described.get(name) not in (None, SCHEMA_NAME)}
    _output_config(request)["format"] = {"type": "json_schema", "schema": titled | schema}
    for name in sorted(described.keys() - {"schema", "type"}):
        word = _SAID_BY.get(name)
        if word is None or word in schema:
            notes.not_sent(f"response_format.json_schema.{name}", "the schema alone says what is wanted")
        elif word in titled:
            notes.converted(f"response_format.json_schema.{name}", f"the schema says it as its {word}")


def _identity(name: str) -> Rule:
    def rule(value: Any, request: Request, notes: NoteBook) -> None:
        known = request.setdefault("metadata", {"user_id": value})
        if known["user_id"] != value:
            notes.not_sent(name, "there is one name for a user, and the request has two")

    return rule


def _tier(value: Any, request: Request, notes: NoteBook) -> None:
    request["service_tier"] = "standard_only" if value == "default" else value


def _only_one(value: Any, request: Request, notes: NoteBook) -> None:
    if value != 1:
        raise refusal("n", "several answers to one request", "leave it out")


def _stream_options(value: Any, request: Request, notes: NoteBook) -> None:
    """`include_usage` is for whoever writes the answer."""
    for name in sorted(object_at(value, "stream_options").keys() - {"include_usage"}):
        notes.not_sent(f"stream_options.{name}", "streams are written here")


def _not_stored(name: str) -> Rule:
    def rule(value: Any, request: Request, notes: NoteBook) -> None:
        if value:
            notes.not_sent(name, "nothing is stored with the completion")

    return rule


def _refused(name: str, what: str, instead: str = "leave it out") -> Rule:
    def rule(value: Any, request: Request, notes: NoteBook) -> None:
        if value:
            raise refusal(name, what, instead)

    return rule


def _modalities(value: Any, request: Request, notes: NoteBook) -> None:
    if value != ["text"]:
        raise refusal("modalities", "answers other than text", "leave it out")


def _output_config(request: Request) -> dict[str, Any]:
    config: dict[str, Any] = request.setdefault("output_config", {})
    return config


_RULES: Mapping[str, Rule] = {
    "max_completion_tokens": _limit,
    "max_tokens": _old_limit,
    "stop": _stop,
    "reasoning_effort": _effort,
    "response_format": _format,
    "user": _identity("user"),
    "safety_identifier": _identity("safety_identifier"),
    "service_tier": _tier,
    "n": _only_one,
    "stream_options": _stream_options,
    "store": _not_stored("store"),
    "metadata": _not_stored("metadata"),
    "modalities": _modalities,
    "audio": _refused("audio", "spoken answers"),
    "logprobs": _refused("logprobs", "log probabilities"),
    "top_logprobs": _refused("top_logprobs", "log probabilities"),
    "functions": _refused("functions", "the functions of old", "send them as `tools`"),
    "function_call": _refused("function_call", "the functions of old", "send `tool_choice`"),
}
