"""The messages wire: an upstream that speaks the Anthropic Messages API itself."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class MessagesCall:
    """One request as it goes to the upstream.

    `body` is the JSON text to post; `headers` are the client's that must travel
    (`anthropic-version`, `anthropic-beta`), lower-case.
    """

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MessagesAnswer:
    """A complete answer (HTTP 200): the upstream's JSON text untouched, and headers worth forwarding."""

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class MessagesStream(Protocol):
    """An open SSE answer. Iterate `chunks` once; `aclose` drops the connection at once."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers worth forwarding (rate limits), lower-case."""
        ...

    def chunks(self) -> AsyncIterator[bytes]:
        """The SSE bytes as they arrive, in pieces of any size."""
        ...

    async def aclose(self) -> None:
        """Close the connection; the upstream stops. Safe to call twice."""
        ...


class MessagesBackend(Protocol):
    """An upstream on the messages wire. Failures are raised as `GatewayError`s."""

    @property
    def name(self) -> str:
        """Short name for tags, logs and `x-backend`: `openrouter`, `anthropic`, `demo`."""
        ...

    async def send(self, call: MessagesCall) -> MessagesAnswer:
        """Post a request with `stream` false and wait for the whole answer."""
        ...

    async def open_stream(self, call: MessagesCall) -> MessagesStream:
        """Post a request with `stream` true; returns when the upstream's headers (200) are there."""
        ...

    async def count_tokens(self, call: MessagesCall) -> int | None:
        """The upstream's own count of the input tokens; None where it cannot count."""
        ...

    def redact(self, text: str) -> str:
        """`text` without this upstream's keys and addresses."""
        ...
