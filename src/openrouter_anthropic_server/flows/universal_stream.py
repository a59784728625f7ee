"""The runs of requests to the universal endpoint: as those of messages, with other forms read and written."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

from openrouter_anthropic_server.errors import GatewayError
from openrouter_anthropic_server.flows.create_message import answer_over
from openrouter_anthropic_server.flows.fallback import with_fallbacks
from openrouter_anthropic_server.flows.stream_message import OpenAnswer, open_route
from openrouter_anthropic_server.orchestration.flow import flow
from openrouter_anthropic_server.ports.model_routes import Route
from openrouter_anthropic_server.services import Services
from openrouter_anthropic_server.tasks import accounting, content, preparing, universal
from openrouter_anthropic_server.tasks.message_call import MessageAnswer, MessageCall
from openrouter_anthropic_server.tasks.universal import UniversalCall


@flow(name="universal-stream")
async def universal_stream(asked: UniversalCall, services: Services) -> AsyncGenerator[bytes, None]:
    """SSE bytes of the answer; failures are raised, before or after the first byte, as `GatewayError`s.

    Closing the generator closes the upstream.
    """
    provider: str | None = None
    try:
        with universal.in_words_of_the_client(asked):
            route, answer = await _open(asked, services)
        provider = asked.routes.provider_of(route)
        # A large request is not kept for as long as its answer streams.
        asked.forget_request()
        kept = content.begin_kept_answer()
        try:
            writer = universal.writer_of(asked, route)
            async with (
                aclosing(answer.events),
                aclosing(universal.write_stream(answer.held, answer.events, writer)) as written,
            ):
                async for data in written:
                    if kept is not None:
                        kept.add(data)
                    yield data
        finally:
            await answer.stream.aclose()
            content.end_kept_answer(kept)
            accounting.account_usage(answer.outcome())
    except Exception as error:
        if provider is not None and isinstance(error, GatewayError):
            universal.note_outcome(services.provider_outcomes, provider, error)
        accounting.note_failure(error)
        raise
    universal.note_outcome(services.provider_outcomes, provider, None)


@flow(name="universal-answer")
async def universal_answer(asked: UniversalCall, services: Services) -> bytes:
    """The JSON text of the whole answer; failures are raised as `GatewayError`s."""
    try:
        with universal.in_words_of_the_client(asked):
            route, answer = await _answer(asked, services)
        accounting.account_usage(answer.outcome)
        document = universal.write_document(asked, route, answer.body)
    except Exception as error:
        accounting.note_failure(error)
        raise
    content.keep_answer(document)
    return document


def _read(asked: UniversalCall) -> MessageCall:
    call = universal.read_request(asked)
    is_anthropics = asked.options.input_form == "anthropic_messages"
    preparing.validate_request(call if is_anthropics else universal.as_checked(call))
    return call


async def _open(asked: UniversalCall, services: Services) -> tuple[Route, OpenAnswer]:
    call = _read(asked)
    own = replace(services, routes=asked.routes)

    async def attempt(route: Route) -> tuple[Route, OpenAnswer]:
        universal.note_provider(asked, route)
        try:
            return route, await open_route(call, own, route)
        except GatewayError as error:
            universal.note_outcome(services.provider_outcomes, asked.routes.provider_of(route), error)
            raise

    return await with_fallbacks(call, own, attempt)


async def _answer(asked: UniversalCall, services: Services) -> tuple[Route, MessageAnswer]:
    call = _read(asked)
    own = replace(services, routes=asked.routes)

    async def attempt(route: Route) -> tuple[Route, MessageAnswer]:
        universal.note_provider(asked, route)
        provider = asked.routes.provider_of(route)
        try:
            answer = await answer_over(call, own, route)
        except GatewayError as error:
            universal.note_outcome(services.provider_outcomes, provider, error)
            raise
        universal.note_outcome(services.provider_outcomes, provider, None)
        return route, answer

    return await with_fallbacks(call, own, attempt)
