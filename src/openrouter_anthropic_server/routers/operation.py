"""`GET /`, `HEAD /` and `GET /health`, which need no key; `GET /health/detailed` and `GET /metrics`, which do."""

import asyncio

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from openrouter_anthropic_server import __version__
from openrouter_anthropic_server.observability.metrics import CONTENT_TYPE, exposition
from openrouter_anthropic_server.routers.json_answer import JsonAnswer
from openrouter_anthropic_server.routers.raw_route import RawRoute
from openrouter_anthropic_server.routers.state import authenticate, router_state
from openrouter_anthropic_server.workflows import health as workflow

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


@router.get("/health/detailed", name="health_detailed")
async def health_detailed(request: Request) -> Response:
    """How requests are recorded: the recorder, its spool, Prefect and its addresses."""
    authenticate(request)
    state = router_state(request)
    found = await workflow.examine(state.open_services())
    about = {"version": __version__, "uptime_seconds": round(state.uptime_seconds, 3)}
    return JsonAnswer(orjson.dumps({"status": found.pop("status"), **about, **found}))


@router.get("/metrics", name="metrics")
async def metrics(request: Request) -> Response:
    """The server's figures for Prometheus."""
    authenticate(request)
    figures = await workflow.measure(router_state(request).open_services())
    return Response(await asyncio.to_thread(exposition, figures), headers={"content-type": CONTENT_TYPE})


def _status(request: Request) -> Response:
    backend = router_state(request).open_services().backend_name
    status: dict[str, object] = {"status": "ok", "version": __version__, "backend": backend}
    if backend == "demo":
        status["demo"] = True
    return JsonAnswer(orjson.dumps(status))
