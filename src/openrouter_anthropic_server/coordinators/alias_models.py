"""The entries of the models list for `big`, `small` and the operator's own names."""

from collections.abc import Iterator, Sequence

from openrouter_anthropic_server.conversion.model_list import ModelInfo
from openrouter_anthropic_server.conversion.model_support import filled, plain_entry
from openrouter_anthropic_server.conversion.thinking_kinds import can_think
from openrouter_anthropic_server.coordinators.model_routes import ModelAliases
from openrouter_anthropic_server.errors import GatewayError
from openrouter_anthropic_server.ports.model_routes import ModelRoutes, Route

_GLOB_CHARACTERS = frozenset("*?[")


def with_aliases(models: Sequence[ModelInfo], names: ModelAliases, routes: ModelRoutes) -> list[ModelInfo]:
    """`models` after an entry for each name that the operator can give: an alias hides a model of its name."""
    aliases = alias_models(names, routes, models)
    taken = {alias["id"] for alias in aliases}
    return [*aliases, *(model for model in models if model["id"] not in taken)]


def alias_models(names: ModelAliases, routes: ModelRoutes, models: Sequence[ModelInfo]) -> list[ModelInfo]:
    """An entry for `big`, `small` and each alias that is no glob: its target's, with a description that tells it.

    Names that lead nowhere (a provider without its key) have none.
    """
    listed = {model["id"]: model for model in models}
    entries = []
    for name in _plain_names(names):
        target = names.expand(name).model
        try:
            route = routes.resolve(name)
        except GatewayError:
            continue
        model = listed.get(target) or listed.get(route.model) or plain_entry(target)
        entries.append(_entry(name, target, filled(model, route.capabilities), route))
    return entries


def _plain_names(names: ModelAliases) -> Iterator[str]:
    yield from ("big", "small")
    for name in names.aliases:
        if name not in ("big", "small") and _GLOB_CHARACTERS.isdisjoint(name):
            yield name


def _entry(name: str, target: str, model: ModelInfo, route: Route) -> ModelInfo:
    effort = route.defaults.effort
    effort = f", effort {effort} where a request sets none" if effort and can_think(route.capabilities) else ""
    return {**model, "id": name, "display_name": f"{name} ({target})", "description": f"stands for {target}{effort}"}
