"""Opens the upstreams: the configured one, and all others that are set up, which are reached by a prefix."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial

import structlog

from openrouter_anthropic_server.conversion.databricks_names import databricks_name
from openrouter_anthropic_server.conversion.model_names import anthropic_name
from openrouter_anthropic_server.coordinators.model_routes import (
    AliasTarget,
    AllRoutes,
    MissingUpstream,
    ModelAliases,
    PrefixedRoutes,
)
from openrouter_anthropic_server.coordinators.provider_routes import OPENROUTERS_AUTHORS, provider_prefixes
from openrouter_anthropic_server.errors import InvalidRequestError
from openrouter_anthropic_server.ports.model_catalog import ModelCatalog
from openrouter_anthropic_server.ports.model_routes import ModelDefaults, ModelRoutes, UpstreamRoutes
from openrouter_anthropic_server.ports.providers import Providers
from openrouter_anthropic_server.settings import Settings
from openrouter_anthropic_server.settings.upstream import BackendName
from openrouter_anthropic_server.wiring.databricks import open_databricks
from openrouter_anthropic_server.wiring.direct import open_anthropic, open_demo, open_openrouter
from openrouter_anthropic_server.wiring.litellm import open_litellm_openrouter
from openrouter_anthropic_server.wiring.model_lists import served_models
from openrouter_anthropic_server.wiring.opened import Opened
from openrouter_anthropic_server.wiring.providers import open_providers

_OPENERS: Mapping[BackendName, Callable[[Settings], AbstractAsyncContextManager[Opened]]] = {
    "OPENROUTER": open_openrouter,
    "LITELLM_OPENROUTER": open_litellm_openrouter,
    "ANTHROPIC": open_anthropic,
    "AZURE_DATABRICKS": open_databricks,
    "DEMO": open_demo,
}

_BIG_EFFORT = "high"
_SMALL_EFFORT = "medium"
"""What requests for `big` and `small` get that say nothing of thinking, where the model can think."""

_OPENROUTERS: tuple[BackendName, ...] = ("OPENROUTER", "LITELLM_OPENROUTER")

_ANTHROPIC = frozenset({"anthropic"})
_OWN_AUTHORS: Mapping[BackendName, frozenset[str]] = {
    "OPENROUTER": OPENROUTERS_AUTHORS,
    "LITELLM_OPENROUTER": OPENROUTERS_AUTHORS,
    "ANTHROPIC": _ANTHROPIC,
    "AZURE_DATABRICKS": _ANTHROPIC,
    "DEMO": _ANTHROPIC,
}
"""Whose `author/model` stays with the configured backend, though that author's own API may be open beside it."""

_NEEDS: Mapping[str, str] = {
    "openrouter": "set OPENROUTER_API_KEY",
    "databricks": "set DATABRICKS_HOST, and DATABRICKS_TOKEN or DATABRICKS_CLIENT_ID with DATABRICKS_CLIENT_SECRET",
}


def chosen_backend(settings: Settings) -> BackendName:
    """The configured backend, or the first whose key is set, or the demo."""
    if settings.upstream.proxy_backend is not None:
        return settings.upstream.proxy_backend
    return next(iter(_configured(settings)), "DEMO")


def _configured(settings: Settings) -> list[BackendName]:
    """The backends that have what they need, in the order of preference."""
    needed: Mapping[BackendName, bool] = {
        "OPENROUTER": settings.openrouter.api_key is not None,
        "ANTHROPIC": settings.anthropic.api_key is not None,
        "AZURE_DATABRICKS": settings.databricks.missing is None,
    }
    return [name for name, is_set in needed.items() if is_set]


@asynccontextmanager
async def open_upstreams(settings: Settings) -> AsyncIterator[tuple[ModelRoutes, Providers, ModelCatalog]]:
    """The routes to every upstream, those by provider, and all models."""
    chosen = chosen_backend(settings)
    async with AsyncExitStack() as stack:
        default = await stack.enter_async_context(_OPENERS[chosen](settings))
        opened: dict[BackendName, UpstreamRoutes] = {chosen: default.routes}
        others: dict[str, UpstreamRoutes] = _own_prefix(chosen, default.routes)
        beside: dict[str, Opened] = {}
        for name in _beside(chosen, settings):
            other = await stack.enter_async_context(_OPENERS[name](settings))
            opened[name] = other.routes
            prefixes = _prefixes(name, other.routes)
            beside[next(iter(prefixes))] = other
            others |= prefixes
        providers = await stack.enter_async_context(open_providers(settings, opened.get("ANTHROPIC")))
        others |= provider_prefixes(providers, own_authors=_OWN_AUTHORS[chosen])
        names = _aliases(settings, _naming(chosen, settings))
        routes = AllRoutes(names, default.routes, _missing() | others, settings.models.fallback_models)
        _warn_of_fallbacks(routes)
        yield routes, providers, served_models(settings, default, beside, providers, routes, names)


def _beside(chosen: BackendName, settings: Settings) -> list[BackendName]:
    """The other backends to open. OpenRouter is not reached both ways: `openrouter/...` would mean either."""
    alike = _OPENROUTERS if chosen in _OPENROUTERS else (chosen,)
    return [name for name in _configured(settings) if name not in alike]


def _prefixes(name: BackendName, routes: UpstreamRoutes) -> dict[str, UpstreamRoutes]:
    """The prefixes that lead to an upstream which is not the configured one, the plainest first."""
    if name == "OPENROUTER":  # `openrouter/auto` is a model
        return {"openrouter:": routes, "openrouter/": PrefixedRoutes("openrouter/", routes)}
    if name == "AZURE_DATABRICKS":  # `databricks-gpt-5` and `system.ai.gpt-5` are models
        own = {prefix: PrefixedRoutes(prefix, routes) for prefix in ("databricks-", "system.ai.")}
        return {"databricks:": routes, "databricks/": routes, **own}
    return {f"{name.lower()}:": routes}


def _own_prefix(chosen: BackendName, routes: UpstreamRoutes) -> dict[str, UpstreamRoutes]:
    """The prefix that leads to the configured upstream itself; Anthropic's comes with the providers."""
    if chosen in _OPENROUTERS:
        return {"openrouter:": routes}
    return {"databricks:": routes} if chosen == "AZURE_DATABRICKS" else {}


def _missing() -> dict[str, UpstreamRoutes]:
    """What the prefixes of upstreams lead to that are not open; those of providers say so themselves."""
    return {f"{name}:": MissingUpstream(name, needs) for name, needs in _NEEDS.items()}


def _naming(chosen: BackendName, settings: Settings) -> Callable[[str], str]:
    """What puts `big` and `small`, by default OpenRouter's names, into a backend's terms."""
    match chosen:
        case "ANTHROPIC":
            return anthropic_name
        case "AZURE_DATABRICKS":
            return partial(databricks_name, api=settings.databricks.api)
        case _:
            return str


def _warn_of_fallbacks(routes: AllRoutes) -> None:
    """A log line for each fallback that leads nowhere: requests would pass over it in silence."""
    for model in routes.fallbacks:
        try:
            routes.resolve(model)
        except InvalidRequestError as error:
            structlog.get_logger().warning("fallback_model_unusable", model=model, problem=error.message)


def _aliases(settings: Settings, naming: Callable[[str], str]) -> ModelAliases:
    models = settings.models
    return ModelAliases(
        AliasTarget(naming(models.big_model), ModelDefaults(_BIG_EFFORT)),
        AliasTarget(naming(models.small_model), ModelDefaults(_SMALL_EFFORT)),
        {name: AliasTarget(alias.model, ModelDefaults(alias.effort)) for name, alias in models.model_aliases.items()},
    )
