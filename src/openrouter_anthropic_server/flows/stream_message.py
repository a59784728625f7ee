"""The run of a Messages request whose answer is a stream of events."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial

from openrouter_anthropic_server.conversion.thinking_history import holds_thinking
from openrouter_anthropic_server.flows.fallback import with_fallbacks
from openrouter_anthropic_server.flows.preparation import prepare
from openrouter_anthropic_server.flows.refused_thinking import with_refused_thinking
from openrouter_anthropic_server.orchestration.flow import flow
from openrouter_anthropic_server.ports.chat_backend import ChatStream
from openrouter_anthropic_server.ports.messages_backend import MessagesStream
from openrouter_anthropic_server.ports.model_routes import ChatRoute, MessagesRoute, Route
from openrouter_anthropic_server.services import Services
from openrouter_anthropic_server.streaming.usage_tap import UsageTap
from openrouter_anthropic_server.streaming.whole_events import has_content
from openrouter_anthropic_server.tasks import accounting, content, preparing, streaming
from openrouter_anthropic_server.tasks.assembling import new_assembler
from openrouter_anthropic_server.tasks.message_call import MessageCall, Outcome, PreparedRequest


@flow(name="stream-message")
async def stream_message(call: MessageCall, services: Services) -> AsyncGenerator[bytes, None]:
    """SSE bytes of the answer; failures are raised, before or after the first byte, as `GatewayError`s.

    Closing the generator closes the upstream.
    """
    try:
        answer = await _open(call, services)
        # A large request is not kept for as long as its answer streams.
        call.forget_request()
        kept = content.begin_kept_answer()
        try:
            async with aclosing(answer.events) as events:
                for data in answer.held:
                    if kept is not None:
                        kept.add(data)
                    yield data
                async for data in events:
                    if kept is not None:
                        kept.add(data)
                    yield data
        finally:
            await answer.stream.aclose()
            content.end_kept_answer(kept)
            accounting.account_usage(answer.outcome(), call.expected)
    except Exception as error:
        accounting.note_failure(error)
        raise


@dataclass(frozen=True, slots=True)
class OpenAnswer:
    """The upstream's stream, what the client gets of it, and how it ended (ask at the end).

    `held` is what comes before the rest of `events`.
    """

    stream: MessagesStream | ChatStream
    events: AsyncGenerator[bytes, None]
    outcome: Callable[[], Outcome]
    held: Sequence[bytes] = ()


async def _open(call: MessageCall, services: Services) -> OpenAnswer:
    preparing.validate_request(call)
    return await with_fallbacks(call, services, partial(open_route, call, services))


async def open_route(call: MessageCall, services: Services, route: Route) -> OpenAnswer:
    """The open stream of the model of `route`.

    Not before its content has begun where there are fallbacks, or thinking of earlier turns: some upstreams refuse
    that inside a stream that began well.
    """
    prepared = await prepare(call, route, services)
    attempt: Callable[[PreparedRequest], Awaitable[OpenAnswer]]
    if isinstance(route, MessagesRoute):
        attempt = partial(_open_messages_wire, call, route, services)
    else:
        attempt = partial(_open_chat_wire, call, route, services)
    if services.routes.fallbacks or holds_thinking(prepared.body["messages"]):
        attempt = partial(_held_attempt, attempt)
    return await with_refused_thinking(prepared, route, services, attempt)


async def _held_attempt(
    attempt: Callable[[PreparedRequest], Awaitable[OpenAnswer]], prepared: PreparedRequest
) -> OpenAnswer:
    return await _held_until_content(await attempt(prepared))


async def _held_until_content(answer: OpenAnswer) -> OpenAnswer:
    """The answer once its content has begun: until then another one can still take its place."""
    held: list[bytes] = []
    try:
        async for data in answer.events:
            held.append(data)
            if has_content(data):
                break
    except BaseException:
        await answer.stream.aclose()
        accounting.note_unanswered(answer.outcome())
        raise
    return replace(answer, held=held)


async def _open_messages_wire(
    call: MessageCall, route: MessagesRoute, services: Services, prepared: PreparedRequest
) -> OpenAnswer:
    edited = preparing.edit_request(call, prepared, route)
    call.let_go()
    stream = await streaming.open_messages_stream(call, route, edited)
    tap = UsageTap()
    relayed = streaming.relay_messages_stream(route, stream, tap, services.signature_origins)
    return OpenAnswer(stream, relayed, lambda: Outcome(tap.model, tap.stop_reason, tap.usage))


async def _open_chat_wire(
    call: MessageCall, route: ChatRoute, services: Services, prepared: PreparedRequest
) -> OpenAnswer:
    converted = preparing.convert_request(prepared, route)
    estimate = services.token_counter.estimate({**prepared.body, "model": route.model})
    call.let_go()
    assembler = new_assembler(call, route.model, converted, estimate)
    stream = await streaming.open_chat_stream(call, route, converted)

    def outcome() -> Outcome:
        preparing.note(assembler.notes)
        return Outcome(None, assembler.stop_reason, assembler.usage, assembler.usage_is_estimate)

    relayed = streaming.relay_chat_stream(route, stream, assembler, services.signature_origins)
    return OpenAnswer(stream, relayed, outcome)
