"""OAuth tokens of a Databricks service principal: fetched once for all who wait, renewed before they end.

Machine-to-machine OAuth as Databricks documents it: `POST {host}/oidc/v1/token` with the client's id and secret
(HTTP Basic) and `grant_type=client_credentials&scope=all-apis` gives a token for an hour.
"""

import asyncio
import math
import time
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import orjson

from openrouter_anthropic_server.backends.http_upstream import HttpUpstream
from openrouter_anthropic_server.errors import (
    AuthenticationError,
    GatewayError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    UpstreamError,
)

_PATH = "/oidc/v1/token"
_FORM = b"grant_type=client_credentials&scope=all-apis"
_LIFETIME_SECONDS = 3600.0
_RENEW_AT = 0.9
"""The part of a token's life after which a new one is fetched, while the old one still serves."""
_REST_SECONDS = 10.0
"""Between two attempts to renew early, and the age from which a refused token is worth another one."""
_FAILED_SECONDS = 2.0
"""How long a failure answers for all who want a token: a storm of requests is no storm of logins."""

_CLIENTS = "DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET"


@dataclass(frozen=True, slots=True)
class _Token:
    headers: Mapping[str, str]
    text: str
    since: float
    renew_at: float
    until: float


def token_headers(client_id: str, client_secret: str) -> dict[str, str]:
    """The headers of a request for a token."""
    basic = b64encode(f"{client_id}:{client_secret}".encode()).decode()
    return {"authorization": f"Basic {basic}", "content-type": "application/x-www-form-urlencoded"}


class DatabricksToken:
    """The current token of one service principal. `upstream` is the workspace, opened with `token_headers`."""

    def __init__(self, upstream: HttpUpstream, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._upstream = upstream
        self._clock = clock
        self._token: _Token | None = None
        self._handed_out: tuple[str, ...] = ()
        self._failed_until = float("-inf")
        self._fetching: asyncio.Task[_Token | GatewayError] | None = None
        self._rest_until = float("-inf")

    @property
    def secrets(self) -> Sequence[str]:
        """The newest token and the one before it, with which a stream can still be open."""
        return self._handed_out

    async def headers(self) -> Mapping[str, str]:
        """The `authorization` of a token that is valid. Waits only where there is none."""
        token, now = self._token, self._clock()
        if token is None or now >= token.until:
            return (await self._fetched()).headers
        if now >= max(token.renew_at, self._rest_until):
            self._started_fetch()
        return token.headers

    async def renewed(self, refused: Mapping[str, str]) -> Mapping[str, str] | None:
        """The headers of another token than the refused one; None if that one was fetched only just now."""
        token = self._token
        if token is None or token.headers.get("authorization") != refused.get("authorization"):
            return await self.headers()
        if self._clock() - token.since < _REST_SECONDS:
            return None
        self._token = None  # nobody else has to find out that it is refused
        return (await self._fetched()).headers

    async def aclose(self) -> None:
        """Stop a fetch that still runs."""
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.wait((self._fetching,))

    async def _fetched(self) -> _Token:
        task = self._started_fetch()
        await asyncio.wait((task,))  # whoever stops waiting does not stop the fetch
        outcome = task.result()
        if isinstance(outcome, _Token):
            return outcome
        raise type(outcome)(outcome.message, headers=outcome.headers)

    def _started_fetch(self) -> "asyncio.Task[_Token | GatewayError]":
        if self._fetching is None or (self._fetching.done() and self._clock() >= self._failed_until):
            # Held here until it is done, and stopped by `aclose`.
            self._fetching = asyncio.get_running_loop().create_task(self._fetch())
        return self._fetching

    async def _fetch(self) -> "_Token | GatewayError":
        began = self._clock()
        self._rest_until = began + _REST_SECONDS
        try:
            answer = await self._upstream.post(_PATH, _FORM)
            token = _token(answer.body, began)
        except GatewayError as error:
            self._failed_until = self._clock() + _FAILED_SECONDS
            return _explained(error)
        self._token = token
        self._handed_out = (token.text, *self._handed_out[:1])
        return token


def _token(body: bytes, began: float) -> _Token:
    try:
        answer = orjson.loads(body)
        text, lasts = answer["access_token"], _lifetime(answer.get("expires_in"))
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError):
        raise UpstreamError("Databricks answered the request for a token with something else") from None
    if not isinstance(text, str) or not text or not text.isprintable() or not text.isascii():
        raise UpstreamError("Databricks answered the request for a token with something else")
    return _Token({"authorization": f"Bearer {text}"}, text, began, began + _RENEW_AT * lasts, began + lasts)


def _lifetime(expires_in: object) -> float:
    """Seconds; what is no time, or none that passes, stands for the hour that Databricks documents."""
    try:
        lasts = float(str(expires_in))
    except ValueError:
        return _LIFETIME_SECONDS
    return lasts if 0 < lasts < math.inf else _LIFETIME_SECONDS


def _explained(error: GatewayError) -> GatewayError:
    """The error of a fetch in words that say what to change."""
    if isinstance(error, AuthenticationError | InvalidRequestError):
        return AuthenticationError(f"Databricks refused {_CLIENTS}: check them, and that the secret is still valid")
    if isinstance(error, PermissionDeniedError):
        return PermissionDeniedError(f"Databricks gives the service principal of {_CLIENTS} no token: {error.message}")
    if isinstance(error, NotFoundError):
        return UpstreamError(f"no token from Databricks: there is no {_PATH} at the address in DATABRICKS_HOST")
    return type(error)(f"no token from Databricks: {error.message}", headers=error.headers)
