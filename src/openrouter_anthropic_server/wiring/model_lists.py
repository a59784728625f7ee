"""Puts the models list together: names of the operator, the configured upstream's models, and those of all others."""

from collections.abc import Mapping

from openrouter_anthropic_server.backends.model_catalog import ChangedCatalog, JoinedCatalog, StaticCatalog
from openrouter_anthropic_server.conversion.model_support import all_filled, plain_entry, with_prefix
from openrouter_anthropic_server.coordinators.alias_models import with_aliases
from openrouter_anthropic_server.coordinators.model_routes import ModelAliases
from openrouter_anthropic_server.ports.model_catalog import ModelCatalog
from openrouter_anthropic_server.ports.model_routes import ModelRoutes
from openrouter_anthropic_server.ports.providers import Providers
from openrouter_anthropic_server.settings import Settings
from openrouter_anthropic_server.wiring.capability_table import capability_table
from openrouter_anthropic_server.wiring.opened import Opened


def served_models(
    settings: Settings,
    default: Opened,
    others: Mapping[str, Opened],
    providers: Providers,
    routes: ModelRoutes,
    names: ModelAliases,
) -> ModelCatalog:
    """Every model that can be asked for; `others` are the upstreams beside the configured one, by their prefix."""
    catalogs = [_filled(default)]
    catalogs += [_prefixed(prefix, opened) for prefix, opened in others.items()]
    catalogs += [
        _of_provider(settings, provider, providers) for provider in providers.configured() if provider != "anthropic"
    ]
    return ChangedCatalog(JoinedCatalog(catalogs), lambda models: with_aliases(models, names, routes))


def _filled(opened: Opened) -> ModelCatalog:
    return ChangedCatalog(
        opened.catalog, lambda models: all_filled(models, lambda name: opened.routes.route(name).capabilities)
    )


def _prefixed(prefix: str, opened: Opened) -> ModelCatalog:
    return ChangedCatalog(_filled(opened), lambda models: with_prefix(models, prefix))


def _of_provider(settings: Settings, provider: str, providers: Providers) -> ModelCatalog:
    """A few models of a provider that is asked for none."""
    listed = capability_table(settings).models_of(provider)
    models = [plain_entry(name, description=f"{name} at {provider}") for name in listed]
    known = all_filled(models, lambda name: providers.route(provider, name).capabilities)
    return StaticCatalog(with_prefix(known, f"{provider}:"))
