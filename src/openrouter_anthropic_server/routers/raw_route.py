"""A FastAPI route whose endpoint takes the request and returns the response, with nothing in between."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response


class RawRoute(APIRoute):
    """Skips FastAPI's dependency solving and response models: on the hot path they cost more than the work.

    The endpoint must be `async def endpoint(request: Request) -> Response`.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The endpoint itself."""
        return self.endpoint
