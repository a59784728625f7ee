"""Steps that give each model back its own thinking and nobody else's, and remember whose a client was handed."""

from collections.abc import Sequence
from typing import Any

from openrouter_anthropic_server.conversion.thinking_history import (
    OwnHistory,
    has_budget,
    last_assistant_turn,
    may_see,
    own_history,
    signature_of,
    thinking_blocks,
    without_thinking,
)
from openrouter_anthropic_server.conversion.thinking_origins import Origin, Target, vendor_behind
from openrouter_anthropic_server.conversion.thinking_refusals import refused_blocks, refuses_thinking
from openrouter_anthropic_server.errors import InvalidRequestError
from openrouter_anthropic_server.observability.labels import label
from openrouter_anthropic_server.orchestration.recorded_run import current_run
from openrouter_anthropic_server.orchestration.task import task
from openrouter_anthropic_server.ports.model_routes import MessagesRoute, Route
from openrouter_anthropic_server.ports.signature_origins import SignatureOrigins
from openrouter_anthropic_server.services import Services
from openrouter_anthropic_server.streaming.signature_tap import signatures_in
from openrouter_anthropic_server.tasks.message_call import PreparedRequest
from openrouter_anthropic_server.tasks.preparing import note


async def own_thinking(prepared: PreparedRequest, route: Route, services: Services) -> PreparedRequest:
    """The request with the thinking that `route` may see; itself, if that is all there is."""
    asked = prepared.call.body.get("thinking")
    budget_is_ours = (asked is None or asked.get("type") != "enabled") and has_budget(
        prepared.body, route.capabilities.thinking
    )
    history = await history_for(prepared, route, services, budget_is_ours=budget_is_ours)
    return prepared if history is None else leave_out(prepared, history)


async def history_for(
    prepared: PreparedRequest, route: Route, services: Services, *, budget_is_ours: bool = False
) -> OwnHistory | None:
    """The same as a history; None if nothing has to change. No step of any run."""
    blocks = thinking_blocks(prepared.body["messages"])
    if not (blocks or budget_is_ours):
        return None
    signatures = [signature_of(block) for block in blocks]
    origins = await services.signature_origins.find([signature for signature in signatures if signature])
    target = target_of(route)
    if not budget_is_ours and all(may_see(signature, target, origins) for signature in signatures):
        return None
    history = own_history(prepared.exact(), target, origins, budget_is_ours=budget_is_ours)
    return history if history.notes else None


async def without_refused_thinking(
    error: InvalidRequestError, prepared: PreparedRequest, route: Route, services: Services
) -> PreparedRequest | None:
    """The request without what the upstream has just refused; None if it refused something else than thinking.

    What it may have meant is remembered.
    """
    if not refuses_thinking(error.message):
        return None
    target = target_of(route)
    history = without_thinking(prepared.exact(), target)
    if history is None:
        return None
    refused = await _refused(error.message, prepared.body["messages"], target, services.signature_origins)
    services.signature_origins.refused(refused, target.upstream)
    run = current_run()
    if run is not None:
        run.log("WARNING", f"{label(route.model)} refused the thinking of earlier turns: asking again without it")
    return leave_out(prepared, history)


@task(name="leave_out_thinking")
def leave_out(prepared: PreparedRequest, history: OwnHistory) -> PreparedRequest:
    """The request with another history; what that lacks is noted."""
    note(history.notes)
    return PreparedRequest(prepared.call, history.body)


def handed_out(signatures: Sequence[str], route: Route, origins: SignatureOrigins) -> None:
    """Remember that the client gets these from the model of `route`."""
    if not signatures:
        return
    target = target_of(route)
    origins.remember(signatures, Origin(target.upstream, target.vendor, target.model))


def handed_out_in(events: bytes, route: Route, origins: SignatureOrigins) -> None:
    """Remember the signatures in some whole events of a stream, if there are any."""
    if found := signatures_in(events):
        handed_out(found, route, origins)


def target_of(route: Route) -> Target:
    """The route, as far as it matters for thinking."""
    provider = route.dialect if isinstance(route, MessagesRoute) else route.dialect.provider
    return Target(
        upstream=route.backend.name,
        vendor=vendor_behind(route.model, provider),
        model=route.model,
        packed=route.wire == "chat",
        kinds=route.capabilities.thinking,
    )


async def _refused(
    message: str, messages: list[dict[str, Any]], target: Target, origins: SignatureOrigins
) -> list[str]:
    """The signatures that a refusal can have meant: of who signed, those not handed out for this very model, or all."""
    meant = refused_blocks(message)
    if meant == "nothing":
        return []
    if meant == "last_turn":
        messages = last_assistant_turn(messages)
    signatures = list(filter(None, map(signature_of, thinking_blocks(messages))))
    if meant != "foreign":
        return signatures
    known = await origins.find(signatures)
    return [signature for signature in signatures if not _is_from(known.get(signature), target)] or signatures


def _is_from(origin: Origin | None, target: Target) -> bool:
    return origin is not None and (origin.upstream, origin.model) == (target.upstream, target.model)
