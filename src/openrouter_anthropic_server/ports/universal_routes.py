"""The routes of one request to the universal endpoint, which know whose they are."""

from typing import Protocol

from openrouter_anthropic_server.ports.model_routes import ModelRoutes, Route


class UniversalRoutes(ModelRoutes, Protocol):
    """`resolve` takes the model as the client wrote it, and each of `fallbacks`."""

    @property
    def asked(self) -> str:
        """The provider that the client asked for."""
        ...

    def provider_of(self, route: Route) -> str:
        """The provider of a route that `resolve` gave."""
        ...
