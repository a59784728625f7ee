"""Opens LiteLLM, and OpenRouter through it."""

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import Any

from openrouter_anthropic_server import __version__
from openrouter_anthropic_server.backends.litellm_chat import LiteLlmChatBackend, LiteLlmUpstream, Speaks
from openrouter_anthropic_server.backends.litellm_client import LiteLlm
from openrouter_anthropic_server.backends.litellm_messages import LiteLlmMessagesBackend, MessagesAccess
from openrouter_anthropic_server.conversion.model_list import models_from_openrouter
from openrouter_anthropic_server.coordinators.model_routes import OpenRouterRoutes
from openrouter_anthropic_server.settings import Settings
from openrouter_anthropic_server.wiring.capability_table import known_capabilities
from openrouter_anthropic_server.wiring.opened import Opened, http_upstream, listed_models

_NAME = "litellm_openrouter"
_USER_AGENT = f"openrouter-anthropic-server/{__version__}"
_SECRET_OPTIONS = ("api_key", "aws_access_key_id", "aws_secret_access_key", "aws_session_token")


def litellm_upstream(
    settings: Settings,
    name: str,
    prefix: str,
    options: Mapping[str, Any],
    *,
    speaks: Speaks = "own",
    streaming: Mapping[str, Any] | None = None,
) -> LiteLlmUpstream:
    """An upstream that LiteLLM reaches with these `options`, with the time limits of the settings."""
    return LiteLlmUpstream(
        name=name,
        prefix=prefix,
        options={"extra_headers": {"user-agent": _USER_AGENT}, **options},
        secrets=[options[option] for option in _SECRET_OPTIONS if option in options],
        timeout_seconds=settings.upstream.upstream_timeout_seconds,
        idle_seconds=settings.upstream.stream_idle_seconds,
        speaks=speaks,
        streaming=streaming or {},
    )


@asynccontextmanager
async def open_litellm_openrouter(settings: Settings) -> AsyncIterator[Opened]:
    """OpenRouter by way of LiteLLM. Its list of models is fetched directly: LiteLLM has none."""
    options = settings.openrouter
    key = options.api_key.get_secret_value() if options.api_key else ""
    headers = {
        "user-agent": _USER_AGENT,
        "HTTP-Referer": options.app_url,  # spelt as LiteLLM spells its own, which these replace
        "X-Title": options.app_title,
    }
    access = {"api_key": key, "api_base": options.base_url.rstrip("/"), "extra_headers": headers}
    upstream = litellm_upstream(settings, _NAME, "openrouter/", access, speaks="chat")
    async with (
        aclosing(LiteLlm()) as litellm,
        http_upstream(settings, options.base_url, {"authorization": f"Bearer {key}"}, key) as direct,
        aclosing(listed_models(direct, "/models", models_from_openrouter)) as catalog,
    ):
        routes = OpenRouterRoutes(
            messages=LiteLlmMessagesBackend(_NAME, litellm, _messages_access(settings, key)),
            chat=LiteLlmChatBackend(litellm, upstream),
            wire=options.wire,
            messages_capabilities=known_capabilities(settings, "openrouter", "messages"),
            chat_capabilities=known_capabilities(settings, "openrouter", "chat"),
        )
        yield Opened(routes, catalog)


def _messages_access(settings: Settings, key: str) -> MessagesAccess:
    options = settings.openrouter
    headers = {
        "authorization": f"Bearer {key}",
        "content-type": "application/json",
        "user-agent": _USER_AGENT,
        "x-openrouter-title": options.app_title,
        "http-referer": options.app_url,
    }
    return MessagesAccess(
        url=f"{options.base_url.rstrip('/')}/messages",
        headers={name: value for name, value in headers.items() if value},
        secrets=[key] if key else [],
        timeout_seconds=settings.upstream.upstream_timeout_seconds,
        idle_seconds=settings.upstream.stream_idle_seconds,
    )
