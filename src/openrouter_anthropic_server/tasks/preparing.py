"""Steps before the upstream is called: check the request, find its route, bring it into the wire's form."""

from collections.abc import Sequence
from typing import cast

from openrouter_anthropic_server.anthropic_types.request import MessagesRequest
from openrouter_anthropic_server.conversion.betas import fit_betas
from openrouter_anthropic_server.conversion.chat_request import convert_request as to_chat
from openrouter_anthropic_server.conversion.json_text import dump_json
from openrouter_anthropic_server.conversion.messages_wire import forwarded_headers, prepare_messages_body
from openrouter_anthropic_server.conversion.notes import Note
from openrouter_anthropic_server.conversion.unsent_headers import unsent_headers
from openrouter_anthropic_server.conversion.validation import validate_messages_request
from openrouter_anthropic_server.observability.labels import label
from openrouter_anthropic_server.orchestration.recorded_run import current_run
from openrouter_anthropic_server.orchestration.task import task
from openrouter_anthropic_server.ports.messages_backend import MessagesCall
from openrouter_anthropic_server.ports.model_routes import ChatRoute, MessagesRoute, ModelRoutes, Route
from openrouter_anthropic_server.tasks.message_call import ChatCall, MessageCall, PreparedRequest

_LONGEST_NOTE = 300


@task(name="validate_request")
def validate_request(call: MessageCall) -> None:
    """Check the client's request; a mistake raises `InvalidRequestError` naming the field."""
    validate_messages_request(call.body, api_version=call.api_version, betas=call.betas)


@task(name="resolve_model")
def resolve_model(call: MessageCall, routes: ModelRoutes) -> Route:
    """Where the (validated) request goes; noted as tags of the run."""
    asked: str = call.body["model"]
    route = routes.resolve(asked)
    note_route(call, route)
    run = current_run()
    if run is not None:
        run.fact(model_requested=label(asked))
    return route


def note_route(call: MessageCall, route: Route) -> None:
    """Note where the request goes, in place of where it went before."""
    run = current_run()
    if run is not None:
        model, backend = label(route.model), route.backend.name
        run.set_tags(model=model, backend=backend, wire=route.wire)
        run.fact(model=model, backend=backend, wire=route.wire)
        upstream = route.dialect if isinstance(route, MessagesRoute) else None
        note(unsent_headers(call.headers, wire=route.wire, upstream=upstream))


def name_answerer(call: MessageCall, route: Route) -> None:
    """Say in the answer's headers who gives it."""
    call.answer_headers["x-backend"] = route.backend.name
    call.answer_headers["x-model"] = route.model


@task(name="convert_request")
def edit_request(call: MessageCall, request: PreparedRequest, route: MessagesRoute) -> MessagesCall:
    """The request for an upstream on the messages wire, with the smallest edits."""
    known = route.capabilities
    prepared = prepare_messages_body(
        request.body, request.raw, model=route.model, upstream=route.dialect, capabilities=known
    )
    note(prepared.notes)
    note(fit_betas(call.betas, known).notes)
    return MessagesCall(prepared.body, forwarded_headers(call.headers, upstream=route.dialect, capabilities=known))


@task(name="convert_request")
def convert_request(request: PreparedRequest, route: ChatRoute) -> ChatCall:
    """The (validated) request in the form of chat completions."""
    converted = to_chat(
        cast(MessagesRequest, request.exact()),
        model=route.model,
        dialect=route.dialect,
        capabilities=route.capabilities,
    )
    note(converted.notes)
    return ChatCall(dump_json(converted.body), converted.tool_names, converted.stop_sequences, converted.web_search)


def note(notes: Sequence[Note]) -> None:
    """Put notes on what conversion changed on the run, each as `kind path: detail`."""
    run = current_run()
    if run is not None and notes:
        run.note(label(f"{one.kind} {one.path}: {one.detail}", _LONGEST_NOTE) for one in notes)
