"""A Messages request and its answer, as the steps of a run pass them on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from openrouter_anthropic_server.conversion.messages_wire import DEFAULT_VERSION


@dataclass(slots=True)
class MessageCall:
    """One request of a client.

    `body` is the parsed JSON of `raw`; nobody changes its content. `headers` are the client's, lower-case.
    `answer_headers` is filled by the steps before the first byte of the answer.
    """

    request_id: str
    raw: bytes
    body: dict[str, Any]
    headers: Mapping[str, str]
    answer_headers: dict[str, str] = field(default_factory=dict)

    def forget_request(self) -> None:
        """Drop the request's content, once the upstream has it."""
        self.raw = b""
        self.body = {}

    @property
    def api_version(self) -> str:
        """The client's `anthropic-version`; the oldest where it sent none."""
        return self.headers.get("anthropic-version", DEFAULT_VERSION)

    @property
    def betas(self) -> str:
        """The client's `anthropic-beta`, a comma list."""
        return self.headers.get("anthropic-beta", "")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a request ended, for the run's facts: what the upstream said of itself, whatever its type."""

    model: object
    stop_reason: object
    usage: object


@dataclass(frozen=True, slots=True)
class MessageAnswer:
    """A complete answer: the JSON text of a Message, and how it ended."""

    body: bytes
    outcome: Outcome
