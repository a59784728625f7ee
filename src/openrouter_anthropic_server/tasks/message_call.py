"""A Messages request and its answer, as the steps of a run pass them on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from openrouter_anthropic_server.conversion.json_text import parse_json, with_exact_numbers
from openrouter_anthropic_server.conversion.messages_wire import DEFAULT_VERSION
from openrouter_anthropic_server.conversion.tool_names import ToolNames
from openrouter_anthropic_server.ports.token_counter import Expectation


@dataclass(slots=True)
class MessageCall:
    """One request of a client.

    `parsed` is the JSON of `raw` while somebody needs it: see `body`. `headers` are the client's, lower-case.
    `answer_headers` is filled by the steps before the first byte of the answer; `forwarded` are the names of those
    that an upstream sent. `expected` is our count of its input, for the few requests whose real count is learned from.
    """

    request_id: str
    raw: bytes
    parsed: dict[str, Any] | None
    headers: Mapping[str, str]
    answer_headers: dict[str, str] = field(default_factory=dict)
    forwarded: tuple[str, ...] = ()
    expected: Expectation | None = None

    @property
    def body(self) -> dict[str, Any]:
        """The parsed request; nobody changes its content."""
        if self.parsed is None:
            self.parsed = parse_json(self.raw)
        return self.parsed

    def forward(self, headers: Mapping[str, str]) -> None:
        """Answer with these headers of an upstream, in place of those of one that was asked before."""
        for name in self.forwarded:
            self.answer_headers.pop(name, None)
        self.forwarded = tuple(headers)
        self.answer_headers.update(headers)

    def let_go(self) -> None:
        """Let go of the parsed request while the upstream works; who still asks for it, gets it parsed anew.

        The next request then finds that memory in the processor's cache: with eight of 150 KB at once, parsing and
        converting one takes less than half as long.
        """
        self.parsed = None

    def forget_request(self) -> None:
        """Drop the request's content, once the upstream has it and no other will be asked."""
        self.raw = b""
        self.parsed = {}

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
    """A request on its way to one route: the client's `call` as it is, or with another body: `changed`."""

    call: MessageCall
    changed: dict[str, Any] | None = None

    @property
    def body(self) -> dict[str, Any]:
        """The request to send; nobody changes it in place."""
        return self.call.body if self.changed is None else self.changed

    @property
    def raw(self) -> bytes | None:
        """The exact JSON text of `body`; None once anything was changed."""
        return self.call.raw if self.changed is None else None

    def exact(self) -> dict[str, Any]:
        """The body with all digits of its whole numbers: what a changed request is made from."""
        return with_exact_numbers(self.call.body, self.call.raw) if self.changed is None else self.changed


@dataclass(frozen=True, slots=True)
class ChatCall:
    """A request as it goes to an upstream on the chat wire: its JSON text, and what is needed to read the answer."""

    body: bytes
    tool_names: ToolNames
    stop_sequences: tuple[str, ...]
    web_search: bool


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
