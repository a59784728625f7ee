"""The run of a Messages request whose answer is one JSON document."""

from openrouter_anthropic_server.anthropic_types.request import MessagesRequest
from openrouter_anthropic_server.orchestration import flow
from openrouter_anthropic_server.ports.model_routes import ChatRoute, MessagesRoute
from openrouter_anthropic_server.services import Services
from openrouter_anthropic_server.tasks import calling, preparing
from openrouter_anthropic_server.tasks.message_call import MessageAnswer, MessageCall


@flow(name="create-message")
async def create_message(call: MessageCall, services: Services) -> MessageAnswer:
    """Answer a request; failures are raised as `GatewayError`s."""
    request = preparing.validate_request(call)
    route = preparing.resolve_model(call, request, services.routes)
    if isinstance(route, MessagesRoute):
        answer = await _over_messages_wire(call, route)
    else:
        answer = await _over_chat_wire(call, request, route, services)
    calling.account_usage(answer.outcome)
    return answer


async def _over_messages_wire(call: MessageCall, route: MessagesRoute) -> MessageAnswer:
    edited = preparing.edit_request(call, route)
    return calling.read_answer(route, await calling.call_messages_backend(call, route, edited))


async def _over_chat_wire(
    call: MessageCall, request: MessagesRequest, route: ChatRoute, services: Services
) -> MessageAnswer:
    converted = preparing.convert_request(call, route)
    completion = await calling.call_chat_backend(call, route, converted.body)
    estimate = 0 if completion.get("usage") else services.token_counter.estimate({**request, "model": route.model})
    return calling.convert_response(call, route, converted, completion, estimate)
