"""Catalogues of models: fixed, changed, joined, and one that an upstream fills and that outlives its failures."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

from openrouter_anthropic_server.conversion.model_list import ModelInfo
from openrouter_anthropic_server.errors import GatewayError
from openrouter_anthropic_server.ports.model_catalog import ModelCatalog

_RETRY_SECONDS = 15.0


class StaticCatalog:
    """Always the same models."""

    def __init__(self, models: Sequence[ModelInfo]) -> None:
        self._models = tuple(models)

    async def list_models(self) -> Sequence[ModelInfo]:
        """The models."""
        return self._models


class ChangedCatalog:
    """The models of another catalog, changed by a function: in a thread, and again only when they are others."""

    def __init__(self, catalog: ModelCatalog, change: Callable[[Sequence[ModelInfo]], Sequence[ModelInfo]]) -> None:
        self._catalog = catalog
        self._change = change
        self._seen: Sequence[ModelInfo] | None = None
        self._changed: Sequence[ModelInfo] = ()

    async def list_models(self) -> Sequence[ModelInfo]:
        """The changed models."""
        models = await self._catalog.list_models()
        if models is not self._seen:
            self._changed = tuple(await asyncio.to_thread(self._change, models))
            self._seen = models
        return self._changed


class JoinedCatalog:
    """The models of several catalogs one after the other, asked at the same time; the first of a name stays."""

    def __init__(self, catalogs: Sequence[ModelCatalog]) -> None:
        self._catalogs = tuple(catalogs)
        self._parts: tuple[Sequence[ModelInfo], ...] = ()
        self._joined: Sequence[ModelInfo] = ()

    async def list_models(self) -> Sequence[ModelInfo]:
        """All their models."""
        parts = tuple(await asyncio.gather(*(catalog.list_models() for catalog in self._catalogs)))
        if not self._parts or any(new is not old for new, old in zip(parts, self._parts, strict=True)):
            by_name = {model["id"]: model for part in reversed(parts) for model in part}
            names = dict.fromkeys(model["id"] for part in parts for model in part)
            self._joined = tuple(by_name[name] for name in names)
            self._parts = parts
        return self._joined


class CachedCatalog:
    """What `fetch` returns, kept for `ttl_seconds`; after a failure what was fetched before, else `fallback`.

    One fetch at a time, whoever asks. Nobody waits for it longer than `patience_seconds` (Claude Code gives
    up after 3): it goes on alone and serves the next caller. After a failure `fetch` rests for 15 s.
    `fetch` fails by raising a `GatewayError` or by returning nothing.
    """

    def __init__(
        self,
        fetch: Callable[[], Awaitable[Sequence[ModelInfo]]],
        *,
        ttl_seconds: float,
        fallback: Sequence[ModelInfo],
        patience_seconds: float = 2.5,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetch = fetch
        self._ttl_seconds = ttl_seconds
        self._models = tuple(fallback)
        self._patience_seconds = patience_seconds
        self._clock = clock
        self._fresh_until = float("-inf")
        self._fetching: asyncio.Task[None] | None = None

    async def list_models(self) -> Sequence[ModelInfo]:
        """The models, fetched anew if they are old. Never raises because the upstream fails."""
        if self._clock() >= self._fresh_until:
            await asyncio.wait((self._started_fetch(),), timeout=self._patience_seconds)
        return self._models

    async def aclose(self) -> None:
        """Stop a fetch that still runs."""
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.wait((self._fetching,))

    def _started_fetch(self) -> asyncio.Task[None]:
        if self._fetching is None or self._fetching.done():
            # Held here until it is done, and stopped by `aclose`.
            self._fetching = asyncio.get_running_loop().create_task(self._refresh())
        return self._fetching

    async def _refresh(self) -> None:
        kept_seconds = min(_RETRY_SECONDS, self._ttl_seconds)
        try:
            models = await self._fetch()
            if models:
                self._models = tuple(models)
                kept_seconds = self._ttl_seconds
        except GatewayError:
            pass  # what there was before is the answer
        finally:
            self._fresh_until = self._clock() + kept_seconds
