"""Flow and Task objects outside a recorded run: Prefect's own engine runs them, on a real server."""

import pytest
from prefect.client.orchestration import get_client

from openrouter_anthropic_server.orchestration.flow import flow
from openrouter_anthropic_server.orchestration.recorded_run import current_run, open_run
from openrouter_anthropic_server.orchestration.task import task
from openrouter_anthropic_server.ports.run_records import RunRecord

pytestmark = [
    pytest.mark.timeout(180),
    pytest.mark.blocking_allowed("Prefect starts its server and its clients synchronously"),
    pytest.mark.usefixtures("prefect_server"),
    # Prefect's own clients leave sockets to the collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]


class NoSink:
    """Takes records and forgets them."""

    def begun(self, record: RunRecord) -> None:
        """Forget it."""

    def ended(self, record: RunRecord) -> None:
        """Forget it."""


@task(name="double")
def double(number: int) -> int:
    return number * 2


@flow(name="engine-sum")
async def engine_sum(number: int, body: dict[str, str]) -> int:
    return double(number) + len(body)


@flow(name="engine-submit")
def engine_submit(number: int) -> int:
    futures = [double.submit(number), *double.map([1, 2])]
    return sum(future.result() for future in futures)


async def _parameters(number: int) -> list[dict[str, object]]:
    async with get_client() as client:
        runs = await client.read_flow_runs()
    assert all(run.state is not None and run.state.is_completed() for run in runs if "number" in run.parameters)
    return [run.parameters for run in runs if run.parameters.get("number") == number]


async def test_a_flow_called_outside_a_recorded_run_is_a_run_in_prefect_without_the_body() -> None:
    assert await engine_sum(20, {"prompt": "secret words"}) == 41

    assert await _parameters(20) == [{"number": 20, "body": "<dict>"}]


async def test_copies_with_other_options_are_runs_in_prefect_too() -> None:
    assert await engine_sum.with_options(name="engine-sum-again")(21, {}) == 42

    assert await _parameters(21) == [{"number": 21, "body": "<dict>"}]


def test_outside_a_recorded_run_tasks_can_be_submitted_to_prefects_task_runner() -> None:
    assert engine_submit(20) == 46


async def test_after_a_recorded_run_the_same_context_is_prefects_again() -> None:
    open_run("req_1", NoSink())
    assert await engine_sum(22, {}) == 44
    assert current_run() is None

    assert await engine_sum(23, {}) == 46

    assert await _parameters(22) == []
    assert await _parameters(23) == [{"number": 23, "body": "<dict>"}]
