"""A FastAPI route whose endpoint takes the request and returns the response, with nothing in between."""

from typing import Any

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.types import Receive, Scope, Send


class RawRoute(APIRoute):
    """Skips FastAPI's dependency solving, exit stacks and response models; they cost more than the work itself.

    The endpoint must be `async def endpoint(request: Request) -> Response`. FastAPI still describes
    the route in its OpenAPI document.
    """

    def __init__(self, path: str, endpoint: Any, **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        self.app = self._serve

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self.endpoint(Request(scope, receive, send))
        await response(scope, receive, send)
