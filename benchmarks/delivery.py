"""How fast recorded runs reach Prefect, and whether all of them do, each once."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
import asyncpg
import httpx

from benchmarks.arena import Arena, Contender
from benchmarks.payloads import HEADERS, PATH, small_request
from benchmarks.plan import Plan
from benchmarks.prefect_server import PREFECT_ENVIRONMENT, prefect_arguments
from benchmarks.processes import free_port
from benchmarks.report import Budget, Row

_POSTGRES: Final = "postgresql://root@127.0.0.1:5432/postgres"
_PER_SECOND: Final = 5
_STEPS: Final = 7  # of a small request on the messages wire, with the flow's own steps only
_START_SECONDS: Final = 90.0
_DELIVERY_SECONDS: Final = 600.0
_CONNECTIONS: Final = 16
_LOOK_SECONDS: Final = 0.25


def wait_for_prefect(contender: Contender) -> str:
    """Wait until the server says that it reaches its Prefect; gives the address of Prefect's API."""
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        prefect = httpx.get(f"http://127.0.0.1:{contender.port}/health/detailed").json()["prefect"]
        if prefect["reachable"]:
            return str(prefect["api_url"])
        time.sleep(0.2)
    raise RuntimeError("Prefect was not reachable in time")


@dataclass(frozen=True, slots=True)
class _Delivered:
    """Seconds until a run was to be seen in Prefect (median), and runs per second of the burst."""

    lag: float
    rate: float
    counts: str


def delivery(arena: Arena, plan: Plan) -> list[Row]:
    """Five requests a second, then a burst: into the server's own Prefect on SQLite, then into one on Postgres."""
    with arena.fresh("messages-live") as contender:
        rows = _rows("own Prefect (SQLite)", _deliver(contender, plan), 20)
    address = asyncio.run(_create_database())
    if address is None:
        return [*rows, Row("runs into Prefect on Postgres", "-", None, None, "/s", note="no Postgres here")]
    try:
        with _prefect_on(arena, address) as api, arena.fresh("messages", {"PREFECT_API_URL": api}) as contender:
            rows += _rows("Prefect on Postgres", _deliver(contender, plan), 30)
    finally:
        asyncio.run(_drop_database(address))
    return rows


def _rows(case: str, delivered: _Delivered, least: float) -> list[Row]:
    lag = Row(f"{case}, lag at 5/s", "messages", delivered.lag, None, "s", budget=Budget("at most", 2, " s"))
    # The rate is our own value, not a ratio; so its inverse is what is limited.
    per_run = Row(
        f"{case}, burst",
        "messages",
        1000 / delivered.rate,
        None,
        "ms per run",
        budget=Budget("at most", 1000 / least, " ms"),
        note=f"{delivered.rate:.1f} runs/s; {delivered.counts}",
    )
    return [lag, per_run]


def _deliver(contender: Contender, plan: Plan) -> _Delivered:
    api = wait_for_prefect(contender)
    return asyncio.run(_Delivery(contender.port, api, plan).measure())


@dataclass(slots=True)
class _Delivery:
    port: int
    api: str
    plan: Plan
    ended: dict[str, float] = field(default_factory=dict)
    seen: dict[str, float] = field(default_factory=dict)

    async def measure(self) -> _Delivered:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            await self._paced(session)
            lag = median(self.seen[name] - ended for name, ended in self.ended.items())
            began = time.monotonic()
            await self._burst(session)
            rate = self.plan.burst / (await self._all_there(session) - began)
            runs, steps = await self._counts(session)
        expected = len(self.ended)
        if (runs, steps) != (expected, expected * _STEPS):
            raise RuntimeError(f"{expected} requests, {runs} runs, {steps} task runs")
        return _Delivered(lag, rate, f"{runs:,} runs, {steps:,} task runs")

    async def _ask(self, session: aiohttp.ClientSession) -> None:
        url = f"http://127.0.0.1:{self.port}{PATH}"
        async with session.post(url, data=small_request("messages"), headers=HEADERS) as answer:
            await answer.read()
            if answer.status != 200:
                raise RuntimeError(f"answered {answer.status}")
            self.ended[answer.headers["request-id"]] = time.monotonic()

    async def _paced(self, session: aiohttp.ClientSession) -> None:
        began = time.monotonic()
        total = int(self.plan.paced_seconds * _PER_SECOND)
        watching = asyncio.create_task(self._watch(session, total))
        for number in range(total):
            await asyncio.sleep(began + number / _PER_SECOND - time.monotonic())
            await self._ask(session)
        await watching

    async def _watch(self, session: aiohttp.ClientSession, total: int) -> None:
        """Note when each of `total` runs is first seen in a final state with all its task runs."""
        deadline = time.monotonic() + _DELIVERY_SECONDS
        while len(self.seen) < total:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{len(self.seen)} of {total} runs seen whole after {_DELIVERY_SECONDS:.0f} s")
            await asyncio.sleep(_LOOK_SECONDS)
            missing = [name for name in self.ended if name not in self.seen][:200]
            chosen = {"name": {"any_": missing}, "state": {"type": {"any_": ["COMPLETED"]}}}
            for run in await self._post(session, "flow_runs/filter", {"flow_runs": chosen, "limit": 200}):
                await self._look_at(session, run)

    async def _look_at(self, session: aiohttp.ClientSession, run: dict[str, Any]) -> None:
        of_run = {"flow_runs": {"id": {"any_": [run["id"]]}}}
        if await self._post(session, "task_runs/count", of_run) == _STEPS:
            self.seen[run["name"]] = time.monotonic()

    async def _burst(self, session: aiohttp.ClientSession) -> None:
        todo = iter(range(self.plan.burst))

        async def worker() -> None:
            for _ in todo:
                await self._ask(session)

        await asyncio.gather(*(worker() for _ in range(_CONNECTIONS)))

    async def _all_there(self, session: aiohttp.ClientSession) -> float:
        deadline = time.monotonic() + _DELIVERY_SECONDS
        expected = (len(self.ended), len(self.ended) * _STEPS)
        while (counts := await self._counts(session)) != expected:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{counts} of {expected} runs and task runs after {_DELIVERY_SECONDS:.0f} s")
            await asyncio.sleep(1)
        return time.monotonic()

    async def _counts(self, session: aiohttp.ClientSession) -> tuple[int, int]:
        final = {"flow_runs": {"state": {"type": {"any_": ["COMPLETED"]}}}}
        return await self._post(session, "flow_runs/count", final), await self._post(session, "task_runs/count", {})

    async def _post(self, session: aiohttp.ClientSession, path: str, body: dict[str, Any]) -> Any:
        while True:
            async with session.post(f"{self.api}/{path}", json=body) as answer:
                if answer.status == 200:
                    return await answer.json()
            await asyncio.sleep(_LOOK_SECONDS)  # a busy SQLite answers 503


async def _create_database() -> str | None:
    """A new, empty database; None where no Postgres answers."""
    name = f"bench_prefect_{free_port()}"
    try:
        connection = await asyncpg.connect(_POSTGRES)
    except OSError:
        return None
    await connection.execute(f"create database {name}")
    await connection.close()
    return _POSTGRES.replace("/postgres", f"/{name}")


async def _drop_database(address: str) -> None:
    connection = await asyncpg.connect(_POSTGRES)
    await connection.execute(f"drop database {urlsplit(address).path[1:]} with (force)")
    await connection.close()


@contextmanager
def _prefect_on(arena: Arena, database: str) -> Iterator[str]:
    """A Prefect server on that database; gives the address of its API."""
    port = free_port()
    environment = {
        **PREFECT_ENVIRONMENT,
        "PREFECT_API_DATABASE_CONNECTION_URL": database.replace("postgresql:", "postgresql+asyncpg:"),
        "PREFECT_UI_API_URL": f"http://127.0.0.1:{port}/api",
    }
    child = arena.start_child("prefect", prefect_arguments(port), environment)
    child.wait_until_healthy(port, _START_SECONDS, path="/api/health")
    try:
        yield f"http://127.0.0.1:{port}/api"
    finally:
        child.stop()
