"""`GET /v1/models` and `GET /v1/models/{id}`."""

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from openrouter_anthropic_server.conversion.model_list import DEFAULT_LIMIT, page
from openrouter_anthropic_server.routers.json_answer import JsonAnswer
from openrouter_anthropic_server.routers.raw_route import RawRoute
from openrouter_anthropic_server.routers.state import authenticate, router_state
from openrouter_anthropic_server.workflows.models import find_model, list_models

router = APIRouter(route_class=RawRoute)


@router.get("/v1/models", name="list_models")
async def get_models(request: Request) -> Response:
    """One page of the models, newest API shape."""
    authenticate(request)
    models = await list_models(router_state(request).open_services())
    query = request.query_params
    limit = query.get("limit", DEFAULT_LIMIT)
    listed = page(models, after_id=query.get("after_id"), before_id=query.get("before_id"), limit=limit)
    return JsonAnswer(orjson.dumps(listed))


@router.get("/v1/models/{model_id:path}", name="get_model")
async def get_model(request: Request) -> Response:
    """One model; ids with slashes are taken as they are."""
    authenticate(request)
    model = await find_model(request.path_params["model_id"], router_state(request).open_services())
    return JsonAnswer(orjson.dumps(model))
