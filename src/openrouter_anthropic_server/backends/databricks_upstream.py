"""HTTP to a Databricks workspace: credentials that change, a second try with new ones, and whose fault a refusal is."""

from collections.abc import Mapping, Sequence
from typing import Final

import aiohttp

from openrouter_anthropic_server.backends.credentials import Credentials
from openrouter_anthropic_server.backends.http_upstream import HttpUpstream
from openrouter_anthropic_server.conversion.upstream_errors import KEY_REJECTED
from openrouter_anthropic_server.errors import AuthenticationError

_REJECTED: Final = "Databricks rejected the credentials of this server"


class DatabricksUpstream(HttpUpstream):
    """A workspace, reached with a fixed `token`, or with `credentials` that are asked before each request."""

    def __init__(
        self,
        base_url: str,
        *,
        token: str | None = None,
        credentials: Credentials | None = None,
        timeout_seconds: float,
        idle_seconds: float,
    ) -> None:
        super().__init__(
            base_url,
            headers={} if token is None else {"authorization": f"Bearer {token}"},
            secrets=() if token is None else (token,),
            timeout_seconds=timeout_seconds,
            idle_seconds=idle_seconds,
        )
        self._credentials = credentials

    @property
    def secrets(self) -> Sequence[str]:
        """What must not show in messages, the token of the moment too."""
        fixed = super().secrets
        return fixed if self._credentials is None else (*fixed, *self._credentials.secrets)

    async def _request(
        self,
        method: str,
        path: str,
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - aiohttp's own limits, not a deadline
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> aiohttp.ClientResponse:
        try:
            if self._credentials is None:
                return await super()._request(method, path, timeout, body=body, headers=headers)
            return await self._authorised(self._credentials, method, path, timeout, (body, headers or {}))
        except AuthenticationError as error:
            if error.message != KEY_REJECTED:
                raise
            whose = "DATABRICKS_TOKEN" if self._credentials is None else "the service principal of DATABRICKS_CLIENT_ID"
            raise AuthenticationError(f"{_REJECTED}: check {whose}", headers=error.headers) from None

    async def _authorised(
        self,
        credentials: Credentials,
        method: str,
        path: str,
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - aiohttp's own limits, not a deadline
        content: tuple[bytes | None, Mapping[str, str]],
    ) -> aiohttp.ClientResponse:
        """With the credentials of the moment; once more with new ones if these are rejected."""
        body, headers = content
        own = await credentials.headers()
        try:
            return await super()._request(method, path, timeout, body=body, headers={**headers, **own})
        except AuthenticationError:
            again = await credentials.renewed(own)
            if again is None:
                raise
        return await super()._request(method, path, timeout, body=body, headers={**headers, **again})
