"""Reads values of a request whose shape nobody has checked yet; what is wrong is named by its path."""

from collections.abc import Mapping, Set
from typing import Any

from openrouter_anthropic_server.conversion.chat_context import NoteBook
from openrouter_anthropic_server.errors import InvalidRequestError

Json = Mapping[str, Any]
"""A JSON object of a request: read, never changed."""

_SAYS_NOTHING: tuple[Any, ...] = (None, "", [], {})


def object_at(value: object, path: str) -> dict[str, Any]:
    """The value, if it is a JSON object."""
    if not isinstance(value, dict):
        raise InvalidRequestError(f"{path}: Input should be an object")
    return value


def objects_at(value: object, path: str) -> list[dict[str, Any]]:
    """The value, if it is a list of JSON objects."""
    if not isinstance(value, list):
        raise InvalidRequestError(f"{path}: Input should be a list")
    return [object_at(item, f"{path}.{number}") for number, item in enumerate(value)]


def text_at(value: object, path: str) -> str:
    """The value, if it is a string."""
    if not isinstance(value, str):
        raise InvalidRequestError(f"{path}: Input should be a string")
    return value


def name_at(value: object, path: str) -> str:
    """The value, if it is a string that is not empty."""
    if not isinstance(value, str) or not value:
        raise InvalidRequestError(f"{path}: Input should be a non-empty string")
    return value


def note_rest(given: Json, known: Set[str], path: str, notes: NoteBook) -> None:
    """Note the fields of an object that nobody reads, as far as they say anything."""
    for name in sorted(given.keys() - known):
        if given[name] not in _SAYS_NOTHING:
            notes.not_sent(f"{path}.{name}", "unknown field")


def refusal(path: str, what: str, instead: str = "") -> InvalidRequestError:
    """The error for what this server does not carry; `what` is a plural, `instead` says what to change."""
    return InvalidRequestError(f"{path}: {what} are not supported" + (f": {instead}" if instead else ""))
