"""A Messages request and its answer, as the steps of a run pass them on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from openrouter_anthropic_server.conversion.json_text import with_exact_numbers
from openrouter_anthropic_server.conversion.messages_wire import DEFAULT_VERSION
from openrouter_anthropic_server.ports.token_counter import Expectation


@dataclass(slots=True)
class MessageCall:
    """One request of a client.

    `body` is the parsed JSON of `raw`; nobody changes its content. `headers` are the client's, lower-case.
    `answer_headers` is filled by the steps before the first byte of the answer; `forwarded` are the names of those
    that an upstream sent. `expected` is our count of its input, for the few requests whose real count is learned from.
    """

    request_id: str
    raw: bytes
    body: dict[str, Any]
    headers: Mapping[str, str]
    answer_headers: dict[str, str] = field(default_factory=dict)
    forwarded: tuple[str, ...] = ()
    expected: Expectation | None = None

    def forward(self, headers: Mapping[str, str]) -> None:
        """Answer with these headers of an upstream, in place of those of one that was asked before."""
        for name in self.forwarded:
            self.answer_headers.pop(name, None)
        self.forwarded = tuple(headers)
        self.answer_headers.update(headers)

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
class PreparedRequest:
    """A request on its way to one route: its parsed `body`, and the exact JSON text of that.

    `raw` is None once anything was changed. Nobody changes `body` in place.
    """

    body: dict[str, Any]
    raw: bytes | None

    def exact(self) -> dict[str, Any]:
        """The body with all digits of its whole numbers: what a changed request is made from."""
        return self.body if self.raw is None else with_exact_numbers(self.body, self.raw)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a request ended, for the run's facts: what the upstream said of itself, whatever its type.

    `model` is None where it was noted already. `estimated`: the upstream told no usage, `usage` is our guess.
    """

    model: object
    stop_reason: object
    usage: object
    estimated: bool = False


@dataclass(frozen=True, slots=True)
class MessageAnswer:
    """A complete answer: the JSON text of a Message, how it ended, and the signatures of its thinking."""

    body: bytes
    outcome: Outcome
    signatures: Sequence[str] = ()
