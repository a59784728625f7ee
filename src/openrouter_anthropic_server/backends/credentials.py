"""Credentials that change while an upstream is in use."""

from collections.abc import Mapping, Sequence
from typing import Protocol


class Credentials(Protocol):
    """What a request to an upstream needs besides its fixed headers."""

    async def headers(self) -> Mapping[str, str]:
        """Headers for the next request, lower-case. Raises a `GatewayError` where none can be had."""
        ...

    async def renewed(self, refused: Mapping[str, str]) -> Mapping[str, str] | None:
        """Headers for a second try after an upstream refused the headers `refused`; None if it is not worth one."""
        ...

    @property
    def secrets(self) -> Sequence[str]:
        """What must not show in messages."""
        ...
