"""The models that can be asked for."""

from collections.abc import Sequence

from openrouter_anthropic_server.conversion.model_list import ModelInfo
from openrouter_anthropic_server.errors import NotFoundError
from openrouter_anthropic_server.services import Services


async def list_models(services: Services) -> Sequence[ModelInfo]:
    """Every model, the upstream's order."""
    return await services.catalog.list_models()


async def find_model(model_id: str, services: Services) -> ModelInfo:
    """The model with that id, or the one its alias stands for."""
    models = {model["id"]: model for model in await services.catalog.list_models()}
    found = models.get(model_id) or models.get(services.routes.resolve(model_id).model)
    if found is None:
        raise NotFoundError(f"model: {model_id}")
    return found
