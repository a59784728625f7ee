"""A scripted HTTP answer: status, headers, and steps of bytes, pauses and ends."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import orjson


@dataclass(frozen=True, slots=True)
class Send:
    """Write these bytes."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Pause:
    """Say nothing for some seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Cut:
    """Drop the connection in the middle of the body."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Say nothing until the client leaves (at most 30 s)."""


Step = Send | Pause | Cut | Hold


@dataclass(frozen=True, slots=True)
class Script:
    """One answer on the wire. `before_headers`: seconds of silence before the status line."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()
    before_headers: float = 0.0

    @property
    def sent(self) -> bytes:
        """All bytes that the script writes."""
        return b"".join(step.data for step in self.steps if isinstance(step, Send))

    def cut_after(self, count: int) -> "Script":
        """The same answer, dropped after the first `count` writes."""
        return replace(self, steps=(*_first_sends(self.steps, count), Cut()))

    def pause_after(self, count: int, seconds: float) -> "Script":
        """The same answer with a pause after the first `count` writes."""
        head = _first_sends(self.steps, count)
        return replace(self, steps=(*head, Pause(seconds), *self.steps[len(head) :]))


def json_script(body: object, status: int = 200, headers: dict[str, str] | None = None) -> Script:
    """An answer of one JSON document."""
    return Script(status, {"content-type": "application/json"} | (headers or {}), (Send(orjson.dumps(body)),))


def raw_script(body: bytes, status: int = 200, content_type: str = "text/plain") -> Script:
    """An answer of any bytes."""
    return Script(status, {"content-type": content_type}, (Send(body),))


def sse_script(frames: Iterable[bytes | Step], headers: dict[str, str] | None = None) -> Script:
    """A stream: each frame is one write."""
    steps = tuple(Send(frame) if isinstance(frame, bytes) else frame for frame in frames)
    return Script(200, {"content-type": "text/event-stream", "cache-control": "no-cache"} | (headers or {}), steps)


def _first_sends(steps: tuple[Step, ...], count: int) -> tuple[Step, ...]:
    seen = 0
    for index, step in enumerate(steps):
        if seen == count:
            return steps[:index]
        seen += isinstance(step, Send)
    return steps
