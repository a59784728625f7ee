"""Steps that only requests of the universal endpoint have: read its form, and write the answer in another."""

import time
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import orjson

from openrouter_anthropic_server.conversion.chat_context import NoteBook
from openrouter_anthropic_server.conversion.json_text import dump_json, parse_lenient
from openrouter_anthropic_server.conversion.universal_answers import (
    AnswerOrigin,
    gemini_response,
    openai_completion,
    universal_answer,
)
from openrouter_anthropic_server.conversion.universal_forms import UniversalOptions
from openrouter_anthropic_server.conversion.universal_paths import in_words_of
from openrouter_anthropic_server.conversion.universal_read import messages_body
from openrouter_anthropic_server.errors import GatewayError, InvalidRequestError, UpstreamError
from openrouter_anthropic_server.observability.provider_outcomes import ProviderOutcomes
from openrouter_anthropic_server.orchestration.recorded_run import current_run
from openrouter_anthropic_server.orchestration.task import task
from openrouter_anthropic_server.ports.model_routes import Route
from openrouter_anthropic_server.ports.universal_routes import UniversalRoutes
from openrouter_anthropic_server.streaming.answer_writers import AnswerWriter
from openrouter_anthropic_server.tasks.calling import STRANGE
from openrouter_anthropic_server.tasks.message_call import MessageCall
from openrouter_anthropic_server.tasks.preparing import note

DEFAULT_MAX_TOKENS = 8192
"""The limit of an answer where neither the client sets one nor anything is known of the model."""

_HOTTEST = 2
_DOCUMENTS = {"openai_chat": openai_completion, "google_gemini": gemini_response, "universal": universal_answer}


@dataclass(slots=True)
class UniversalCall:
    """One request as the client sent it (`call`), what it asks for, and where it can go."""

    call: MessageCall
    options: UniversalOptions
    routes: UniversalRoutes

    def forget_request(self) -> None:
        """Drop the request's content, once the upstream has it."""
        self.call.forget_request()
        self.options = replace(self.options, body={})


@task(name="read_request")
def read_request(asked: UniversalCall) -> MessageCall:
    """The request in the form of the Messages API; what has no place there is refused by name or noted."""
    notes = NoteBook()
    options, call = asked.options, asked.call
    most = asked.routes.resolve(options.model).capabilities.max_output
    body = messages_body(options, most or DEFAULT_MAX_TOKENS, notes)
    note(notes.notes())
    headers = call.headers
    if options.input_form != "anthropic_messages":
        headers = {name: value for name, value in headers.items() if not name.startswith("anthropic-")}
    return MessageCall(call.request_id, dump_json(body), body, headers, call.answer_headers)


def as_checked(call: MessageCall) -> MessageCall:
    """The request as the rules of the Messages API can check it: temperatures end at 2 in the other forms.

    What one of Anthropic's models makes of such a temperature, it says itself.
    """
    temperature = call.body.get("temperature")
    if isinstance(temperature, int | float) and 1 < temperature <= _HOTTEST:
        return replace(call, parsed={**call.body, "temperature": 1})
    return call


@contextmanager
def in_words_of_the_client(asked: UniversalCall) -> Iterator[None]:
    """Mistakes in the request are told by the names that its fields have in the form of the client's."""
    try:
        yield
    except InvalidRequestError as error:
        message = in_words_of(asked.options.input_form, error.message)
        if message == error.message:
            raise
        raise InvalidRequestError(message, headers=error.headers, error_code=error.error_code) from error


def note_provider(asked: UniversalCall, route: Route) -> None:
    """Note which provider is asked, as a tag of the run and a header of the answer."""
    provider = asked.routes.provider_of(route)
    asked.call.answer_headers["x-provider"] = provider
    run = current_run()
    if run is not None:
        run.set_tags(provider=provider)


def note_outcome(outcomes: ProviderOutcomes, provider: str, error: GatewayError | None) -> None:
    """Count how a provider answered; a request that is wrong says nothing of it."""
    if error is None:
        outcomes.answered(provider)
    elif not isinstance(error, InvalidRequestError):
        outcomes.failed(provider, error)


def origin_of(asked: UniversalCall, route: Route) -> AnswerOrigin:
    """Who answers; another provider or model than was asked for is told in a header too."""
    fallback_from = None
    first = asked.routes.resolve(asked.options.model)
    if (first.backend.name, first.model) != (route.backend.name, route.model):
        fallback_from = f"{asked.routes.provider_of(first)}:{first.model}"
        asked.call.answer_headers["x-fallback-from"] = fallback_from
    shown = asked.options.include_thoughts
    return AnswerOrigin(asked.routes.provider_of(route), int(time.time()), fallback_from, include_thoughts=shown)


def writer_of(asked: UniversalCall, route: Route) -> AnswerWriter:
    """What writes the answer's events in the form that the client wants."""
    options = asked.options
    return AnswerWriter(options.output_form, origin_of(asked, route), include_usage=options.include_usage)


@task(name="write_answer")
async def write_stream(
    held: Sequence[bytes], events: AsyncGenerator[bytes, None], writer: AnswerWriter
) -> AsyncGenerator[bytes, None]:
    """The answer's events, those `held` first, in the form of the client's; what says nothing there is left out."""
    for data in held:
        if written := writer.feed(data):
            yield written
    async for data in events:
        if written := writer.feed(data):
            yield written


@task(name="write_answer")
def write_document(asked: UniversalCall, route: Route, body: bytes) -> bytes:
    """The JSON text of a Message in the form of the client's."""
    origin = origin_of(asked, route)
    document = _DOCUMENTS.get(asked.options.output_form)
    if document is None:
        return body
    try:
        return dump_json(document(parse_lenient(body), origin))
    except (*STRANGE, orjson.JSONDecodeError) as error:
        raise UpstreamError("the upstream's answer holds a value of an unexpected type") from error
