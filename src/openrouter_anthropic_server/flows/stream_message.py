"""The run of a Messages request whose answer is a stream of events."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from openrouter_anthropic_server.anthropic_types.request import MessagesRequest
from openrouter_anthropic_server.orchestration import flow
from openrouter_anthropic_server.ports.model_routes import ChatRoute, MessagesRoute
from openrouter_anthropic_server.services import Services
from openrouter_anthropic_server.streaming.usage_tap import UsageTap
from openrouter_anthropic_server.tasks import calling, preparing, streaming
from openrouter_anthropic_server.tasks.message_call import MessageCall, Outcome


@flow(name="stream-message")
async def stream_message(call: MessageCall, services: Services) -> AsyncGenerator[bytes, None]:
    """SSE bytes of the answer; failures are raised, before or after the first byte, as `GatewayError`s.

    Closing the generator closes the upstream.
    """
    request = preparing.validate_request(call)
    route = preparing.resolve_model(call, request, services.routes)
    if isinstance(route, MessagesRoute):
        events = _over_messages_wire(call, route)
    else:
        events = _over_chat_wire(call, request, route, services)
    async with aclosing(events):
        async for data in events:
            yield data


async def _over_messages_wire(call: MessageCall, route: MessagesRoute) -> AsyncGenerator[bytes, None]:
    edited = preparing.edit_request(call, route)
    stream = await streaming.open_messages_stream(call, route, edited)
    tap = UsageTap()
    try:
        async with aclosing(streaming.relay_messages_stream(route, stream, tap)) as relayed:
            async for data in relayed:
                yield data
    finally:
        await stream.aclose()
        calling.account_usage(Outcome(tap.model, tap.stop_reason, tap.usage))


async def _over_chat_wire(
    call: MessageCall, request: MessagesRequest, route: ChatRoute, services: Services
) -> AsyncGenerator[bytes, None]:
    converted = preparing.convert_request(request, route)
    estimate = services.token_counter.estimate(request)
    assembler = streaming.new_assembler(call, route, converted, estimate)
    stream = await streaming.open_chat_stream(call, route, converted.body)
    try:
        async with aclosing(streaming.relay_chat_stream(route, stream, assembler)) as relayed:
            async for data in relayed:
                yield data
    finally:
        await stream.aclose()
        preparing.note(assembler.notes)
        calling.account_usage(Outcome(route.model, assembler.stop_reason, assembler.usage))
