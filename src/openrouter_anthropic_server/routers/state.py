"""What the routers share: the open services and the limits of the HTTP side."""

import hmac
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import urlsplit

from starlette.requests import Request

from openrouter_anthropic_server.errors import AuthenticationError, PermissionDeniedError
from openrouter_anthropic_server.routers.request_headers import request_headers
from openrouter_anthropic_server.services import Services

_LOOPBACK_NAMES = frozenset(("localhost", "127.0.0.1", "::1"))


@dataclass(slots=True)
class RouterState:
    """Set once when the application is made; `services` when it starts."""

    max_body_bytes: int
    ping_interval_seconds: float
    api_keys: Sequence[str] = field(default=(), repr=False)
    cors_origins: Sequence[str] = ()
    services: Services | None = None
    _made: float = field(default_factory=time.monotonic)

    @property
    def uptime_seconds(self) -> float:
        """Seconds since the application was made."""
        return time.monotonic() - self._made

    def open_services(self) -> Services:
        """The services; there are none before the application has started."""
        if self.services is None:
            raise RuntimeError("the application has not started")
        return self.services


def router_state(request: Request) -> RouterState:
    """The state of the application that serves `request`."""
    return cast(RouterState, request.app.state.router)


def authenticate(request: Request, headers: Mapping[str, str] | None = None) -> None:
    """Check the client's key (`x-api-key` or a bearer token) in constant time; without configured keys any is fine."""
    state = router_state(request)
    headers = request_headers(request.scope) if headers is None else headers
    keys = state.api_keys
    if not keys:
        _refuse_foreign_pages(headers.get("origin"), state.cors_origins)
        return
    presented = _presented_keys(headers)
    if not presented:
        raise AuthenticationError("x-api-key: a key is required (x-api-key header or bearer token)")
    # All pairs are compared, so that the time tells nothing. Claude Code sends both headers if it has two keys.
    matches = [hmac.compare_digest(sent.encode(), key.encode()) for sent in presented for key in keys]
    if not any(matches):
        raise AuthenticationError("invalid x-api-key")


def _refuse_foreign_pages(origin: str | None, allowed: Sequence[str]) -> None:
    """Without keys, the browser's `Origin` is what keeps web pages from spending the operator's credit."""
    if origin is None or origin in allowed or "*" in allowed:
        return
    if urlsplit(origin).hostname not in _LOOPBACK_NAMES:
        raise PermissionDeniedError("origin: web pages may use this server only if CORS_ORIGINS lists their origin")


def _presented_keys(headers: Mapping[str, str]) -> list[str]:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    keys = [headers.get("x-api-key", ""), token.strip() if scheme.lower() == "bearer" else ""]
    return [key.strip() for key in keys if key.strip()]
