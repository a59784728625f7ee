"""Counting the input tokens of a request without asking an upstream."""

from collections.abc import Mapping
from typing import Any, Protocol


class Expectation(Protocol):
    """Our count of a request that an upstream is going to count too. It does not keep the request."""

    def met(self, input_tokens: int) -> None:
        """The upstream's count, cached tokens included: later counts for the model are corrected by it."""
        ...


class TokenCounter(Protocol):
    """Counts what a messages or count_tokens request costs as input. Never raises, never answers 0."""

    async def count(self, request: Mapping[str, Any]) -> int:
        """Input tokens by the tokenizer (typically within 5 to 10 %); does not block the event loop."""
        ...

    def estimate(self, request: Mapping[str, Any]) -> int:
        """Input tokens by the length of the texts: rougher, and cheap enough for every request."""
        ...

    def expect(self, request: Mapping[str, Any], model: str) -> Expectation | None:
        """Begin to count a request to `model` in the background; None for most, since a small share is enough."""
        ...
