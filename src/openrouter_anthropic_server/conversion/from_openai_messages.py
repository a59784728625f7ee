"""Messages of OpenAI's chat completions as a system prompt and turns of the Messages API."""

from collections.abc import Mapping
from typing import Any

import orjson

from openrouter_anthropic_server.conversion.chat_context import NoteBook
from openrouter_anthropic_server.conversion.from_openai_parts import content_blocks
from openrouter_anthropic_server.conversion.gemini_thoughts import block_of_signature
from openrouter_anthropic_server.conversion.json_text import parse_exact
from openrouter_anthropic_server.conversion.openai_reasoning import blocks_of_reasoning
from openrouter_anthropic_server.conversion.request_shapes import (
    Json,
    name_at,
    note_rest,
    object_at,
    objects_at,
    refusal,
    text_at,
)
from openrouter_anthropic_server.errors import InvalidRequestError

Block = dict[str, Any]
Message = dict[str, Any]

_SYSTEM_ROLES = ("system", "developer")  # no set: the value compared can be anything
_FIELDS: Mapping[str, frozenset[str]] = {
    "assistant": frozenset(
        {"role", "content", "tool_calls", "refusal", "audio", "reasoning", "reasoning_content", "reasoning_details"}
    ),
    "tool": frozenset({"role", "content", "tool_call_id"}),
}
_FIELDS_OF_OTHERS = frozenset({"role", "content"})


def messages_from_openai(value: object, notes: NoteBook) -> tuple[list[Block], list[Message]]:
    """The system prompt (the system messages that lead) and the turns; the results of one turn are one message."""
    system: list[Block] = []
    messages: list[Message] = []
    for number, message in enumerate(objects_at(value, "messages")):
        path, role = f"messages.{number}", message.get("role")
        _check_fields(message, path, notes)
        if role in _SYSTEM_ROLES:
            blocks = content_blocks(message, path, notes)
            if messages and blocks:
                messages.append({"role": "system", "content": blocks})
            else:
                system += blocks
        elif role == "user":
            messages.append({"role": "user", "content": _user_blocks(message, path, notes)})
        elif role == "assistant":
            _add_assistant(message, path, messages, notes)
        elif role == "tool":
            _add_result(message, path, messages, notes)
        else:
            raise refusal(f"{path}.role", f"messages with the role '{role}'", "send system, user, assistant or tool")
    return system, messages


def _add_assistant(message: Json, path: str, messages: list[Message], notes: NoteBook) -> None:
    blocks = blocks_of_reasoning(message, path)
    if message.get("content"):
        blocks += content_blocks(message, path, notes)
    if message.get("refusal"):
        blocks.append({"type": "text", "text": text_at(message["refusal"], f"{path}.refusal")})
    calls = objects_at(message.get("tool_calls") or [], f"{path}.tool_calls")
    for number, call in enumerate(calls):
        blocks += _call(call, f"{path}.tool_calls.{number}", notes)
    _leave_out_sound(message, path, notes, heard_only=not blocks)
    if blocks:
        messages.append({"role": "assistant", "content": blocks})
    else:
        notes.not_sent(path, "an assistant message without content")


def _user_blocks(message: Json, path: str, notes: NoteBook) -> list[Block]:
    blocks = content_blocks(message, path, notes)
    if not blocks:
        raise InvalidRequestError(f"{path}.content: Input should say something: it is empty")
    return blocks


def _leave_out_sound(message: Json, path: str, notes: NoteBook, *, heard_only: bool) -> None:
    if message.get("audio") is None:
        return
    if heard_only:
        raise refusal(f"{path}.audio", "spoken turns", "send what was said as `content`")
    notes.not_sent(f"{path}.audio", "messages have no such field")


def _check_fields(message: Json, path: str, notes: NoteBook) -> None:
    """Refuse calls that nobody would read; note the other fields that say something and are not read."""
    role = message.get("role")
    if message.get("function_call"):
        raise refusal(f"{path}.function_call", "the function calls of old", "send them as `tool_calls`")
    if message.get("tool_calls") and role != "assistant":
        raise refusal(f"{path}.tool_calls", f"calls in messages with the role '{role}'", "send them as the assistant's")
    note_rest(message, _FIELDS.get(str(role), _FIELDS_OF_OTHERS), path, notes)


def _call(call: Json, path: str, notes: NoteBook) -> list[Block]:
    """The block of a call, behind the one of Google's signature if it brings one."""
    kind = call.get("type", "function")
    if kind != "function":
        raise refusal(f"{path}.type", f"calls of type '{kind}'")
    function = object_at(call.get("function"), f"{path}.function")
    block: Block = {
        "type": "tool_use",
        "id": name_at(call.get("id"), f"{path}.id"),
        "name": name_at(function.get("name"), f"{path}.function.name"),
    }
    block["input"] = _arguments(function.get("arguments"), f"{path}.function.arguments")
    note_rest(function, {"name", "arguments"}, f"{path}.function", notes)
    note_rest(call, {"id", "type", "function", "index", "extra_content"}, path, notes)
    signature = _google_signature(call, path, notes)
    return [block_of_signature(signature, "", block["id"]), block] if signature else [block]


def _google_signature(call: Json, path: str, notes: NoteBook) -> str | None:
    """The signature in `extra_content`, where Google's own endpoint for OpenAI's clients puts it."""
    extra = object_at(call.get("extra_content") or {}, f"{path}.extra_content")
    google = object_at(extra.get("google") or {}, f"{path}.extra_content.google")
    note_rest(extra, {"google"}, f"{path}.extra_content", notes)
    note_rest(google, {"thought_signature"}, f"{path}.extra_content.google", notes)
    signature = google.get("thought_signature")
    return text_at(signature, f"{path}.extra_content.google.thought_signature") if signature else None


def _arguments(value: object, path: str) -> dict[str, Any]:
    if value is None or value == "":
        return {}
    try:
        arguments = parse_exact(text_at(value, path).encode())
    except (orjson.JSONDecodeError, UnicodeEncodeError):
        arguments = None
    if not isinstance(arguments, dict):
        raise InvalidRequestError(f"{path}: Input should be the JSON text of an object")
    return arguments


def _add_result(message: Json, path: str, messages: list[Message], notes: NoteBook) -> None:
    content = message.get("content")
    block: Block = {
        "type": "tool_result",
        "tool_use_id": name_at(message.get("tool_call_id"), f"{path}.tool_call_id"),
        "content": content if isinstance(content, str) else content_blocks(message, path, notes),
    }
    if messages and _is_results(messages[-1]):
        messages[-1]["content"].append(block)
    else:
        messages.append({"role": "user", "content": [block]})


def _is_results(message: Message) -> bool:
    return bool(message["role"] == "user" and message["content"] and message["content"][0]["type"] == "tool_result")
