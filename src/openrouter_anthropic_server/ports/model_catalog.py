"""The models that `GET /v1/models` offers."""

from collections.abc import Sequence
from typing import Protocol

from openrouter_anthropic_server.conversion.model_list import ModelInfo


class ModelCatalog(Protocol):
    """Knows the models of the active backend."""

    async def list_models(self) -> Sequence[ModelInfo]:
        """All models, in the order to show them. Never raises because an upstream fails."""
        ...
