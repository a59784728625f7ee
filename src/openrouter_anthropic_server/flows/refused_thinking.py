"""Asks once more, without the thinking of earlier turns, where an upstream refuses that."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from openrouter_anthropic_server.errors import InvalidRequestError
from openrouter_anthropic_server.ports.model_routes import Route
from openrouter_anthropic_server.services import Services
from openrouter_anthropic_server.tasks.message_call import PreparedRequest
from openrouter_anthropic_server.tasks.thinking import without_refused_thinking

Answer = TypeVar("Answer")


async def with_refused_thinking(
    prepared: PreparedRequest,
    route: Route,
    services: Services,
    attempt: Callable[[PreparedRequest], Awaitable[Answer]],
) -> Answer:
    """What `attempt` gives for the request, or for what is left of it if the upstream refuses its thinking.

    Nothing has gone to the client when `attempt` fails.
    """
    try:
        return await attempt(prepared)
    except InvalidRequestError as error:
        rest = await without_refused_thinking(error, prepared, route, services)
        if rest is None:
            raise
    return await attempt(rest)
