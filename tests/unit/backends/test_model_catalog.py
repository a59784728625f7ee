"""Catalogues: fixed, and filled by an upstream whose failures nobody sees."""

import asyncio
from collections.abc import Sequence

import pytest

from openrouter_anthropic_server.backends.model_catalog import (
    CachedCatalog,
    ChangedCatalog,
    JoinedCatalog,
    StaticCatalog,
)
from openrouter_anthropic_server.conversion.model_list import ModelInfo, model_info_from_openrouter
from openrouter_anthropic_server.errors import GatewayError, RateLimitError, UpstreamError

TTL = 60.0
FALLBACK = [model_info_from_openrouter({"id": "acme/fallback"})]


class Source:
    """An upstream that answers what it is told to, when it is told to."""

    def __init__(self) -> None:
        self.names = ["acme/first"]
        self.failure: GatewayError | None = None
        self.open = asyncio.Event()
        self.open.set()
        self.fetches = 0

    async def fetch(self) -> Sequence[ModelInfo]:
        self.fetches += 1
        await self.open.wait()
        if self.failure is not None:
            raise self.failure
        return [model_info_from_openrouter({"id": name}) for name in self.names]


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def source() -> Source:
    return Source()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def catalog(source: Source, clock: Clock):  # type: ignore[no-untyped-def]
    catalog = CachedCatalog(source.fetch, ttl_seconds=TTL, fallback=FALLBACK, patience_seconds=0.05, clock=clock)
    yield catalog
    await catalog.aclose()


async def names(catalog: CachedCatalog | StaticCatalog) -> list[str]:
    return [model["id"] for model in await catalog.list_models()]


async def test_a_static_catalog_lists_its_models() -> None:
    assert await names(StaticCatalog(FALLBACK)) == ["acme/fallback"]


async def test_models_are_fetched_once_within_their_time(catalog: CachedCatalog, source: Source, clock: Clock) -> None:
    assert await names(catalog) == ["acme/first"]
    source.names = ["acme/second"]
    clock.now += TTL - 1
    assert await names(catalog) == ["acme/first"]
    clock.now += 1
    assert await names(catalog) == ["acme/second"]
    assert source.fetches == 2


async def test_parallel_callers_share_one_fetch(catalog: CachedCatalog, source: Source) -> None:
    assert await asyncio.gather(*(names(catalog) for _ in range(20))) == [["acme/first"]] * 20
    assert source.fetches == 1


@pytest.mark.parametrize("failure", [UpstreamError("down"), RateLimitError("later")])
async def test_a_failure_before_the_first_success_shows_the_fallback(
    catalog: CachedCatalog, source: Source, failure: GatewayError
) -> None:
    source.failure = failure
    assert await names(catalog) == ["acme/fallback"]


async def test_a_later_failure_shows_what_was_fetched_before_and_rests(
    catalog: CachedCatalog, source: Source, clock: Clock
) -> None:
    await names(catalog)
    source.failure = UpstreamError("down")
    clock.now += TTL
    assert await names(catalog) == await names(catalog) == ["acme/first"]
    assert source.fetches == 2
    source.failure, source.names = None, ["acme/second"]
    clock.now += 15
    assert await names(catalog) == ["acme/second"]


async def test_an_empty_list_counts_as_a_failure(catalog: CachedCatalog, source: Source) -> None:
    source.names = []
    assert await names(catalog) == ["acme/fallback"]


async def test_nobody_waits_long_and_a_slow_answer_serves_the_next_caller(
    catalog: CachedCatalog, source: Source
) -> None:
    source.open.clear()
    assert await names(catalog) == ["acme/fallback"]
    source.open.set()
    assert await names(catalog) == ["acme/first"]
    assert source.fetches == 1


async def test_a_caller_that_goes_away_does_not_stop_the_fetch_for_the_others(
    catalog: CachedCatalog, source: Source
) -> None:
    source.open.clear()
    async with asyncio.TaskGroup() as group:
        leaving = group.create_task(names(catalog))
        staying = group.create_task(names(catalog))
        await asyncio.sleep(0)
        leaving.cancel()
        source.open.set()
    assert staying.result() == ["acme/first"]
    assert source.fetches == 1


async def test_closing_stops_a_fetch_that_hangs(catalog: CachedCatalog, source: Source) -> None:
    source.open.clear()
    await names(catalog)
    async with asyncio.timeout(1):
        await catalog.aclose()
        await catalog.aclose()


async def test_joined_catalogs_list_each_name_once_the_first_wins() -> None:
    first = [model_info_from_openrouter({"id": name, "name": "first"}) for name in ("a", "b")]
    second = [model_info_from_openrouter({"id": name, "name": "second"}) for name in ("b", "c")]
    joined = JoinedCatalog([StaticCatalog(first), StaticCatalog(second)])
    models = await joined.list_models()
    assert [(model["id"], model["display_name"]) for model in models] == [
        ("a", "first"),
        ("b", "first"),
        ("c", "second"),
    ]
    assert await joined.list_models() is models


async def test_a_changed_catalog_is_changed_again_only_when_there_are_others() -> None:
    clock, source = Clock(), Source()
    calls: list[int] = []

    def change(models: Sequence[ModelInfo]) -> Sequence[ModelInfo]:
        calls.append(len(models))
        return [{**model, "id": f"x:{model['id']}"} for model in models]

    cached = CachedCatalog(source.fetch, ttl_seconds=TTL, fallback=FALLBACK, clock=clock)
    changed = ChangedCatalog(cached, change)
    assert [model["id"] for model in await changed.list_models()] == ["x:acme/first"]
    await changed.list_models()
    assert calls == [1]
    clock.now += TTL + 1
    source.names = ["acme/first", "acme/second"]
    assert len(await changed.list_models()) == 2
    await cached.aclose()
