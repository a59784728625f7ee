"""The run of a Messages request whose answer is one JSON document."""

from collections.abc import Awaitable, Callable
from functools import partial

from openrouter_anthropic_server.flows.fallback import with_fallbacks
from openrouter_anthropic_server.flows.preparation import prepare
from openrouter_anthropic_server.flows.refused_thinking import with_refused_thinking
from openrouter_anthropic_server.orchestration.flow import flow
from openrouter_anthropic_server.ports.model_routes import ChatRoute, MessagesRoute, Route
from openrouter_anthropic_server.services import Services
from openrouter_anthropic_server.tasks import accounting, calling, content, preparing
from openrouter_anthropic_server.tasks.message_call import MessageAnswer, MessageCall, PreparedRequest
from openrouter_anthropic_server.tasks.thinking import handed_out


@flow(name="create-message")
async def create_message(call: MessageCall, services: Services) -> MessageAnswer:
    """Answer a request; failures are raised as `GatewayError`s."""
    try:
        preparing.validate_request(call)
        answer = await with_fallbacks(call, services, partial(answer_over, call, services))
        accounting.account_usage(answer.outcome, call.expected)
    except Exception as error:
        accounting.note_failure(error)
        raise
    content.keep_answer(answer.body)
    return answer


async def answer_over(call: MessageCall, services: Services, route: Route) -> MessageAnswer:
    """The whole answer to a checked request by the model of `route`."""
    prepared = await prepare(call, route, services)
    attempt: Callable[[PreparedRequest], Awaitable[MessageAnswer]]
    if isinstance(route, MessagesRoute):
        attempt = partial(_over_messages_wire, call, route)
    else:
        attempt = partial(_over_chat_wire, call, route, services)
    answer = await with_refused_thinking(prepared, route, services, attempt)
    handed_out(answer.signatures, route, services.signature_origins)
    return answer


async def _over_messages_wire(call: MessageCall, route: MessagesRoute, prepared: PreparedRequest) -> MessageAnswer:
    edited = preparing.edit_request(call, prepared, route)
    call.let_go()
    return calling.read_answer(route, await calling.call_messages_backend(call, route, edited))


async def _over_chat_wire(
    call: MessageCall, route: ChatRoute, services: Services, prepared: PreparedRequest
) -> MessageAnswer:
    converted = preparing.convert_request(prepared, route)
    call.let_go()
    completion = await calling.call_chat_backend(call, route, converted)
    estimate = 0 if completion.get("usage") else _estimate(prepared, route, services)
    return calling.convert_response(call, route, converted, completion, estimate)


def _estimate(prepared: PreparedRequest, route: ChatRoute, services: Services) -> int:
    return services.token_counter.estimate({**prepared.body, "model": route.model})
