"""The ids of calls in a conversation of Gemini's form, where clients may leave them out."""

from collections.abc import Iterable, Iterator
from typing import Any

from openrouter_anthropic_server.conversion.gemini_shapes import camel
from openrouter_anthropic_server.conversion.gemini_signatures import signed_calls
from openrouter_anthropic_server.conversion.reasoning_envelope import unpack_reasoning
from openrouter_anthropic_server.conversion.request_shapes import Json

_WITH_ID = ("functionCall", "functionResponse")


class CallIds:
    """Gives calls without an id one, and finds the call that a result without an id answers: by name, in order.

    The signatures of Gemini's own calls name the call that they belong to: a call directly behind them has that id.
    `contents` are those of the whole conversation: no id is drawn that another call has.
    """

    __slots__ = ("_count", "_open", "_signed", "_taken")

    def __init__(self, contents: Iterable[Json] = ()) -> None:
        self._count = 0
        self._open: list[tuple[str, str]] = []
        self._signed: list[str] = []
        self._taken = set(_given_ids(contents))

    def note_signature(self, block: Json) -> None:
        """Remember the calls that a block of thinking names, for those that follow directly."""
        packed = block.get("signature") or block.get("data")
        self._signed = signed_calls(unpack_reasoning(packed) or ()) if isinstance(packed, str) else []

    def forget_signature(self) -> None:
        """Something other than a call follows."""
        self._signed = []

    def of_call(self, call: Json, name: str) -> str:
        """The id of a call: its own, the one that its signature names, or a new one."""
        given = call.get("id")
        signed = self._signed.pop(0) if self._signed else None
        call_id = given if isinstance(given, str) and given else signed or self._drawn()
        self._count += 1
        self._open.append((name, call_id))
        return call_id

    def of_result(self, result: Json, name: str) -> str:
        """The id of the call that a result answers."""
        given = result.get("id")
        if isinstance(given, str) and given:
            found = (name, given)
        else:
            found = next((one for one in self._open if one[0] == name), (name, f"call_{name}"))
        if found in self._open:
            self._open.remove(found)
        return found[1]

    def _drawn(self) -> str:
        while f"call_{self._count}" in self._taken:
            self._count += 1
        return f"call_{self._count}"


def _given_ids(contents: Iterable[Json]) -> Iterator[str]:
    for content in contents:
        parts = content.get("parts")
        for part in parts if isinstance(parts, list) else ():
            for name, value in part.items() if isinstance(part, dict) else ():
                if camel(name) in _WITH_ID and isinstance(value, dict):
                    yield from _texts(value.get("id"))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
