"""`POST /v1/messages` and `POST /v1/messages/count_tokens`."""

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
from openrouter_anthropic_server.tasks.message_call import MessageCall
from openrouter_anthropic_server.workflows import messages as workflow
from openrouter_anthropic_server.workflows.count_tokens import count_tokens

router = APIRouter(route_class=RawRoute)


@router.post("/v1/messages", name="create_message")
async def post_message(request: Request) -> Response:
    """Answer a Messages request, as JSON or as a stream of events."""
    state = router_state(request)
    headers = request_headers(request.scope)
    authenticate(request, headers)
    raw = await read_json_body(request, headers, state.max_body_bytes)
    call = workflow.receive_message(request.scope["state"]["request_id"], raw, headers)
    if call.body.get("stream") is True:
        return EventStream(
            workflow.stream_message(call, state.open_services()),
            answer_headers=call.answer_headers,
            request_id=call.request_id,
            ping_interval_seconds=state.ping_interval_seconds,
        )
    return await _whole_answer(request, call, state)


@router.post("/v1/messages/count_tokens", name="count_tokens")
async def post_count_tokens(request: Request) -> Response:
    """Count the input tokens of a request."""
    state = router_state(request)
    headers = request_headers(request.scope)
    authenticate(request, headers)
    raw = await read_json_body(request, headers, state.max_body_bytes)
    call = workflow.receive_message(request.scope["state"]["request_id"], raw, headers)
    counted = await count_tokens(call, state.open_services())
    return JsonAnswer(orjson.dumps({"input_tokens": counted}))


async def _whole_answer(request: Request, call: MessageCall, state: RouterState) -> Response:
    async with DisconnectWatch(request.receive):
        answer = await workflow.create_message(call, state.open_services())
        return JsonAnswer(answer.body, call.answer_headers)
    return Response(status_code=CLIENT_CLOSED_REQUEST)
