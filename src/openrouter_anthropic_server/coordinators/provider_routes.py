"""Decides which provider serves a model that was asked for by provider, and says what a provider still needs."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from openrouter_anthropic_server.conversion.chat_dialects import ChatDialect
from openrouter_anthropic_server.conversion.model_names import strip_context_suffix
from openrouter_anthropic_server.conversion.provider_names import PREFIXES, PROVIDERS
from openrouter_anthropic_server.coordinators.model_routes import CapabilitiesOf, unlimited
from openrouter_anthropic_server.errors import InvalidRequestError
from openrouter_anthropic_server.ports.chat_backend import ChatBackend
from openrouter_anthropic_server.ports.model_routes import ChatRoute, Route, UpstreamRoutes
from openrouter_anthropic_server.ports.providers import Providers

OPENROUTERS_AUTHORS = frozenset({"anthropic", "openai", "google", "cohere", "mistralai"})
"""Prefixes that are authors at OpenRouter: `openai/gpt-5` is a model there."""


@dataclass(frozen=True, slots=True)
class ProviderRoutes:
    """Implements `ports.providers.Providers`: `routes` by configured provider, `needs` of the others as a clause."""

    routes: Mapping[str, UpstreamRoutes]
    needs: Mapping[str, str]

    def configured(self) -> Sequence[str]:
        """The providers that have what they need, in the order of preference."""
        return [provider for provider in PROVIDERS if provider in self.routes]

    def missing(self, provider: str) -> str | None:
        """What a provider still needs, as a clause; None if it has everything."""
        return None if provider in self.routes else self._need(provider)

    def route(self, provider: str, model: str) -> Route:
        """The route of `model`, by the provider's own name for it."""
        routes = self.routes.get(provider)
        if routes is None:
            raise InvalidRequestError(f"model: the provider '{provider}' is not configured: {self._need(provider)}")
        if not model:
            raise InvalidRequestError(f"model: '{provider}' is followed by no model name")
        return routes.route(model)

    def _need(self, provider: str) -> str:
        need = self.needs.get(provider)
        if need is None:
            raise InvalidRequestError(f"provider: '{provider}' is none of {', '.join(PROVIDERS)}")
        return need


@dataclass(frozen=True, slots=True)
class OneProvider:
    """The way to a provider's models by its prefix."""

    providers: Providers
    provider: str

    def route(self, name: str) -> Route:
        """The route of the model; a provider that is not configured is an `InvalidRequestError`."""
        return self.providers.route(self.provider, name)


@dataclass(frozen=True, slots=True)
class ChatProvider:
    """The models of a provider behind a backend on the chat wire; `naming` makes the provider's own name."""

    backend: ChatBackend
    dialect: ChatDialect
    capabilities_of: CapabilitiesOf = unlimited
    naming: Callable[[str], str] = strip_context_suffix

    def route(self, name: str) -> Route:
        """The route of the model under the provider's own name."""
        name = self.naming(name)
        return ChatRoute(name, self.backend, self.dialect, self.capabilities_of(name))


def provider_prefixes(providers: Providers, *, own_authors: Collection[str]) -> dict[str, UpstreamRoutes]:
    """What leads to a provider: `openai:` always, so that a missing key is named; `openai/` if there is a key.

    Where `author` is one of `own_authors`, whose models the default upstream knows, `author/model` is its own.
    """
    configured = providers.configured()
    prefixes: dict[str, UpstreamRoutes] = {}
    for prefix, provider in PREFIXES.items():
        routes = OneProvider(providers, provider)
        prefixes[f"{prefix}:"] = routes
        if provider in configured and prefix not in own_authors:
            prefixes[f"{prefix}/"] = routes
    return prefixes
