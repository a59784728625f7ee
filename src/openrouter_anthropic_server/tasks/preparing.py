"""Steps before the upstream is called: check the request, find its route, bring it into the wire's form."""

from collections.abc import Sequence
from typing import cast

from openrouter_anthropic_server.anthropic_types.request import MessagesRequest
from openrouter_anthropic_server.conversion.chat_request import ConvertedRequest
from openrouter_anthropic_server.conversion.chat_request import convert_request as to_chat
from openrouter_anthropic_server.conversion.json_text import with_exact_numbers
from openrouter_anthropic_server.conversion.messages_wire import forwarded_headers, prepare_messages_body
from openrouter_anthropic_server.conversion.notes import Note
from openrouter_anthropic_server.conversion.validation import validate_messages_request
from openrouter_anthropic_server.orchestration import current_run, task
from openrouter_anthropic_server.ports.messages_backend import MessagesCall
from openrouter_anthropic_server.ports.model_routes import ChatRoute, MessagesRoute, ModelRoutes, Route
from openrouter_anthropic_server.tasks.message_call import MessageCall


@task(name="validate_request")
def validate_request(call: MessageCall) -> MessagesRequest:
    """The client's request, checked; a mistake raises `InvalidRequestError` naming the field."""
    return validate_messages_request(call.body, api_version=call.api_version, betas=call.betas)


@task(name="resolve_model")
def resolve_model(call: MessageCall, request: MessagesRequest, routes: ModelRoutes) -> Route:
    """Where the request goes; noted as tags of the run and headers of the answer."""
    route = routes.resolve(request["model"])
    call.answer_headers["x-backend"] = route.backend.name
    call.answer_headers["x-model"] = route.model
    run = current_run()
    if run is not None:
        run.tag(f"model:{route.model}", f"backend:{route.backend.name}", f"wire:{route.wire}")
        run.fact(model_requested=request["model"], model=route.model)
    return route


@task(name="convert_request")
def edit_request(call: MessageCall, route: MessagesRoute) -> MessagesCall:
    """The request for an upstream on the messages wire, with the smallest edits."""
    prepared = prepare_messages_body(call.body, call.raw, model=route.model, upstream=route.dialect)
    note(prepared.notes)
    return MessagesCall(prepared.body, forwarded_headers(call.headers, upstream=route.dialect))


@task(name="convert_request")
def convert_request(call: MessageCall, route: ChatRoute) -> ConvertedRequest:
    """The (validated) request in the form of chat completions."""
    request = with_exact_numbers(call.body, call.raw)
    converted = to_chat(cast(MessagesRequest, request), model=route.model)
    note(converted.notes)
    return converted


def note(notes: Sequence[Note]) -> None:
    """Put notes on what conversion changed on the run."""
    run = current_run()
    if run is not None and notes:
        run.note(f"{one.kind} {one.path}: {one.detail}" for one in notes)
