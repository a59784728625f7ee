"""Flow and Task objects inside a recorded run: called directly, with their steps noted."""

import asyncio
from collections.abc import AsyncGenerator

import prefect
import pytest

from openrouter_anthropic_server.errors import InvalidRequestError, UpstreamError, UpstreamTimeoutError
from openrouter_anthropic_server.orchestration.flow import Flow, flow
from openrouter_anthropic_server.orchestration.recorded_run import current_run, open_run
from openrouter_anthropic_server.orchestration.task import Task, task
from tests.unit.orchestration.recording import CollectingSink

DECORATES = pytest.mark.blocking_allowed("Prefect reads the source file of what it decorates")


@pytest.fixture(name="sink")
def _sink() -> CollectingSink:
    return CollectingSink()


@task(name="double")
def double(number: int) -> int:
    return number * 2


@task(name="add_later")
async def add_later(number: int) -> int:
    await asyncio.sleep(0)
    return number + 1


@task(name="refuse")
def refuse() -> None:
    raise InvalidRequestError("model: no")


@task(name="count_up")
async def count_up(limit: int) -> AsyncGenerator[int, None]:
    for number in range(limit):
        yield number


@flow(name="arithmetic")
async def arithmetic(number: int) -> int:
    return int(await add_later(double(number)))


@flow(name="counting")
async def counting(limit: int) -> AsyncGenerator[int, None]:
    async for number in count_up(limit):
        yield double(number)


@flow(name="refusing")
async def refusing() -> None:
    double(1)
    refuse()


def test_flows_and_tasks_are_prefects_own_kinds() -> None:
    assert isinstance(arithmetic, prefect.Flow)
    assert isinstance(double, prefect.Task)


def test_copies_with_options_stay_our_kinds() -> None:
    assert isinstance(double.with_options(name="twice"), Task)
    assert isinstance(arithmetic.with_options(name="sums"), Flow)
    assert double.with_options(name="twice").name == "twice"


async def test_a_flow_in_a_recorded_run_returns_its_result_and_leaves_one_record(sink: CollectingSink) -> None:
    open_run("req_1", sink, ["model:m"])

    assert await arithmetic(20) == 41

    (record,) = sink.ended_records
    assert sink.begun_records == [record]
    assert (record.name, record.flow, record.state, record.tags) == ("req_1", "arithmetic", "Completed", ["model:m"])
    assert [(step.name, step.state, step.upstream) for step in record.steps] == [
        ("double", "Completed", ()),
        ("add_later", "Completed", (0,)),
    ]


async def test_times_of_steps_lie_within_the_run_in_order(sink: CollectingSink) -> None:
    open_run("req_1", sink)
    await arithmetic(1)

    (record,) = sink.ended_records
    times = [time for step in record.steps for time in (step.started, step.ended)]
    assert record.ended is not None
    assert times == sorted(times)  # type: ignore[type-var]
    assert times[0] is not None
    assert record.started - 0.01 <= times[0]


async def test_a_failing_step_fails_the_run_with_kind_and_fingerprint_but_no_message(sink: CollectingSink) -> None:
    open_run("req_1", sink)

    with pytest.raises(InvalidRequestError):
        await refusing()

    (record,) = sink.ended_records
    failed = record.steps[-1]
    assert record.state == failed.state == "Failed"
    assert failed.failure is not None
    assert failed.failure.kind == "InvalidRequestError"
    assert len(failed.failure.fingerprint) == 12
    assert "model: no" not in repr(record)


async def test_a_generator_flow_records_when_it_is_exhausted(sink: CollectingSink) -> None:
    open_run("req_1", sink)

    numbers = [number async for number in counting(3)]

    assert numbers == [0, 2, 4]
    (record,) = sink.ended_records
    assert record.state == "Completed"
    assert [step.name for step in record.steps] == ["count_up", "double", "double", "double"]


async def test_a_generator_flow_that_is_closed_early_is_cancelled(sink: CollectingSink) -> None:
    open_run("req_1", sink)
    numbers = counting(3)
    await anext(numbers)

    await numbers.aclose()

    (record,) = sink.ended_records
    assert record.state == "Cancelled"
    assert record.failure is None


@DECORATES
async def test_a_cancelled_flow_is_recorded_as_cancelled(sink: CollectingSink) -> None:
    started = asyncio.Event()

    @task(name="wait")
    async def wait() -> None:
        started.set()
        await asyncio.Event().wait()

    @flow(name="waiting")
    async def waiting() -> None:
        await wait()

    async def run() -> None:
        open_run("req_1", sink)
        await waiting()

    running = asyncio.ensure_future(run())
    await started.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    (record,) = sink.ended_records
    assert (record.state, record.steps[0].state) == ("Cancelled", "Cancelled")


@DECORATES
async def test_a_step_is_tried_again_as_often_as_it_says(sink: CollectingSink) -> None:
    tries = 0

    @task(name="flaky", retries=2, retry_delay_seconds=0)
    async def flaky() -> str:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise UpstreamError("not yet")
        return "done"

    @flow(name="trying")
    async def trying() -> str:
        return str(await flaky())

    open_run("req_1", sink)
    assert await trying() == "done"
    assert sink.ended_records[0].steps[0].attempts == 3


@DECORATES
async def test_a_step_that_takes_too_long_times_out(sink: CollectingSink) -> None:
    @task(name="stuck", timeout_seconds=0.01)
    async def stuck() -> None:
        await asyncio.Event().wait()

    @flow(name="sticking")
    async def sticking() -> None:
        await stuck()

    open_run("req_1", sink)
    with pytest.raises(UpstreamTimeoutError):
        await sticking()
    assert sink.ended_records[0].state == "Failed"


async def test_a_run_is_over_when_its_flow_is(sink: CollectingSink) -> None:
    open_run("req_1", sink)
    await arithmetic(1)

    assert current_run() is None


@flow(name="opens-another")
async def opening_another(sink: CollectingSink) -> list[str]:
    double(1)
    open_run("req_2", sink)
    await arithmetic(1)
    run = current_run()
    double(2)
    return [] if run is None else [run.record.name]


async def test_a_run_that_is_opened_within_another_one_gives_its_context_back(sink: CollectingSink) -> None:
    open_run("req_1", sink)

    assert await opening_another(sink) == ["req_1"]

    assert [(record.name, len(record.steps)) for record in sink.ended_records] == [("req_2", 2), ("req_1", 2)]
    assert sink.named("req_2").parent is None


def test_prefect_stores_scalars_of_parameters_and_only_types_of_the_rest() -> None:
    stored = arithmetic.serialize_parameters(
        {"id": "req_1", "count": 2, "body": {"secret": "prompt"}, "raw": b"prompt"}
    )

    assert stored == {"id": "req_1", "count": 2, "body": "<dict>", "raw": "<bytes>"}
    assert arithmetic.serialize_parameters({"a": "x" * 65, "b": "x\ny"}) == {"a": "<str>", "b": "<str>"}
