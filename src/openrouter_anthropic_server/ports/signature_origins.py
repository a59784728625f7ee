"""Where signatures of thinking come from: remembered when one is handed out, asked when it comes back."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from openrouter_anthropic_server.conversion.thinking_origins import Origin


class SignatureOrigins(Protocol):
    """A bounded memory of signatures; the ones that were used least recently are forgotten first.

    No call fails for what happens to the memory, and none but `find` ever waits.
    """

    def remember(self, signatures: Sequence[str], origin: Origin) -> None:
        """These were handed out by `origin`; its `refused_by` is not looked at."""
        ...

    def refused(self, signatures: Sequence[str], upstream: str) -> None:
        """The upstream did not take these."""
        ...

    async def find(self, signatures: Sequence[str]) -> Mapping[str, Origin]:
        """What is known of them, by signature; unknown ones are missing."""
        ...
