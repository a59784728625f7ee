"""The providers of models: seven APIs, each used with a key of the operator's own."""

from collections.abc import Sequence
from typing import Protocol

from openrouter_anthropic_server.ports.model_routes import Route


class Providers(Protocol):
    """Knows which of the providers in `conversion.provider_names.PROVIDERS` can be used, and the ways to them."""

    def configured(self) -> Sequence[str]:
        """The providers that have what they need, in the order of preference."""
        ...

    def missing(self, provider: str) -> str | None:
        """The settings that a provider still needs, as a clause ("set OPENAI_API_KEY"); None if it has them all.

        Raises `InvalidRequestError` for a name that is no provider.
        """
        ...

    def route(self, provider: str, model: str) -> Route:
        """The route of `model`, by the provider's own name for it.

        Raises `InvalidRequestError` for an unknown provider and for one that is not configured.
        """
        ...
