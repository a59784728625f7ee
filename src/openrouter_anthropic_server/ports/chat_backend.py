"""The chat wire: an upstream that speaks chat completions."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from openrouter_anthropic_server.openai_types.chat import ChatChunk, ChatCompletion


@dataclass(frozen=True, slots=True)
class ChatAnswer:
    """A complete answer (HTTP 200), and its headers worth forwarding, lower-case."""

    completion: ChatCompletion
    headers: Mapping[str, str] = field(default_factory=dict)


class ChatStream(Protocol):
    """An open chat stream. Iterate `chunks` once; `aclose` drops the connection at once."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers worth forwarding (rate limits), lower-case."""
        ...

    def chunks(self) -> AsyncIterator[list[ChatChunk]]:
        """What arrived, chunk by chunk, grouped by network read; ends at `[DONE]` or at the end of the body.

        A broken body raises `UpstreamError`. A chunk that is an error is yielded, not raised.
        """
        ...

    async def aclose(self) -> None:
        """Close the connection; the upstream stops. Safe to call twice."""
        ...


class ChatBackend(Protocol):
    """An upstream on the chat wire; `body` is the JSON text of a `ChatRequest`.

    Text, so that nobody holds the parts of a large request while its answer is waited for. Failures are raised as
    `GatewayError`s.
    """

    @property
    def name(self) -> str:
        """Short name for tags, logs and `x-backend`."""
        ...

    async def complete(self, body: bytes) -> ChatAnswer:
        """Post a request and wait for the whole completion; an error body under a 200 is raised."""
        ...

    async def open_stream(self, body: bytes) -> ChatStream:
        """Post a request with `stream` true; returns when the upstream's headers (200) are there."""
        ...

    def redact(self, text: str) -> str:
        """`text` without this upstream's keys and addresses."""
        ...
