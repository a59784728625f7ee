"""Ids and names of tool calls as Claude takes them: letters, digits, `_` and `-`, anywhere that it is served.

Other models call with ids such as `functions.look:0`, and clients bring such histories along. They are handed back to
those models as they are; on the way to Claude a bad one becomes a readable start and a hash of the whole, so it is the
same in every turn, and for a call and its result.
"""

import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from string import ascii_letters, digits
from typing import Any, Final

from openrouter_anthropic_server.conversion.chat_context import NoteBook
from openrouter_anthropic_server.conversion.notes import Note
from openrouter_anthropic_server.errors import InvalidRequestError

Message = dict[str, Any]
Block = dict[str, Any]

_LONGEST_NAME: Final = 128
_LONGEST_ID: Final = 64  # Bedrock takes no more
_HASH_DIGITS: Final = 8
_GOOD: Final = (ascii_letters + digits + "_-").encode()
_BAD_CHARACTER: Final = re.compile(r"[^a-zA-Z0-9_-]")
_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {"tool_use": ("id", "name"), "tool_result": ("tool_use_id",)}


def good_messages(messages: Sequence[Message], *, names: bool = True) -> tuple[list[Message], tuple[Note, ...]] | None:
    """The messages of a valid request with ids, and `names` of called tools, that Claude takes, and notes.

    None if nothing has to change: finding that out costs some 10 us for a long conversation.
    """
    if not _has_bad(messages):
        return None
    notes = NoteBook()
    changed = [_good_message(message, f"messages.{number}", names, notes) for number, message in enumerate(messages)]
    found = notes.notes()
    return (changed, found) if found else None


def check_tool_names(tools: Sequence[Mapping[str, Any]]) -> None:
    """Raise `InvalidRequestError` for an offered tool with a name that Claude does not take."""
    names = [name for tool in tools if type(name := tool.get("name")) is str]
    if not _are_bad(names) and max(map(len, names), default=0) <= _LONGEST_NAME:
        return
    for number, tool in enumerate(tools):
        name = tool.get("name")
        if type(name) is str and (_are_bad([name]) or len(name) > _LONGEST_NAME):
            raise InvalidRequestError(
                f"tools.{number}.name: Claude takes names of at most {_LONGEST_NAME} letters, digits, '_' and '-': "
                "rename the tool"
            )


def _has_bad(messages: Sequence[Message]) -> bool:
    """Whether a call has a bad id or name; a result has its call's."""
    found: list[str] = []
    for message in messages:
        if message["role"] == "assistant" and type(content := message["content"]) is list:
            for block in content:
                if block["type"] == "tool_use":
                    found += (block["id"], block["name"])
    return _are_bad(found)


def _are_bad(texts: Sequence[str]) -> bool:
    """Whether there is a bad character in any of them: deleting the good ones is faster than a pattern."""
    return bool("".join(texts).encode(errors="surrogatepass").translate(None, _GOOD))


def _good_message(message: Message, path: str, names: bool, notes: NoteBook) -> Message:
    content = message["content"]
    if type(content) is not list:
        return message
    blocks = [_good_block(block, f"{path}.content.{place}", names, notes) for place, block in enumerate(content)]
    return {**message, "content": blocks}


def _good_block(block: Block, path: str, names: bool, notes: NoteBook) -> Block:
    changes = {
        field: _good(block[field])
        for field in _FIELDS.get(block["type"], ())
        if (names or field != "name") and _are_bad([block[field]])
    }
    for field in changes:
        notes.renamed(f"{path}.{field}", "sent with letters, digits, '_' and '-' only, which is what Claude takes")
    return block | changes


def _good(text: str) -> str:
    digest = sha256(text.encode(errors="surrogatepass")).hexdigest()[:_HASH_DIGITS]
    return f"{_BAD_CHARACTER.sub('_', text)[: _LONGEST_ID - _HASH_DIGITS - 1]}_{digest}"
