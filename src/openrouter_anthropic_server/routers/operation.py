"""`GET /`, `HEAD /` and `GET /health`: no key is needed."""

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from openrouter_anthropic_server import __version__
from openrouter_anthropic_server.routers.json_answer import JsonAnswer
from openrouter_anthropic_server.routers.raw_route import RawRoute
from openrouter_anthropic_server.routers.state import router_state

router = APIRouter(route_class=RawRoute)


@router.head("/health", include_in_schema=False)
@router.get("/health", name="health")
async def health(request: Request) -> Response:
    """Whether the server answers, and with which backend."""
    return _status(request)


@router.head("/", include_in_schema=False)
@router.get("/", name="root")
async def root(request: Request) -> Response:
    """What this is; Claude Code asks at its start whether anybody is there."""
    return _status(request)


def _status(request: Request) -> Response:
    backend = router_state(request).open_services().backend_name
    status: dict[str, object] = {"status": "ok", "version": __version__, "backend": backend}
    if backend == "demo":
        status["demo"] = True
    return JsonAnswer(orjson.dumps(status))
