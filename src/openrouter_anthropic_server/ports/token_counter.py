"""Counting the input tokens of a request without asking an upstream."""

from collections.abc import Mapping
from typing import Any, Protocol


class TokenCounter(Protocol):
    """Counts what a messages or count_tokens request costs as input. Never raises, never answers 0."""

    async def count(self, request: Mapping[str, Any]) -> int:
        """Input tokens by the tokenizer (typically within 5 to 10 %); does not block the event loop."""
        ...

    def estimate(self, request: Mapping[str, Any]) -> int:
        """Input tokens by the length of the texts: rougher, and cheap enough for every request."""
        ...
