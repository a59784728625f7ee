"""`POST /v1/universal/stream`, `GET /v1/universal/providers` and `GET /v1/universal/health`."""

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from openrouter_anthropic_server.routers.disconnects import DisconnectWatch
from openrouter_anthropic_server.routers.error_responses import CLIENT_CLOSED_REQUEST
from openrouter_anthropic_server.routers.event_stream import EventStream
from openrouter_anthropic_server.routers.json_answer import JsonAnswer
from openrouter_anthropic_server.routers.raw_route import RawRoute
from openrouter_anthropic_server.routers.request_body import read_json_body
from openrouter_anthropic_server.routers.request_headers import request_headers
from openrouter_anthropic_server.routers.state import RouterState, authenticate, router_state
from openrouter_anthropic_server.streaming.answer_writers import manners_of
from openrouter_anthropic_server.tasks.universal import UniversalCall
from openrouter_anthropic_server.workflows import universal as workflow

router = APIRouter(route_class=RawRoute)


@router.post("/v1/universal/stream", name="universal_stream")
async def post_universal(request: Request) -> Response:
    """Answer a request of any of three forms in any of four, as a stream or as JSON."""
    state = router_state(request)
    headers = request_headers(request.scope)
    authenticate(request, headers)
    raw = await read_json_body(request, headers, state.max_body_bytes)
    services = state.open_services()
    asked = workflow.receive_universal(request.scope["state"]["request_id"], raw, headers, services)
    if asked.options.stream:
        return EventStream(
            workflow.stream_answer(asked, services),
            answer_headers=asked.call.answer_headers,
            request_id=asked.call.request_id,
            ping_interval_seconds=state.ping_interval_seconds,
            manners=manners_of(asked.options.output_form, asked.call.answer_headers),
        )
    return await _whole_answer(request, asked, state)


@router.get("/v1/universal/providers", name="universal_providers")
async def get_providers(request: Request) -> Response:
    """The providers: which can be used, what the others need, and what their models can do."""
    authenticate(request)
    return JsonAnswer(orjson.dumps(workflow.list_providers(router_state(request).open_services())))


@router.get("/v1/universal/health", name="universal_health")
async def get_health(request: Request) -> Response:
    """How each provider has answered so far; no provider is asked."""
    authenticate(request)
    return JsonAnswer(orjson.dumps(workflow.providers_health(router_state(request).open_services())))


async def _whole_answer(request: Request, asked: UniversalCall, state: RouterState) -> Response:
    async with DisconnectWatch(request.receive):
        body = await workflow.whole_answer(asked, state.open_services())
        return JsonAnswer(body, asked.call.answer_headers)
    return Response(status_code=CLIENT_CLOSED_REQUEST)
