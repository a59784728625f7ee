"""Opens a Databricks workspace: both of its wires, its list of models, and a token of a service principal."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from openrouter_anthropic_server.backends.chat_http import HttpChatBackend
from openrouter_anthropic_server.backends.credentials import Credentials
from openrouter_anthropic_server.backends.databricks_chat import DatabricksChatBackend
from openrouter_anthropic_server.backends.databricks_token import DatabricksToken, token_headers
from openrouter_anthropic_server.backends.databricks_upstream import DatabricksUpstream
from openrouter_anthropic_server.backends.http_upstream import HttpUpstream
from openrouter_anthropic_server.backends.messages_http import HttpMessagesBackend
from openrouter_anthropic_server.capabilities.traits import Capabilities
from openrouter_anthropic_server.conversion.databricks_models import known_models, models_from_endpoints
from openrouter_anthropic_server.conversion.databricks_names import DatabricksApi
from openrouter_anthropic_server.conversion.model_list import ModelInfo, models_from_anthropic
from openrouter_anthropic_server.conversion.model_support import all_filled
from openrouter_anthropic_server.coordinators.databricks_routes import DatabricksRoutes
from openrouter_anthropic_server.settings import Settings
from openrouter_anthropic_server.wiring.capability_table import known_capabilities
from openrouter_anthropic_server.wiring.opened import Opened, listed_models

_TOKEN_SECONDS = 30.0
"""The longest silence of a login, where requests may not fail sooner."""


@dataclass(frozen=True, slots=True)
class _Paths:
    """Where a form of Databricks' API has what, below the workspace's address."""

    messages: str
    chat: str
    models: str
    read_models: Callable[[Any], Sequence[ModelInfo]]


_PATHS: Mapping[DatabricksApi, _Paths] = {
    "serving-endpoints": _Paths(
        "/serving-endpoints/anthropic/v1/messages",
        "/serving-endpoints/chat/completions",
        "/api/2.0/serving-endpoints",
        models_from_endpoints,
    ),
    "ai-gateway": _Paths(
        "/ai-gateway/anthropic/v1/messages",
        "/ai-gateway/mlflow/v1/chat/completions",
        "/ai-gateway/anthropic/v1/models?limit=1000",
        models_from_anthropic,
    ),
}


@asynccontextmanager
async def open_databricks(settings: Settings) -> AsyncIterator[Opened]:
    """A Databricks workspace."""
    options = settings.databricks
    paths = _PATHS[options.api]
    async with _workspace(settings) as upstream:
        routes = DatabricksRoutes(
            messages=HttpMessagesBackend("databricks", upstream, path=paths.messages),
            chat=DatabricksChatBackend(HttpChatBackend("databricks", upstream, path=paths.chat)),
            wire=options.wire,
            api=options.api,
            messages_capabilities=known_capabilities(settings, "databricks", "messages"),
            chat_capabilities=known_capabilities(settings, "databricks", "chat"),
        )

        def capabilities_of(model: str) -> Capabilities:
            return routes.route(model).capabilities

        def read(answer: object) -> Sequence[ModelInfo]:
            return all_filled(paths.read_models(answer), capabilities_of)

        known = all_filled(known_models(options.api), capabilities_of)
        async with aclosing(listed_models(upstream, paths.models, read, known)) as catalog:
            yield Opened(routes, catalog)


@asynccontextmanager
async def _workspace(settings: Settings) -> AsyncIterator[HttpUpstream]:
    """HTTP to the workspace, with the personal token if there is one, else as the service principal."""
    token = settings.databricks.token
    if token is not None:
        async with _upstream(settings, token.get_secret_value(), None) as upstream:
            yield upstream
        return
    async with _service_principal(settings) as credentials, _upstream(settings, None, credentials) as upstream:
        yield upstream


def _upstream(settings: Settings, token: str | None, credentials: Credentials | None) -> DatabricksUpstream:
    return DatabricksUpstream(
        settings.databricks.host or "",
        token=token,
        credentials=credentials,
        timeout_seconds=settings.upstream.upstream_timeout_seconds,
        idle_seconds=settings.upstream.stream_idle_seconds,
    )


@asynccontextmanager
async def _service_principal(settings: Settings) -> AsyncIterator[DatabricksToken]:
    options = settings.databricks
    secret = options.client_secret.get_secret_value() if options.client_secret else ""
    headers = token_headers(options.client_id or "", secret)
    seconds = min(_TOKEN_SECONDS, settings.upstream.upstream_timeout_seconds)
    upstream = HttpUpstream(
        options.host or "",
        headers=headers,
        secrets=[secret, headers["authorization"].removeprefix("Basic ")],
        timeout_seconds=seconds,
        idle_seconds=seconds,
    )
    async with upstream, aclosing(DatabricksToken(upstream)) as token:
        yield token
