"""What the routers share: the open services and the limits of the HTTP side."""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from starlette.requests import Request

from openrouter_anthropic_server.errors import AuthenticationError
from openrouter_anthropic_server.routers.request_headers import request_headers
from openrouter_anthropic_server.services import Services


@dataclass(slots=True)
class RouterState:
    """Set once when the application is made; `services` when it starts."""

    max_body_bytes: int
    ping_interval_seconds: float
    api_keys: Sequence[str] = field(default=(), repr=False)
    services: Services | None = None

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
    keys = router_state(request).api_keys
    if not keys:
        return
    presented = _presented_key(request_headers(request.scope) if headers is None else headers)
    if not presented:
        raise AuthenticationError("x-api-key: a key is required (x-api-key header or bearer token)")
    matches = [hmac.compare_digest(presented.encode(), key.encode()) for key in keys]
    if not any(matches):
        raise AuthenticationError("invalid x-api-key")


def _presented_key(headers: Mapping[str, str]) -> str:
    key = headers.get("x-api-key", "")
    if key:
        return key
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
