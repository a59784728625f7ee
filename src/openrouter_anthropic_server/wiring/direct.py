"""Opens the upstreams that this server talks to itself, without LiteLLM: OpenRouter, Anthropic, the demo."""

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

from openrouter_anthropic_server.backends.chat_http import HttpChatBackend
from openrouter_anthropic_server.backends.demo import DemoBackend
from openrouter_anthropic_server.backends.messages_http import HttpMessagesBackend
from openrouter_anthropic_server.backends.model_catalog import StaticCatalog
from openrouter_anthropic_server.conversion.claude_models import CLAUDE_MODELS
from openrouter_anthropic_server.conversion.messages_wire import DEFAULT_VERSION
from openrouter_anthropic_server.conversion.model_list import models_from_anthropic, models_from_openrouter
from openrouter_anthropic_server.conversion.model_names import anthropic_name
from openrouter_anthropic_server.conversion.model_support import all_filled
from openrouter_anthropic_server.coordinators.model_routes import OpenRouterRoutes, PassThroughRoutes
from openrouter_anthropic_server.settings import Settings
from openrouter_anthropic_server.wiring.capability_table import known_capabilities
from openrouter_anthropic_server.wiring.opened import Opened, http_upstream, listed_models


@asynccontextmanager
async def open_openrouter(settings: Settings) -> AsyncIterator[Opened]:
    """OpenRouter, over both of its wires."""
    options = settings.openrouter
    key = options.api_key.get_secret_value() if options.api_key else ""
    headers = {
        "authorization": f"Bearer {key}",
        "x-openrouter-title": options.app_title,
        "http-referer": options.app_url,
    }
    async with http_upstream(settings, options.base_url, headers, key) as upstream:
        routes = OpenRouterRoutes(
            messages=HttpMessagesBackend("openrouter", upstream, path="/messages"),
            chat=HttpChatBackend("openrouter", upstream, path="/chat/completions"),
            wire=options.wire,
            messages_capabilities=known_capabilities(settings, "openrouter", "messages"),
            chat_capabilities=known_capabilities(settings, "openrouter", "chat"),
        )
        async with aclosing(listed_models(upstream, "/models", models_from_openrouter)) as catalog:
            yield Opened(routes, catalog)


@asynccontextmanager
async def open_anthropic(settings: Settings) -> AsyncIterator[Opened]:
    """An upstream that speaks Anthropic's API."""
    options = settings.anthropic
    key = options.api_key.get_secret_value() if options.api_key else ""
    headers = {"x-api-key": key, "anthropic-version": DEFAULT_VERSION}
    async with http_upstream(settings, options.base_url, headers, key) as upstream:
        backend = HttpMessagesBackend(
            "anthropic", upstream, path="/v1/messages", count_path="/v1/messages/count_tokens"
        )
        async with aclosing(listed_models(upstream, "/v1/models?limit=1000", models_from_anthropic)) as catalog:
            known = known_capabilities(settings, "anthropic", "messages")
            yield Opened(PassThroughRoutes(backend, capabilities_of=known, naming=anthropic_name), catalog)


@asynccontextmanager
async def open_demo(settings: Settings) -> AsyncIterator[Opened]:
    """The offline demo: it takes everything, and lists what Anthropic's models are known for."""
    models = all_filled(CLAUDE_MODELS, known_capabilities(settings, "anthropic", "messages"))
    yield Opened(PassThroughRoutes(DemoBackend(), "demo"), StaticCatalog(models))
