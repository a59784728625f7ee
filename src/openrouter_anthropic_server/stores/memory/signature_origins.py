"""Origins of signatures in the memory of one process: what is left where no file can be kept."""

from collections.abc import Mapping, Sequence

from openrouter_anthropic_server.conversion.thinking_origins import Origin
from openrouter_anthropic_server.stores.origin_front import OriginFront, digest_of


class MemorySignatureOrigins:
    """`SignatureOrigins` that end with the process."""

    def __init__(self, front: OriginFront) -> None:
        self._front = front

    def remember(self, signatures: Sequence[str], origin: Origin) -> None:
        """These were handed out by `origin`."""
        for signature in signatures:
            self._front.remember(digest_of(signature), origin)

    def refused(self, signatures: Sequence[str], upstream: str) -> None:
        """The upstream did not take these."""
        for signature in signatures:
            self._front.refused(digest_of(signature), upstream)

    async def find(self, signatures: Sequence[str]) -> Mapping[str, Origin]:
        """What is known of them."""
        found = ((signature, self._front.get(digest_of(signature))) for signature in signatures)
        return {signature: origin for signature, origin in found if origin is not None}
