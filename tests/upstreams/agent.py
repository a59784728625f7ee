"""A model that works like a coding agent: it answers the n-th main request of Claude Code with the n-th turn."""

import threading
from collections.abc import Callable
from typing import Any

from tests.upstreams.answers import Answer, Text
from tests.upstreams.received import Received
from tests.upstreams.server import Reply

Turn = Reply | Callable[[Received], Reply]
FINAL = Answer((Text("All done."),))
SIDE = Answer((Text("ok"),))


class ScriptedAgent:
    """A handler for `FakeUpstream.handler`, over any wire.

    Main requests are those that offer the Bash tool; everything else (web search, summaries without
    tools, structured side queries) gets `side`. After the last turn every main request gets `FINAL`.
    """

    def __init__(self, *turns: Turn, side: Turn = SIDE) -> None:
        self._turns = list(turns)
        self._side = side
        self._lock = threading.Lock()
        self.main: list[Received] = []
        self.aside: list[Received] = []

    def __call__(self, received: Received) -> Reply:
        """Choose the reply for one request."""
        if "Bash" not in tool_names(received.body):
            self.aside.append(received)
            return _resolve(self._side, received)
        with self._lock:
            number = len(self.main)
            self.main.append(received)
        return _resolve(self._turns[number] if number < len(self._turns) else FINAL, received)


def tool_names(body: dict[str, Any]) -> set[str]:
    """Names of the client tools that a request offers, on either wire."""
    tools = body.get("tools") or []
    return {str(tool.get("name") or tool.get("function", {}).get("name", "")) for tool in tools}


def all_text(body: dict[str, Any]) -> str:
    """Every string in the messages and the system prompt of a request, joined: for `in` checks."""
    return "\n".join(_strings([body.get("system"), body.get("messages")]))


def _strings(value: object) -> list[str]:
    match value:
        case str():
            return [value]
        case list():
            return [text for item in value for text in _strings(item)]
        case dict():
            return [text for item in value.values() for text in _strings(item)]
        case _:
            return []


def _resolve(turn: Turn, received: Received) -> Reply:
    return turn(received) if callable(turn) else turn
