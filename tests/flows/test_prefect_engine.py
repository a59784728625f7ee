"""The same Flow and Task objects outside a recorded run: Prefect's own engine runs them, on a real server."""

import gc
from collections.abc import AsyncGenerator, Iterator

import pytest
from prefect.client.orchestration import get_client
from prefect.testing.utilities import prefect_test_harness

from openrouter_anthropic_server.orchestration import flow, task

pytestmark = [
    pytest.mark.timeout(180),
    pytest.mark.blocking_allowed("Prefect starts its server and its clients synchronously"),
    # Prefect's own clients leave sockets to the collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(name="prefect_server", scope="module", autouse=True)
def _prefect_server() -> Iterator[None]:
    with prefect_test_harness(server_startup_timeout=90):
        yield
    gc.collect()


@task(name="double")
def double(number: int) -> int:
    return number * 2


@task(name="count_up")
async def count_up(limit: int) -> AsyncGenerator[int, None]:
    for number in range(limit):
        yield number


@flow(name="engine-sum")
async def engine_sum(number: int, body: dict[str, str]) -> int:
    return double(number) + len(body)


@flow(name="engine-count")
async def engine_count(limit: int) -> AsyncGenerator[int, None]:
    async for number in count_up(limit):
        yield double(number)


async def test_a_flow_called_outside_a_recorded_run_is_a_run_in_prefect_without_the_body() -> None:
    assert await engine_sum(20, {"prompt": "secret words"}) == 41

    async with get_client() as client:
        runs = await client.read_flow_runs()
    (run,) = [run for run in runs if run.parameters.get("number") == 20]
    assert run.state is not None
    assert run.state.is_completed()
    assert run.parameters == {"number": 20, "body": "<dict>"}


async def test_a_generator_flow_streams_under_prefects_engine_too() -> None:
    assert [number async for number in engine_count(3)] == [0, 2, 4]
