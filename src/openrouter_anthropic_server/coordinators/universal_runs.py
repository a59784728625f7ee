"""Decides where a request of the universal endpoint can go, and runs its flow as a recorded run."""

from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from openrouter_anthropic_server.conversion.universal_choice import CLAUDE, Choice, Known, Target, choose
from openrouter_anthropic_server.conversion.universal_forms import UniversalOptions
from openrouter_anthropic_server.errors import InvalidRequestError
from openrouter_anthropic_server.flows.universal_stream import universal_answer, universal_stream
from openrouter_anthropic_server.orchestration.recorded_run import open_run
from openrouter_anthropic_server.ports.model_routes import ModelRoutes, Route
from openrouter_anthropic_server.ports.providers import Providers
from openrouter_anthropic_server.services import Services
from openrouter_anthropic_server.tasks import content
from openrouter_anthropic_server.tasks.message_call import MessageCall
from openrouter_anthropic_server.tasks.universal import UniversalCall


@dataclass(frozen=True, slots=True)
class ChosenRoutes:
    """Implements `ports.universal_routes.UniversalRoutes` for one request; `own` are the routes of `backend`."""

    providers: Providers
    own: ModelRoutes
    backend: str
    asked: str
    targets: Mapping[str, Target]
    fallbacks: tuple[str, ...]
    _served: dict[tuple[str, str], str] = field(default_factory=dict)

    def resolve(self, model: str) -> Route:
        """The route of the model that was asked for, or of a fallback."""
        provider, name = self.targets[model]
        if provider == self.backend and provider not in self.providers.configured():
            route = self.own.resolve(name)
        else:
            route = self.providers.route(provider, name)
        self._served[route.backend.name, route.model] = provider
        return route

    def provider_of(self, route: Route) -> str:
        """The provider of a route that `resolve` gave."""
        return self._served[route.backend.name, route.model]


def plan(call: MessageCall, options: UniversalOptions, services: Services) -> UniversalCall:
    """The request with where it can go. Raises `InvalidRequestError` for a provider that nobody knows."""
    choice = choose(options, known_models(services))
    _refuse_unusable(options, choice, services)
    routes = ChosenRoutes(
        services.providers,
        services.routes,
        services.backend_name,
        choice.provider,
        choice.targets,
        choice.fallbacks,
    )
    return UniversalCall(call, options, routes)


def _refuse_unusable(options: UniversalOptions, choice: Choice, services: Services) -> None:
    """A fallback that the request names and that never could answer is the client's mistake."""
    named = options.fallback if isinstance(options.fallback, tuple) else ()
    for number, name in enumerate(named):
        provider = choice.targets[name][0]
        missing = None if provider == services.backend_name else services.providers.missing(provider)
        if missing is not None:
            raise InvalidRequestError(f"fallback.{number}: the provider '{provider}' is not configured: {missing}")


def known_models(services: Services) -> Known:
    """The providers that can be used now, and a few models of each provider."""

    def models_of(provider: str) -> Sequence[str]:
        return services.capabilities.models_of(provider) or (CLAUDE if provider == "anthropic" else ())

    return Known(services.providers.configured(), services.backend_name, models_of)


def run_universal_stream(asked: UniversalCall, services: Services, tags: Iterable[str]) -> AsyncGenerator[bytes, None]:
    """Run the flow that answers with a stream; it starts when the first item is asked for."""
    _open(asked, services, tags)
    return universal_stream(asked, services)


async def run_universal_answer(asked: UniversalCall, services: Services, tags: Iterable[str]) -> bytes:
    """Run the flow that answers with one JSON document."""
    _open(asked, services, tags)
    return await universal_answer(asked, services)


def _open(asked: UniversalCall, services: Services, tags: Iterable[str]) -> None:
    options = asked.options
    own = (
        f"provider:{asked.routes.asked}",
        f"format:in-{options.input_form}",
        f"format:out-{options.output_form}",
        f"stream:{str(options.stream).lower()}",
    )
    run = open_run(asked.call.request_id, services.runs, [*tags, *own], keep_content=services.record_content)
    run.fact(stream=options.stream, input_format=options.input_form, output_format=options.output_form)
    content.keep(run, "request", asked.call.raw)
