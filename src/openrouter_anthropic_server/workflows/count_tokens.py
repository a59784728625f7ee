"""Counting the input tokens of a request: by the upstream where it can, else by our estimator.

No run is recorded: Claude Code's `/context` asks 26 times at once.
"""

from collections.abc import Mapping

from openrouter_anthropic_server.conversion.messages_wire import (
    DEFAULT_VERSION,
    forwarded_headers,
    prepare_messages_body,
)
from openrouter_anthropic_server.conversion.validation import parse_json, validate_count_tokens_request
from openrouter_anthropic_server.errors import NotFoundError, NotSupportedError, UpstreamError
from openrouter_anthropic_server.ports.messages_backend import MessagesCall
from openrouter_anthropic_server.ports.model_routes import MessagesRoute
from openrouter_anthropic_server.services import Services


async def count_tokens(raw: bytes, headers: Mapping[str, str], services: Services) -> int:
    """Input tokens of the request in `raw`; never 0."""
    body = parse_json(raw)
    version, betas = headers.get("anthropic-version", DEFAULT_VERSION), headers.get("anthropic-beta", "")
    request = validate_count_tokens_request(body, api_version=version, betas=betas)
    route = services.routes.resolve(request["model"])
    counted = None
    if isinstance(route, MessagesRoute):
        edited = prepare_messages_body(body, raw, model=route.model, upstream=route.dialect)
        call = MessagesCall(edited.body, forwarded_headers(headers, upstream=route.dialect))
        counted = await _upstream_count(route, call)
    return counted or await services.token_counter.count({**body, "model": route.model})


async def _upstream_count(route: MessagesRoute, call: MessagesCall) -> int | None:
    try:
        return await route.backend.count_tokens(call)
    except (NotFoundError, NotSupportedError, UpstreamError):
        return None  # an upstream that cannot count, or not now: the estimate is better than an error
