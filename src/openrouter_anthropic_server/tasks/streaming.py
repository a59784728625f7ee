"""Steps of a streamed answer: open the upstream's stream and relay it to the client as it comes."""

from collections.abc import AsyncGenerator
from typing import Any

import orjson

from openrouter_anthropic_server.conversion.upstream_errors import error_from_response
from openrouter_anthropic_server.errors import UpstreamError
from openrouter_anthropic_server.openai_types.chat import ChatChunk
from openrouter_anthropic_server.orchestration.task import task
from openrouter_anthropic_server.ports.chat_backend import ChatStream
from openrouter_anthropic_server.ports.messages_backend import MessagesCall, MessagesStream
from openrouter_anthropic_server.ports.model_routes import ChatRoute, MessagesRoute
from openrouter_anthropic_server.ports.signature_origins import SignatureOrigins
from openrouter_anthropic_server.streaming.assembler import Assembler
from openrouter_anthropic_server.streaming.deltas import deltas_of
from openrouter_anthropic_server.streaming.sse import encode_event
from openrouter_anthropic_server.streaming.usage_tap import UsageTap
from openrouter_anthropic_server.streaming.whole_events import WholeEvents, before_error, without_done
from openrouter_anthropic_server.tasks.accounting import note_model_used, note_time
from openrouter_anthropic_server.tasks.calling import STRANGE, cleaned, strange_answer
from openrouter_anthropic_server.tasks.message_call import ChatCall, MessageCall
from openrouter_anthropic_server.tasks.thinking import handed_out_in


@task(name="open_stream")
async def open_messages_stream(call: MessageCall, route: MessagesRoute, request: MessagesCall) -> MessagesStream:
    """The upstream's open stream on the messages wire."""
    stream = await route.backend.open_stream(request)
    note_time("headers_ms")
    call.forward(stream.headers)
    return stream


@task(name="open_stream")
async def open_chat_stream(call: MessageCall, route: ChatRoute, request: ChatCall) -> ChatStream:
    """The upstream's open stream on the chat wire."""
    stream = await route.backend.open_stream(request.body)
    note_time("headers_ms")
    call.forward(stream.headers)
    return stream


@task(name="relay_stream")
async def relay_messages_stream(
    route: MessagesRoute, stream: MessagesStream, tap: UsageTap, origins: SignatureOrigins
) -> AsyncGenerator[bytes, None]:
    """The upstream's events, byte for byte, while `tap` reads along; a stream that fails or breaks off raises."""
    whole = WholeEvents()
    waiting = True
    async for chunk in stream.chunks():
        events = whole.feed(chunk)
        tap.feed(events)
        handed_out_in(events, route, origins)
        if waiting and tap.first_content_seen:
            waiting = False
            note_time("first_token_ms")
        if tap.error is not None:
            if kept := before_error(events):
                yield kept
            raise cleaned(error_from_response(500, {}, orjson.dumps(tap.error)), route)
        if tap.complete:
            events = without_done(events)
        if events:
            yield events
    last = whole.close()
    tap.feed(last)
    _refuse_incomplete(tap)
    if last:
        yield last


@task(name="relay_stream")
async def relay_chat_stream(
    route: ChatRoute, stream: ChatStream, assembler: Assembler, origins: SignatureOrigins
) -> AsyncGenerator[bytes, None]:
    """The upstream's chunks as Anthropic events; a stream that fails or breaks off raises."""
    yield _encoded(assembler.start(), assembler)
    model_known, waiting = False, True
    async for chunks in stream.chunks():
        data = b"".join([_encoded(_events(chunk, assembler), assembler) for chunk in chunks])
        if not model_known:
            model_known = True
            note_model_used(chunks[0].get("model"))
        if data:
            if waiting:
                waiting = False
                note_time("first_token_ms")
            handed_out_in(data, route, origins)
            yield data
        if assembler.failure is not None:
            raise cleaned(assembler.failure, route)
    data = _encoded(assembler.finish(), assembler)
    if data:
        handed_out_in(data, route, origins)
        yield data
    if assembler.failure is not None:
        raise cleaned(assembler.failure, route)


def _refuse_incomplete(tap: UsageTap) -> None:
    if not tap.complete:
        raise UpstreamError("the upstream's stream ended before the message was complete")


def _events(chunk: ChatChunk, assembler: Assembler) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    try:
        for delta in deltas_of(chunk):
            events += assembler.feed(delta)
    except STRANGE as error:
        raise strange_answer() from error
    return events


def _encoded(events: list[dict[str, Any]], assembler: Assembler) -> bytes:
    # The error event is the router's to send: it alone knows whether the answer has begun.
    if assembler.failure is not None:
        events = [event for event in events if event["type"] != "error"]
    return b"".join([encode_event(event) for event in events])
