"""What happens to a checked request before it is converted, for one route."""

from openrouter_anthropic_server.ports.model_routes import Route
from openrouter_anthropic_server.services import Services
from openrouter_anthropic_server.tasks.message_call import MessageCall, PreparedRequest
from openrouter_anthropic_server.tasks.parameters import apply_parameters
from openrouter_anthropic_server.tasks.thinking import own_thinking


async def prepare(call: MessageCall, route: Route, services: Services) -> PreparedRequest:
    """The request with the parameters and the thinking that the route takes."""
    prepared = apply_parameters(call, route, services)
    prepared = await own_thinking(prepared, route, services)
    call.expected = services.token_counter.expect(prepared.body, route.model)
    return prepared
