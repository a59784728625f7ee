"""System messages between the turns, for models that know none: they become reminders in user turns."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from openrouter_anthropic_server.conversion.notes import Note
from openrouter_anthropic_server.errors import InvalidRequestError

Message = dict[str, Any]

_OF_ANY_MESSAGE: Final = frozenset({"role", "content"})


def has_system_turns(messages: Iterable[Mapping[str, Any]]) -> bool:
    """Whether any of the messages is a system message."""
    return any([message["role"] == "system" for message in messages])  # noqa: C419 - half the time


def note_system_turns(messages: Iterable[Mapping[str, Any]]) -> tuple[Note, ...]:
    """What `without_system_turns` changes. Raises `InvalidRequestError` for what cannot be put into a user turn."""
    notes = []
    for number, message in enumerate(messages):
        if message["role"] != "system":
            continue
        for index, block in enumerate(_blocks(message["content"])):
            if block["type"] != "text":
                path = f"messages.{number}.content.{index}"
                raise InvalidRequestError(
                    f"{path}: the model takes no '{block['type']}': choose another model or remove it"
                )
        notes.append(Note("converted", f"messages.{number}.role", "sent as a reminder in a user turn"))
        for field in message.keys() - _OF_ANY_MESSAGE:
            notes.append(Note("not_sent", f"messages.{number}.{field}", "the model takes no system turns"))
    return tuple(notes)


def without_system_turns(messages: Iterable[Message]) -> list[Message]:
    """The messages with each system message as a user turn of reminders, as Claude Code writes them.

    Tool results must stand directly after the calls, so a reminder that comes between is put behind them. The API
    joins user turns that follow each other.
    """
    folded: list[Message] = []
    waiting: list[Message] = []
    for message in messages:
        if message["role"] != "system":
            if not _answers_tools(message):
                folded += waiting
                waiting = []
            folded.append(message)
            folded += waiting
            waiting = []
        elif reminder := _reminder(message["content"]):
            waiting.append(reminder)
    return folded + waiting


def _reminder(content: Any) -> Message | None:
    blocks = [
        {**block, "text": f"<system-reminder>\n{block['text']}\n</system-reminder>"}
        for block in _blocks(content)
        if block["text"]
    ]
    return {"role": "user", "content": blocks} if blocks else None


def _answers_tools(message: Message) -> bool:
    content = message["content"]
    return isinstance(content, list) and any(block["type"] == "tool_result" for block in content)


def _blocks(content: Any) -> list[dict[str, Any]]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content
