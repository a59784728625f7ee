"""Contents of Gemini's API as turns of the Messages API."""

from collections.abc import Callable, Mapping
from typing import Any

from openrouter_anthropic_server.conversion.chat_context import NoteBook
from openrouter_anthropic_server.conversion.gemini_call_ids import CallIds
from openrouter_anthropic_server.conversion.gemini_shapes import all_fields_of, fields_of
from openrouter_anthropic_server.conversion.gemini_thoughts import block_of_signature
from openrouter_anthropic_server.conversion.json_text import dump_json
from openrouter_anthropic_server.conversion.media_blocks import linked_block, media_block
from openrouter_anthropic_server.conversion.request_shapes import (
    Json,
    name_at,
    note_rest,
    object_at,
    refusal,
    text_at,
)

Block = dict[str, Any]
Message = dict[str, Any]

_ROLES: Mapping[str, str] = {"user": "user", "function": "user", "tool": "user", "model": "assistant"}
_PLAIN_RESULTS = ("output", "result", "content")
_SETTINGS_OF_PARTS = ("videoMetadata", "mediaResolution", "partMetadata")
_KINDS = ("text", "inlineData", "fileData", "functionCall", "functionResponse", "executableCode", "codeExecutionResult")
_NO_THOUGHTS = frozenset(_KINDS) - {"text"}
_PART_FIELDS = frozenset({*_KINDS, *_SETTINGS_OF_PARTS, "thought", "thoughtSignature"})
_CONTENT_FIELDS = frozenset({"role", "parts"})


def messages_from_gemini(value: object, notes: NoteBook) -> list[Message]:
    """The turns of a conversation; a string is one text of the user."""
    if isinstance(value, str):
        return [{"role": "user", "content": value}]
    contents = all_fields_of(value, "contents")
    calls = CallIds(contents)
    messages = []
    for number, content in enumerate(contents):
        path, role = f"contents.{number}", _ROLES.get(str(content.get("role", "user")))
        if role is None:
            raise refusal(f"{path}.role", f"contents with the role '{content['role']}'", "send user or model")
        note_rest(content, _CONTENT_FIELDS, path, notes)
        blocks = blocks_of_parts(content.get("parts", []), f"{path}.parts", notes, calls)
        if role == "user":
            blocks = _results_first(blocks, path, notes)
        if blocks:
            messages.append({"role": role, "content": blocks})
        else:
            notes.not_sent(path, "a content without parts")
    return messages


def system_from_gemini(value: object, notes: NoteBook) -> list[Block]:
    """The text blocks of a `systemInstruction`: a string, a content or a part."""
    if isinstance(value, str):
        return [{"type": "text", "text": value}]
    content = fields_of(value, "systemInstruction")
    if "parts" in content or "text" not in content:
        note_rest(content, _CONTENT_FIELDS, "systemInstruction", notes)
    parts = content.get("parts", [content] if "text" in content else [])
    blocks = blocks_of_parts(parts, "systemInstruction.parts", notes, CallIds())
    for number, block in enumerate(blocks):
        if block["type"] != "text":
            raise refusal(f"systemInstruction.parts.{number}", "instructions other than text")
    return blocks


def blocks_of_parts(value: object, path: str, notes: NoteBook, calls: CallIds) -> list[Block]:
    """The blocks of some parts; the pieces of one thought become one block."""
    blocks: list[Block] = []
    thoughts: list[str] = []
    for number, part in enumerate(all_fields_of(value, path)):
        here = f"{path}.{number}"
        signature = part.get("thoughtSignature")
        thought = part.get("thought") is True and not part.keys() & _NO_THOUGHTS
        if thought:
            note_rest(part, _PART_FIELDS, here, notes)
            thoughts.append(text_at(part.get("text", ""), f"{here}.text"))
            if not signature:
                continue
        block = None if thought else _block(part, here, notes, calls)
        if thoughts or signature:
            blocks += _thinking(thoughts, signature, block, f"{here}.thoughtSignature")
            thoughts = []
        blocks += [] if block is None else [block]
        _follow_calls(blocks, calls)
    return blocks + (_thinking(thoughts, None, None, path) if thoughts else [])


def _results_first(blocks: list[Block], path: str, notes: NoteBook) -> list[Block]:
    """The blocks of a user turn with the results of tools before the rest, as the Messages API wants them."""
    sorted_blocks = sorted(blocks, key=lambda block: block["type"] != "tool_result")
    if sorted_blocks != blocks:
        notes.converted(path, "results of functions stand before the other parts")
    return sorted_blocks


def _follow_calls(blocks: list[Block], calls: CallIds) -> None:
    """Tell what the last block means for a call without an id behind it."""
    kind = blocks[-1]["type"] if blocks else ""
    if kind in ("thinking", "redacted_thinking"):
        calls.note_signature(blocks[-1])
    elif kind != "tool_use":
        calls.forget_signature()


def _thinking(thoughts: list[str], signature: object, block: Block | None, path: str) -> list[Block]:
    text = "".join(thoughts)
    call_id = block["id"] if block is not None and block["type"] == "tool_use" else None
    if signature:
        return [block_of_signature(text_at(signature, path), text, call_id)]
    return [{"type": "thinking", "thinking": text, "signature": ""}]


def _block(part: Json, path: str, notes: NoteBook, calls: CallIds) -> Block | None:
    for name in sorted(part.keys() & set(_SETTINGS_OF_PARTS)):
        notes.not_sent(f"{path}.{name}", "the upstream decides how it reads media")
    note_rest(part, _PART_FIELDS, path, notes)
    kinds = [name for name in _KINDS if name in part]
    kinds = [name for name in kinds if part[name] != ""] or kinds
    if len(kinds) > 1:
        raise refusal(path, f"parts with '{kinds[0]}' and '{kinds[1]}'", "send a part for each")
    kind = kinds[0] if kinds else None
    rule = _PARTS.get(kind or "")
    if kind is None or rule is None:
        named = kind or next(iter(part), "nothing")
        raise refusal(
            path, f"parts with '{named}'", "send text, inlineData, fileData, functionCall or functionResponse"
        )
    return rule(part[kind], f"{path}.{kind}", notes, calls)


def _text(value: object, path: str, notes: NoteBook, calls: CallIds) -> Block | None:
    text = text_at(value, path)
    return {"type": "text", "text": text} if text else None


def _inline(value: object, path: str, notes: NoteBook, calls: CallIds) -> Block:
    data = fields_of(value, path)
    kind = name_at(data.get("mimeType"), f"{path}.mimeType")
    block = media_block(kind, text_at(data.get("data"), f"{path}.data"), path, title=data.get("displayName"))
    named = "displayName" if "title" in block else "data"
    note_rest(data, {"mimeType", "data", named}, path, notes)
    return block


def _linked(value: object, path: str, notes: NoteBook, calls: CallIds) -> Block:
    data = fields_of(value, path)
    note_rest(data, {"mimeType", "fileUri"}, path, notes)
    return linked_block(data.get("mimeType"), name_at(data.get("fileUri"), f"{path}.fileUri"), f"{path}.fileUri")


def _call(value: object, path: str, notes: NoteBook, calls: CallIds) -> Block:
    call = fields_of(value, path)
    if call.get("partialArgs"):
        raise refusal(f"{path}.partialArgs", "calls in pieces", "send the whole `args`")
    note_rest(call, {"id", "name", "args"}, path, notes)
    name = name_at(call.get("name"), f"{path}.name")
    arguments = object_at(call.get("args", {}), f"{path}.args")
    return {"type": "tool_use", "id": calls.of_call(call, name), "name": name, "input": arguments}


def _result(value: object, path: str, notes: NoteBook, calls: CallIds) -> Block:
    result = fields_of(value, path)
    note_rest(result, {"id", "name", "response", "parts"}, path, notes)
    name = name_at(result.get("name"), f"{path}.name")
    answer = object_at(result.get("response", {}), f"{path}.response")
    block: Block = {
        "type": "tool_result",
        "tool_use_id": calls.of_result(result, name),
        "content": [{"type": "text", "text": _result_text(answer)}],
    }
    for number, part in enumerate(all_fields_of(result.get("parts", []), f"{path}.parts")):
        media = _block(part, f"{path}.parts.{number}", notes, calls)
        block["content"] += [] if media is None else [media]
    if answer.keys() == {"error"}:
        block["is_error"] = True
    return block


def _result_text(answer: dict[str, Any]) -> str:
    """The text of a result that is nothing but one; of any other the JSON."""
    if len(answer) == 1:
        name, value = next(iter(answer.items()))
        if isinstance(value, str) and name in (*_PLAIN_RESULTS, "error"):
            return value
    return dump_json(answer).decode()


_PARTS: Mapping[str, Callable[[object, str, NoteBook, CallIds], Block | None]] = {
    "text": _text,
    "inlineData": _inline,
    "fileData": _linked,
    "functionCall": _call,
    "functionResponse": _result,
}
