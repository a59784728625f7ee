"""Tries a request with one model after the other until one answers."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from openrouter_anthropic_server.errors import GatewayError
from openrouter_anthropic_server.ports.model_routes import Route
from openrouter_anthropic_server.services import Services
from openrouter_anthropic_server.tasks.falling_back import FailedAttempt, fall_back, may_fall_back
from openrouter_anthropic_server.tasks.message_call import MessageCall
from openrouter_anthropic_server.tasks.preparing import name_answerer, note_route, resolve_model

Answer = TypeVar("Answer")


async def with_fallbacks(
    call: MessageCall,
    services: Services,
    attempt: Callable[[Route], Awaitable[Answer]],
) -> Answer:
    """What `attempt` gives for the request's model, or for the first fallback for which it does not fail.

    If all fail, the error is that of the model which was asked for. Nothing is remembered of a failure: the
    next request tries the same model again.
    """
    route = resolve_model(call, services.routes)
    if not services.routes.fallbacks:
        name_answerer(call, route)
        return await attempt(route)
    try:
        answer = await attempt(route)
    except GatewayError as error:
        if may_fall_back(error):
            return await _fall_back(call, FailedAttempt(route, error), services, attempt)
        name_answerer(call, route)
        raise
    name_answerer(call, route)
    return answer


async def _fall_back(
    call: MessageCall,
    first: FailedAttempt,
    services: Services,
    attempt: Callable[[Route], Awaitable[Answer]],
) -> Answer:
    failed = [first]
    while (route := fall_back(call, failed, services.routes)) is not None:
        try:
            answer = await attempt(route)
        except GatewayError as error:
            failed.append(FailedAttempt(route, error))
        else:
            name_answerer(call, route)
            return answer
    note_route(call, first.route)
    name_answerer(call, first.route)
    raise first.error
