"""Step that finds another model where one cannot answer."""

from collections.abc import Sequence
from dataclasses import dataclass

from openrouter_anthropic_server.errors import (
    AuthenticationError,
    BillingError,
    GatewayError,
    InvalidRequestError,
    NotFoundError,
    NotSupportedError,
    OverloadedError,
    PermissionDeniedError,
    RateLimitError,
    UpstreamError,
    UpstreamTimeoutError,
)
from openrouter_anthropic_server.observability.labels import label
from openrouter_anthropic_server.orchestration.recorded_run import RecordedRun, current_run
from openrouter_anthropic_server.orchestration.task import task
from openrouter_anthropic_server.ports.model_routes import ModelRoutes, Route
from openrouter_anthropic_server.tasks.message_call import MessageCall
from openrouter_anthropic_server.tasks.preparing import note_route

_OF_THE_MODEL = (NotFoundError, NotSupportedError, OverloadedError, RateLimitError, UpstreamError, UpstreamTimeoutError)
"""Another model may answer, whoever serves it."""

_OF_THE_ACCOUNT = (AuthenticationError, BillingError, PermissionDeniedError)
"""Only another upstream may answer: there the account is another one."""


def may_fall_back(error: GatewayError) -> bool:
    """Whether another model could answer what failed with `error`; a request that is wrong is wrong everywhere."""
    return isinstance(error, (*_OF_THE_MODEL, *_OF_THE_ACCOUNT))


@dataclass(frozen=True, slots=True)
class FailedAttempt:
    """A route that was tried, and what came of it."""

    route: Route
    error: GatewayError


@task(name="fall_back")
def fall_back(call: MessageCall, failed: Sequence[FailedAttempt], routes: ModelRoutes) -> Route | None:
    """The next model of the chain that was not tried and may help; None if there is none."""
    route = _next(failed, routes)
    run = current_run()
    if run is not None:
        _note(run, failed, "no fallback is left" if route is None else f"falling back to {label(route.model)}")
    if route is not None:
        note_route(call, route)
    return route


def _next(failed: Sequence[FailedAttempt], routes: ModelRoutes) -> Route | None:
    tried = {_place(attempt.route) for attempt in failed}
    refused = {attempt.route.backend.name for attempt in failed if isinstance(attempt.error, _OF_THE_ACCOUNT)}
    for name in routes.fallbacks:
        try:
            route = routes.resolve(name)
        except InvalidRequestError:  # an upstream whose key is not set
            continue
        if _place(route) not in tried and route.backend.name not in refused:
            return route
    return None


def _place(route: Route) -> tuple[str, str]:
    return route.backend.name, route.model


def _note(run: RecordedRun, failed: Sequence[FailedAttempt], then: str) -> None:
    last = failed[-1]
    run.log("WARNING", f"{label(last.route.model)} failed with {last.error.type} ({last.error.status}): {then}")
    run.fact(
        fallbacks=len(failed),
        fallback_from=label(failed[0].route.model),
        fallback_reason=label(", ".join(attempt.error.type for attempt in failed)),
    )
    # What was noted so far is about the attempts that failed: of the last one, where none before it is named.
    named = tuple(f"(for {label(attempt.route.model)})" for attempt in failed)
    run.record.notes[:] = [note if note.endswith(named[:-1]) else f"{note} {named[-1]}" for note in run.record.notes]
