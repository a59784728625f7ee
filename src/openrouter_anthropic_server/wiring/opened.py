"""What opening an upstream gives, and what the openers share."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from openrouter_anthropic_server.backends.http_upstream import HttpUpstream
from openrouter_anthropic_server.backends.model_catalog import CachedCatalog
from openrouter_anthropic_server.conversion.claude_models import CLAUDE_MODELS
from openrouter_anthropic_server.conversion.model_list import ModelInfo
from openrouter_anthropic_server.ports.model_catalog import ModelCatalog
from openrouter_anthropic_server.ports.model_routes import UpstreamRoutes
from openrouter_anthropic_server.settings import Settings

_CATALOG_TTL_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Opened:
    """An upstream in use: the ways to it, and its models."""

    routes: UpstreamRoutes
    catalog: ModelCatalog


def http_upstream(settings: Settings, base_url: str, headers: Mapping[str, str], key: str) -> HttpUpstream:
    """HTTP to an upstream, with the time limits of the settings; headers without a value are not sent."""
    return HttpUpstream(
        base_url,
        headers={name: value for name, value in headers.items() if value},
        secrets=[key] if key else [],
        timeout_seconds=settings.upstream.upstream_timeout_seconds,
        idle_seconds=settings.upstream.stream_idle_seconds,
    )


def listed_models(
    upstream: HttpUpstream,
    path: str,
    read: Callable[[Any], Sequence[ModelInfo]],
    fallback: Sequence[ModelInfo] = CLAUDE_MODELS,
) -> CachedCatalog:
    """The models that the upstream lists at `path`; `fallback` until it does."""

    async def fetch() -> Sequence[ModelInfo]:
        return read(await upstream.get_json(path))

    return CachedCatalog(fetch, ttl_seconds=_CATALOG_TTL_SECONDS, fallback=fallback)
