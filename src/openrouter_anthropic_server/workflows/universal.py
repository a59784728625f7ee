"""The universal endpoint: requests of three forms, answers of four, seven providers and what is known of them."""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import fields
from typing import Any

from openrouter_anthropic_server.capabilities.traits import Capabilities
from openrouter_anthropic_server.conversion.json_text import parse_json, with_exact_numbers
from openrouter_anthropic_server.conversion.provider_names import PREFIXES, PROVIDERS
from openrouter_anthropic_server.conversion.universal_choice import default_models
from openrouter_anthropic_server.conversion.universal_forms import INPUT_FORMS, OUTPUT_FORMS, read_options
from openrouter_anthropic_server.coordinators.universal_runs import (
    known_models,
    plan,
    run_universal_answer,
    run_universal_stream,
)
from openrouter_anthropic_server.services import Services
from openrouter_anthropic_server.tasks.message_call import MessageCall
from openrouter_anthropic_server.tasks.universal import UniversalCall
from openrouter_anthropic_server.workflows.messages import tags_of

_MESSAGES = "messages"
_CHAT = "chat"

_LIMITS = ("context_window", "max_input", "max_output", "max_tools", "max_stop_sequences")
_CHOICES = ("sampling", "thinking", "efforts")
_ABILITIES = tuple(trait.name for trait in fields(Capabilities) if trait.type is bool)


def receive_universal(request_id: str, raw: bytes, headers: Mapping[str, str], services: Services) -> UniversalCall:
    """The request, its options and where it can go; its content is read when it runs. `headers` are lower-case."""
    body = with_exact_numbers(parse_json(raw), raw)
    return plan(MessageCall(request_id, raw, body, headers), read_options(body), services)


def stream_answer(asked: UniversalCall, services: Services) -> AsyncGenerator[bytes, None]:
    """Answer with SSE bytes; closing the generator ends the upstream's work too."""
    return run_universal_stream(asked, services, tags_of(asked.call))


async def whole_answer(asked: UniversalCall, services: Services) -> bytes:
    """Answer with the JSON text of one document."""
    return await run_universal_answer(asked, services, tags_of(asked.call))


def list_providers(services: Services) -> dict[str, Any]:
    """Each provider: whether it can be used or what it needs, its wire, a few models and what they can do."""
    known = known_models(services)
    defaults = default_models(known)
    listed = []
    for provider in PROVIDERS:
        wire = _MESSAGES if provider == "anthropic" else _CHAT
        missing = services.providers.missing(provider)
        models = [_model(services, provider, wire, model) for model in known.models_of(provider)]
        listed.append(
            {
                "name": provider,
                "configured": missing is None,
                "missing": missing,
                "wire": wire,
                "prefixes": [f"{prefix}:" for prefix, named in PREFIXES.items() if named == provider],
                "default_model": defaults.get(provider),
                "models": models,
            }
        )
    return {
        "providers": listed,
        "preference": list(known.configured),
        "backend": services.backend_name,
        "input_formats": list(INPUT_FORMS),
        "output_formats": list(OUTPUT_FORMS),
    }


def providers_health(services: Services) -> dict[str, Any]:
    """Each provider: whether it can be used, and how it has answered this process so far; nobody is asked."""
    backend = () if services.backend_name in PROVIDERS else (services.backend_name,)
    configured = services.providers.configured()
    found = {
        provider: {
            "configured": provider in configured or provider in backend,
            **services.provider_outcomes.shown(provider),
        }
        for provider in (*PROVIDERS, *backend)
    }
    return {"status": "ok" if configured else "no_providers", "providers": found}


def _model(services: Services, provider: str, wire: str, model: str) -> dict[str, Any]:
    return {"id": model, "capabilities": _capabilities(services.capabilities.of(provider, wire, model))}


def _capabilities(known: Capabilities) -> dict[str, Any]:
    """Limits and choices (null: not known to be limited), and what such requests may hold."""
    shown: dict[str, Any] = {name: getattr(known, name) for name in _LIMITS}
    for name in _CHOICES:
        values = getattr(known, name)
        shown[name] = None if values is None else sorted(values) if isinstance(values, frozenset) else list(values)
    return shown | {name: getattr(known, name) for name in _ABILITIES}
