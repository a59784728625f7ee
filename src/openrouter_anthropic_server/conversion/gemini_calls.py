"""Calls and their results as LiteLLM can bring them to Gemini, which wants as many results as there were calls."""

from collections.abc import Iterable, Mapping, Set
from typing import Any

from openrouter_anthropic_server.conversion.chat_context import ChatContext, Part
from openrouter_anthropic_server.conversion.chat_parts import text_part
from openrouter_anthropic_server.errors import InvalidRequestError

Message = dict[str, Any]


def distinct_calls(messages: Iterable[Message], ctx: ChatContext) -> list[Message]:
    """The messages without calls that say the same as another of their turn; what those gave is one result.

    Before Gemini 3 calls have no ids, and LiteLLM takes two equal ones for one.
    """
    kept: list[Message] = []
    same: dict[str, str] = {}
    places: dict[str, int] = {}
    for message in messages:
        calls = message.get("tool_calls")
        if calls:
            first = {_said(call): call["id"] for call in reversed(calls)}
            same, places = {call["id"]: first[_said(call)] for call in calls}, {}
            kept.append(_without_calls(message, set(first.values()), ctx) if len(first) < len(calls) else message)
            continue
        call_id = same.get(message.get("tool_call_id", ""))
        if call_id in places:
            kept[places[call_id]] = _with_result(kept[places[call_id]], message)
            continue
        if call_id is None:
            kept.append(message)
        else:
            places[call_id] = len(kept)
            kept.append({**message, "tool_call_id": call_id})
    return kept


def _without_calls(message: Message, distinct: Set[str], ctx: ChatContext) -> Message:
    ctx.notes.not_sent("messages.tool_use", "a call that stands twice in one turn; results that differ are one")
    return {**message, "tool_calls": [call for call in message["tool_calls"] if call["id"] in distinct]}


def _with_result(message: Message, other: Message) -> Message:
    """A result with that of an equal call behind it, unless that is the same."""
    if other["content"] == message["content"]:
        return message
    return {**message, "content": [*_parts(message["content"]), *_parts(other["content"])]}


def _parts(content: Any) -> list[Part]:
    return [text_part(content)] if isinstance(content, str) else content


def refuse_orphans(messages: Iterable[Message]) -> None:
    """Raise `InvalidRequestError` for a result without its call, about which LiteLLM would only stumble."""
    calls: set[str] = set()
    for message in messages:
        if message["role"] == "assistant":
            calls = {call["id"] for call in message.get("tool_calls") or ()}
        elif message["role"] == "tool" and message["tool_call_id"] not in calls:
            raise InvalidRequestError(
                f"messages: the tool_result for '{message['tool_call_id']}' has no tool_use in the turn before it"
            )


def _said(call: Mapping[str, Any]) -> tuple[str, str]:
    function = call["function"]
    return function["name"], function["arguments"]
