"""Step that gives a request the parameters of its route: defaults, limits, and nothing that the upstream refuses."""

from functools import partial
from typing import Any, Final

from openrouter_anthropic_server.conversion.chat_context import NoteBook
from openrouter_anthropic_server.conversion.chat_support import chat_name
from openrouter_anthropic_server.conversion.json_text import with_exact_numbers
from openrouter_anthropic_server.conversion.messages_parameters import for_messages_wire
from openrouter_anthropic_server.conversion.model_limits import check_content
from openrouter_anthropic_server.conversion.own_parameters import without_own_parameters
from openrouter_anthropic_server.conversion.parameter_defaults import effort_of, with_default_effort
from openrouter_anthropic_server.conversion.parameter_table import BY_NAME, goes_over_messages
from openrouter_anthropic_server.conversion.token_limits import within_output, within_window
from openrouter_anthropic_server.conversion.turn_efforts import with_one_effort
from openrouter_anthropic_server.observability.labels import label
from openrouter_anthropic_server.orchestration.recorded_run import current_run
from openrouter_anthropic_server.orchestration.task import task
from openrouter_anthropic_server.ports.model_routes import MessagesRoute, Route
from openrouter_anthropic_server.services import Services
from openrouter_anthropic_server.tasks.message_call import MessageCall, PreparedRequest
from openrouter_anthropic_server.tasks.preparing import note

_ANTHROPIC: Final = "anthropic"


@task(name="apply_parameters")
def apply_parameters(call: MessageCall, route: Route, services: Services) -> PreparedRequest:
    """The request as this route takes it; what was changed is noted. What the model cannot take is a 400."""
    notes = NoteBook()
    body = _fitted(call, call.body, route, services, notes)
    changed = body is not call.body
    if changed:
        exact = with_exact_numbers(call.body, call.raw)
        if exact is not call.body:
            notes = NoteBook()
            body = _fitted(call, exact, route, services, notes)
    # Anthropic says itself how a conversation may end, which changes with its models and betas.
    check_content(body, route.model, route.capabilities, prefill=_upstream(route) != _ANTHROPIC)
    if found := notes.notes():
        note(found)
    run = current_run()
    if run is not None and (effort := effort_of(body)) is not None:
        run.fact(effort=label(effort))
    return PreparedRequest(call, body if changed else None)


def _fitted(
    call: MessageCall, body: dict[str, Any], route: Route, services: Services, notes: NoteBook
) -> dict[str, Any]:
    """`body` with defaults and within limits, and without what the route does not take; the same object if it fits."""
    upstream = _upstream(route)
    if services.parameters.values:
        body = services.parameters.apply(body, upstream, partial(_takes, route), notes)
    body = without_own_parameters(body, upstream, notes)
    is_chat = not isinstance(route, MessagesRoute)
    if is_chat or not route.capabilities.system_messages:
        body = with_one_effort(body, notes)
    if not is_chat:
        body = for_messages_wire(body, upstream, route.capabilities, notes)
    effort = route.defaults.effort
    if effort is not None:
        body = with_default_effort(body, effort, route.model, route.capabilities, notes)
    betas = "" if is_chat else call.betas
    body = within_output(body, route.capabilities, betas, notes)
    if upstream == _ANTHROPIC:  # its models end an answer themselves where the window does
        return body

    def estimate() -> int:
        return services.token_counter.estimate({**body, "model": route.model})

    return within_window(body, route.capabilities, betas, len(call.raw), estimate, notes)


def _upstream(route: Route) -> str:
    return route.dialect if isinstance(route, MessagesRoute) else route.dialect.provider


def _takes(route: Route, name: str) -> bool:
    if isinstance(route, MessagesRoute):
        return goes_over_messages(BY_NAME[name], route.dialect, route.capabilities.fields)
    return chat_name(name, route.model, route.dialect, route.capabilities) is not None
