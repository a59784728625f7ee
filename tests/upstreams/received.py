"""What a fake upstream was sent."""

import threading
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Received:
    """One request: header names lower-case, `body` the parsed JSON object (empty if there was none).

    Times are `time.monotonic()` seconds.
    """

    method: str
    path: str
    query: str
    headers: dict[str, str]
    raw: bytes
    body: dict[str, Any]
    at: float
    gone_at: float | None = None
    _gone: threading.Event = field(default_factory=threading.Event)
    _answered: threading.Event = field(default_factory=threading.Event)

    @property
    def streaming(self) -> bool:
        """Whether a stream was asked for."""
        return bool(self.body.get("stream"))

    @property
    def model(self) -> str:
        """The model asked for, or the empty string."""
        return str(self.body.get("model", ""))

    @property
    def betas(self) -> list[str]:
        """The beta names of both headers that may carry them."""
        values = (self.headers.get("anthropic-beta", ""), self.headers.get("x-anthropic-beta", ""))
        return [name.strip() for value in values for name in value.split(",") if name.strip()]

    def mark_gone(self, at: float) -> None:
        """The client closed the connection before the answer was complete."""
        self.gone_at = at
        self._gone.set()

    def mark_answered(self) -> None:
        """The answer went out as scripted."""
        self._answered.set()

    def wait_until_gone(self, timeout: float) -> bool:
        """Wait until the client has dropped the connection; False after `timeout` seconds."""
        return self._gone.wait(timeout)

    def wait_until_answered(self, timeout: float) -> bool:
        """Wait until the answer has gone out; False after `timeout` seconds."""
        return self._answered.wait(timeout)
