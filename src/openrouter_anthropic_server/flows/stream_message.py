"""The run of a Messages request whose answer is a stream of events."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass

from openrouter_anthropic_server.anthropic_types.request import MessagesRequest
from openrouter_anthropic_server.orchestration import flow
from openrouter_anthropic_server.ports.chat_backend import ChatStream
from openrouter_anthropic_server.ports.messages_backend import MessagesStream
from openrouter_anthropic_server.ports.model_routes import ChatRoute, MessagesRoute
from openrouter_anthropic_server.services import Services
from openrouter_anthropic_server.streaming.usage_tap import UsageTap
from openrouter_anthropic_server.tasks import calling, preparing, streaming
from openrouter_anthropic_server.tasks.assembling import new_assembler
from openrouter_anthropic_server.tasks.message_call import MessageCall, Outcome


@flow(name="stream-message")
async def stream_message(call: MessageCall, services: Services) -> AsyncGenerator[bytes, None]:
    """SSE bytes of the answer; failures are raised, before or after the first byte, as `GatewayError`s.

    Closing the generator closes the upstream.
    """
    answer = await _open(call, services)
    # A large request is not kept for as long as its answer streams.
    call.forget_request()
    try:
        async with aclosing(answer.events) as events:
            async for data in events:
                yield data
    finally:
        await answer.stream.aclose()
        calling.account_usage(answer.outcome())


@dataclass(frozen=True, slots=True)
class _OpenAnswer:
    """The upstream's stream, what the client gets of it, and how it ended (ask at the end)."""

    stream: MessagesStream | ChatStream
    events: AsyncGenerator[bytes, None]
    outcome: Callable[[], Outcome]


async def _open(call: MessageCall, services: Services) -> _OpenAnswer:
    request = preparing.validate_request(call)
    route = preparing.resolve_model(call, request, services.routes)
    if isinstance(route, MessagesRoute):
        return await _open_messages_wire(call, route)
    return await _open_chat_wire(call, request, route, services)


async def _open_messages_wire(call: MessageCall, route: MessagesRoute) -> _OpenAnswer:
    edited = preparing.edit_request(call, route)
    stream = await streaming.open_messages_stream(call, route, edited)
    tap = UsageTap()
    relayed = streaming.relay_messages_stream(route, stream, tap)
    return _OpenAnswer(stream, relayed, lambda: Outcome(tap.model, tap.stop_reason, tap.usage))


async def _open_chat_wire(
    call: MessageCall, request: MessagesRequest, route: ChatRoute, services: Services
) -> _OpenAnswer:
    converted = preparing.convert_request(call, route)
    estimate = services.token_counter.estimate({**request, "model": route.model})
    assembler = new_assembler(call, route.model, converted, estimate)
    stream = await streaming.open_chat_stream(call, route, converted.body)

    def outcome() -> Outcome:
        preparing.note(assembler.notes)
        return Outcome(route.model, assembler.stop_reason, assembler.usage)

    return _OpenAnswer(stream, streaming.relay_chat_stream(route, stream, assembler), outcome)
