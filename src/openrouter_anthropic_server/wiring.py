"""Opens the services: the only module that names concrete classes."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager, closing
from typing import Any

import structlog

from openrouter_anthropic_server.backends.chat_http import HttpChatBackend
from openrouter_anthropic_server.backends.demo import DemoBackend
from openrouter_anthropic_server.backends.http_upstream import HttpUpstream
from openrouter_anthropic_server.backends.messages_http import HttpMessagesBackend
from openrouter_anthropic_server.backends.model_catalog import CachedCatalog, StaticCatalog
from openrouter_anthropic_server.backends.token_counter import TiktokenCounter
from openrouter_anthropic_server.conversion.claude_models import CLAUDE_MODELS
from openrouter_anthropic_server.conversion.messages_wire import DEFAULT_VERSION
from openrouter_anthropic_server.conversion.model_list import ModelInfo, models_from_anthropic, models_from_openrouter
from openrouter_anthropic_server.conversion.model_names import anthropic_name
from openrouter_anthropic_server.coordinators.model_routes import ModelAliases, OpenRouterRoutes, PassThroughRoutes
from openrouter_anthropic_server.orchestration import LogSink
from openrouter_anthropic_server.ports.model_catalog import ModelCatalog
from openrouter_anthropic_server.ports.model_routes import ModelRoutes
from openrouter_anthropic_server.services import Services
from openrouter_anthropic_server.settings import Settings
from openrouter_anthropic_server.settings.upstream import BackendName

_CATALOG_TTL_SECONDS = 600.0
_WARM_AFTER_SECONDS = 1.0


@asynccontextmanager
async def open_services(settings: Settings) -> AsyncIterator[Services]:
    """The services for these settings; they are closed at the end."""
    backend = chosen_backend(settings)
    async with _token_counter() as token_counter, _OPENERS[backend](settings) as (routes, catalog):
        yield Services(
            backend_name=backend.lower(),
            routes=routes,
            token_counter=token_counter,
            catalog=catalog,
            runs=LogSink(structlog.get_logger()),
        )


@asynccontextmanager
async def _token_counter() -> AsyncIterator[TiktokenCounter]:
    """A counter that loads its tokenizer soon after the start, so that the first count need not wait for it."""
    with closing(TiktokenCounter()) as counter:
        warming = asyncio.get_running_loop().create_task(_warm_later(counter))
        yield counter
        warming.cancel()


async def _warm_later(counter: TiktokenCounter) -> None:
    await asyncio.sleep(_WARM_AFTER_SECONDS)
    await counter.warm()


def chosen_backend(settings: Settings) -> BackendName:
    """The configured backend, or the first whose key is set, or the demo."""
    if settings.upstream.proxy_backend is not None:
        return settings.upstream.proxy_backend
    if settings.openrouter.api_key is not None:
        return "OPENROUTER"
    return "ANTHROPIC" if settings.anthropic.api_key is not None else "DEMO"


_Opened = tuple[ModelRoutes, ModelCatalog]


@asynccontextmanager
async def _open_openrouter(settings: Settings) -> AsyncIterator[_Opened]:
    options = settings.openrouter
    key = options.api_key.get_secret_value() if options.api_key else ""
    headers = {
        "authorization": f"Bearer {key}",
        "x-openrouter-title": options.app_title,
        "http-referer": options.app_url,
    }
    async with _upstream(settings, options.base_url, headers, key) as upstream:
        routes = OpenRouterRoutes(
            names=_aliases(settings),
            messages=HttpMessagesBackend("openrouter", upstream, path="/messages"),
            chat=HttpChatBackend("openrouter", upstream, path="/chat/completions"),
            wire=options.wire,
        )
        async with aclosing(_catalog(upstream, "/models", models_from_openrouter)) as catalog:
            yield routes, catalog


@asynccontextmanager
async def _open_anthropic(settings: Settings) -> AsyncIterator[_Opened]:
    options = settings.anthropic
    key = options.api_key.get_secret_value() if options.api_key else ""
    headers = {"x-api-key": key, "anthropic-version": DEFAULT_VERSION}
    async with _upstream(settings, options.base_url, headers, key) as upstream:
        backend = HttpMessagesBackend(
            "anthropic", upstream, path="/v1/messages", count_path="/v1/messages/count_tokens"
        )
        async with aclosing(_catalog(upstream, "/v1/models?limit=1000", models_from_anthropic)) as catalog:
            yield PassThroughRoutes(_aliases(settings, anthropic_name), backend), catalog


@asynccontextmanager
async def _open_demo(settings: Settings) -> AsyncIterator[_Opened]:
    yield PassThroughRoutes(_aliases(settings), DemoBackend(), "demo"), StaticCatalog(CLAUDE_MODELS)


_OPENERS: Mapping[BackendName, Callable[[Settings], AbstractAsyncContextManager[_Opened]]] = {
    "OPENROUTER": _open_openrouter,
    "ANTHROPIC": _open_anthropic,
    "DEMO": _open_demo,
}


def _upstream(settings: Settings, base_url: str, headers: Mapping[str, str], key: str) -> HttpUpstream:
    return HttpUpstream(
        base_url,
        headers={name: value for name, value in headers.items() if value},
        secrets=[key] if key else [],
        timeout_seconds=settings.upstream.upstream_timeout_seconds,
        idle_seconds=settings.upstream.stream_idle_seconds,
    )


def _aliases(settings: Settings, naming: Callable[[str], str] = str) -> ModelAliases:
    """The operator's names; `naming` puts `big` and `small`, by default OpenRouter's, into the backend's terms."""
    models = settings.models
    return ModelAliases(naming(models.big_model), naming(models.small_model), models.model_aliases)


def _catalog(upstream: HttpUpstream, path: str, read: Callable[[Any], Sequence[ModelInfo]]) -> CachedCatalog:
    async def fetch() -> Sequence[ModelInfo]:
        return read(await upstream.get_json(path))

    return CachedCatalog(fetch, ttl_seconds=_CATALOG_TTL_SECONDS, fallback=CLAUDE_MODELS)
