"""Counting the input tokens of a request: by the upstream where it can, else by our estimator.

No run is recorded: Claude Code's `/context` asks 26 times at once.
"""

from openrouter_anthropic_server.conversion.messages_wire import forwarded_headers, prepare_messages_body
from openrouter_anthropic_server.conversion.thinking_refusals import refuses_thinking
from openrouter_anthropic_server.conversion.validation import validate_count_tokens_request
from openrouter_anthropic_server.errors import InvalidRequestError, NotFoundError, NotSupportedError, UpstreamError
from openrouter_anthropic_server.ports.messages_backend import MessagesCall
from openrouter_anthropic_server.ports.model_routes import MessagesRoute
from openrouter_anthropic_server.services import Services
from openrouter_anthropic_server.tasks.message_call import MessageCall, PreparedRequest
from openrouter_anthropic_server.tasks.thinking import history_for


async def count_tokens(call: MessageCall, services: Services) -> int:
    """Input tokens of the request; never 0."""
    request = validate_count_tokens_request(call.body, api_version=call.api_version, betas=call.betas)
    route = services.routes.resolve(request["model"])
    counted = None
    if isinstance(route, MessagesRoute):
        known = route.capabilities
        own = PreparedRequest(call)
        if (history := await history_for(own, route, services)) is not None:
            own = PreparedRequest(call, history.body)
        edited = prepare_messages_body(own.body, own.raw, model=route.model, upstream=route.dialect, capabilities=known)
        sent = forwarded_headers(call.headers, upstream=route.dialect, capabilities=known)
        counted = await _upstream_count(route, MessagesCall(edited.body, sent))
    return counted or await services.token_counter.count({**call.body, "model": route.model})


async def _upstream_count(route: MessagesRoute, call: MessagesCall) -> int | None:
    try:
        return await route.backend.count_tokens(call)
    except InvalidRequestError as error:
        if refuses_thinking(error.message):
            return None
        raise
    except (NotFoundError, NotSupportedError, UpstreamError):
        return None  # an upstream that cannot count, or not now: the estimate is better than an error
