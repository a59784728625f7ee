"""`GET /runs/{request_id}`, which needs no key because it tells nothing but an address, and `GET /runs?session=`."""

from datetime import UTC, datetime
from typing import Any

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from openrouter_anthropic_server.ports.run_directory import RunSummary
from openrouter_anthropic_server.routers.json_answer import JsonAnswer
from openrouter_anthropic_server.routers.raw_route import RawRoute
from openrouter_anthropic_server.routers.state import authenticate, router_state
from openrouter_anthropic_server.workflows.runs import find_run, list_session

router = APIRouter(route_class=RawRoute)


@router.get("/runs/{request_id}", name="get_run", status_code=307)
async def get_run(request: Request) -> Response:
    """To the run of a request in Prefect's UI."""
    address = await find_run(request.path_params["request_id"], router_state(request).open_services())
    return RedirectResponse(address, headers={"cache-control": "no-store"})


@router.get("/runs", name="list_runs")
async def get_runs(request: Request) -> Response:
    """The runs of one client session in order, with tokens and cost, and in total."""
    authenticate(request)
    session_id = request.query_params.get("session", "")
    found = await list_session(session_id, router_state(request).open_services())
    answer = {
        "session": session_id,
        "ui_url": found.ui_url,
        "runs": [_run(run) for run in found.runs],
        "totals": found.totals,
    }
    return JsonAnswer(orjson.dumps(answer))


def _run(run: RunSummary) -> dict[str, Any]:
    return {
        "name": run.name,
        "flow": run.flow,
        "state": run.state,
        "started": datetime.fromtimestamp(run.started, UTC).isoformat(timespec="milliseconds"),
        "duration_seconds": run.duration_seconds,
        "url": run.url,
        "facts": run.facts,
    }
