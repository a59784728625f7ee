"""How often and how long flows and tasks are tried inside a recorded run."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import aclosing
from itertools import pairwise
from typing import Any

import prefect
import pytest
from prefect.client.schemas.objects import TaskRun

from openrouter_anthropic_server.errors import UpstreamError
from openrouter_anthropic_server.orchestration.attempts import StepTimeoutError
from openrouter_anthropic_server.orchestration.flow import flow
from openrouter_anthropic_server.orchestration.recorded_run import open_run
from openrouter_anthropic_server.orchestration.task import task
from tests.unit.orchestration.recording import CollectingSink, Failing

DECORATES = pytest.mark.blocking_allowed("Prefect reads the source file of what it decorates")


@pytest.fixture(name="sink")
def _sink() -> CollectingSink:
    return CollectingSink()


@task(name="fetch", retries=3)
async def fetch(source: Failing) -> str:
    source.once()
    return "there"


@task(name="read", retries=3)
def read(source: Failing) -> str:
    source.once()
    return "there"


@task(name="stream", retries=3)
async def stream(before: Failing, after: Failing) -> AsyncGenerator[str, None]:
    before.once()
    yield "a"
    after.once()
    yield "b"


@task(name="lines", retries=3)
def lines(before: Failing, after: Failing) -> Generator[str, None, str]:
    before.once()
    yield "a"
    after.once()
    return "end"


@task(name="empty", retries=1)
async def empty(source: Failing) -> AsyncGenerator[str, None]:
    source.once()
    if source.left:
        yield "nothing"


@pytest.mark.parametrize(("failures", "attempts"), [(0, 1), (2, 3), (3, 4)])
async def test_bodies_of_all_kinds_are_tried_again(sink: CollectingSink, failures: int, attempts: int) -> None:
    run = open_run("req_1", sink)

    assert await fetch(Failing(failures)) == "there"
    assert read(Failing(failures)) == "there"
    assert [item async for item in stream(Failing(failures), Failing(0))] == ["a", "b"]
    assert list(lines(Failing(failures), Failing(0))) == ["a"]

    assert [(step.attempts, step.state) for step in run.record.steps] == [(attempts, "Completed")] * 4


async def test_the_last_failure_is_raised(sink: CollectingSink) -> None:
    run = open_run("req_1", sink)

    with pytest.raises(UpstreamError):
        await fetch(Failing(4))
    with pytest.raises(UpstreamError):
        read(Failing(4))

    assert [(step.attempts, step.state) for step in run.record.steps] == [(4, "Failed")] * 2


async def test_a_generator_is_not_tried_again_after_its_first_item(sink: CollectingSink) -> None:
    run = open_run("req_1", sink)
    after = Failing(1)

    items, plain = stream(Failing(1), after), lines(Failing(1), Failing(1))
    assert (await anext(items), next(plain)) == ("a", "a")
    with pytest.raises(UpstreamError):
        await anext(items)
    with pytest.raises(UpstreamError):
        next(plain)

    assert after.calls == 1
    assert [(step.attempts, step.state) for step in run.record.steps] == [(2, "Failed")] * 2


async def test_a_generator_without_items_is_complete(sink: CollectingSink) -> None:
    run = open_run("req_1", sink)

    assert [item async for item in empty(Failing(1))] == []

    assert [(step.attempts, step.state) for step in run.record.steps] == [(2, "Completed")]


@flow(name="retried", retries=2)
async def retried(source: Failing) -> str:
    first = await fetch(Failing(0))
    source.once()
    return first


@flow(name="retried-lines", retries=1)
def retried_lines(source: Failing) -> Generator[str, None, None]:
    source.once()
    yield "a"


async def test_a_flow_is_tried_again_with_new_steps_in_the_same_run(sink: CollectingSink) -> None:
    open_run("req_1", sink)
    assert await retried(Failing(1)) == "there"
    open_run("req_2", sink)
    assert list(retried_lines(Failing(1))) == ["a"]

    record = sink.named("req_1")
    assert (record.state, [step.upstream for step in record.steps]) == ("Completed", [(), (0,)])
    assert record.logs[0].message.startswith("retried, attempt 1 of 3: UpstreamError")
    assert sink.named("req_2").state == "Completed"


@task(name="patient", retries=3, retry_delay_seconds=[0.01, 0.02])
async def patient(times: list[float]) -> None:
    times.append(asyncio.get_running_loop().time())
    raise UpstreamError("not yet")


async def test_delays_are_waited_for_and_the_last_one_counts_for_the_rest(sink: CollectingSink) -> None:
    open_run("req_1", sink)
    times: list[float] = []

    with pytest.raises(UpstreamError):
        await patient(times)

    waits = [later - earlier for earlier, later in pairwise(times)]
    assert [wait >= expected for wait, expected in zip(waits, [0.01, 0.02, 0.02], strict=True)] == [True] * 3


@task(name="scattered", retries=5, retry_delay_seconds=0.01, retry_jitter_factor=0.5)
async def scattered() -> None:
    raise UpstreamError("not yet")


async def test_a_jitter_spreads_the_delays_within_its_bounds(sink: CollectingSink) -> None:
    run = open_run("req_1", sink)

    with pytest.raises(UpstreamError):
        await scattered()

    delays = {line.message.rsplit("next in ", 1)[1] for line in run.record.logs[:-1]}
    assert len(delays) > 1
    assert all(0 < float(delay.removesuffix(" s")) <= 0.015 for delay in delays)


async def test_cancelling_reaches_a_step_that_waits_for_its_next_attempt(sink: CollectingSink) -> None:
    run = open_run("req_1", sink)
    times: list[float] = []
    waiting = asyncio.ensure_future(patient(times))
    await asyncio.sleep(0)
    waiting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await waiting

    assert (run.record.steps[0].state, run.record.steps[0].attempts, len(times)) == ("Cancelled", 1, 1)


# ------------------------------------------------------------------ conditions


def _not_upstream(_task: Any, run: TaskRun, state: prefect.State[Any]) -> bool:
    return run.run_count < 2 or not isinstance(state.data, UpstreamError)


async def _asked(_task: Any, _run: TaskRun, state: prefect.State[Any]) -> bool:
    error = await state.aresult(raise_on_failure=False)
    return not isinstance(error, UpstreamError)


def _broken(*_: Any) -> bool:
    raise KeyError("a secret")


@task(name="choosy", retries=5, retry_condition_fn=_not_upstream)
async def choosy(source: Failing) -> None:
    source.once()


@task(name="choosy_function", retries=5, retry_condition_fn=_not_upstream)
def choosy_function(source: Failing) -> None:
    source.once()


@task(name="asks", retries=5, retry_condition_fn=_asked)
async def asks(source: Failing) -> None:
    source.once()


@task(name="breaks", retries=5, retry_condition_fn=_broken)
async def breaks(source: Failing) -> None:
    source.once()


@task(name="breaks_function", retries=5, retry_condition_fn=_broken)
def breaks_function(source: Failing) -> None:
    source.once()


async def test_a_condition_decides_on_the_next_attempt_by_the_run_and_its_error(sink: CollectingSink) -> None:
    run = open_run("req_1", sink)

    with pytest.raises(UpstreamError):
        await choosy(Failing(9))
    with pytest.raises(UpstreamError):
        await asks(Failing(9))
    with pytest.raises(UpstreamError):
        choosy_function(Failing(9))

    assert [step.attempts for step in run.record.steps] == [2, 1, 2]


async def test_a_condition_that_fails_itself_means_no_and_is_logged(sink: CollectingSink) -> None:
    run = open_run("req_1", sink)

    with pytest.raises(UpstreamError) as caught:
        await breaks(Failing(9))
    with pytest.raises(UpstreamError):
        breaks_function(Failing(9))

    assert caught.value.__cause__ is None
    notes = [line.message for line in run.record.logs if line.level == "WARNING"]
    assert [(note[:26], note[-19:]) for note in notes] == [
        ("retry condition: KeyError ", "; no further attempt"[1:])
    ] * 2
    assert "secret" not in repr(run.record)


# ------------------------------------------------------------------ timeouts


@task(name="stuck", timeout_seconds=0.01, retries=1)
async def stuck() -> None:
    await asyncio.Event().wait()


@task(name="own", timeout_seconds=5)
async def own_timeout() -> None:
    raise TimeoutError("the socket's")


@task(name="drip", timeout_seconds=0.05)
async def drip(closed: list[str]) -> AsyncGenerator[int, None]:
    try:
        yield 1
        yield 2
        await asyncio.Event().wait()
    finally:
        closed.append("drip")


@flow(name="stuck-flow", timeout_seconds=0.01)
async def stuck_flow() -> None:
    await asyncio.Event().wait()


async def test_each_attempt_has_its_time(sink: CollectingSink) -> None:
    run = open_run("req_1", sink)

    with pytest.raises(StepTimeoutError, match="stuck took longer than 0.01 s") as caught:
        await stuck()

    assert isinstance(caught.value, TimeoutError)
    assert (caught.value.status, caught.value.message) == (504, "stuck took longer than 0.01 s")
    assert (run.record.steps[0].state, run.record.steps[0].attempts) == ("Failed", 2)


async def test_a_timeout_within_the_body_is_its_own(sink: CollectingSink) -> None:
    open_run("req_1", sink)

    with pytest.raises(TimeoutError, match="the socket's") as caught:
        await own_timeout()

    assert not isinstance(caught.value, StepTimeoutError)


async def test_a_generator_is_interrupted_and_closed_when_its_time_is_over(sink: CollectingSink) -> None:
    run = open_run("req_1", sink)
    closed: list[str] = []
    items = drip(closed)

    assert [await anext(items), await anext(items)] == [1, 2]
    with pytest.raises(StepTimeoutError):
        await anext(items)

    assert (closed, run.record.steps[0].state) == (["drip"], "Failed")


async def test_the_time_that_a_consumer_takes_counts_but_is_not_interrupted(sink: CollectingSink) -> None:
    open_run("req_1", sink)
    closed: list[str] = []

    async with aclosing(drip(closed)) as items:
        assert await anext(items) == 1
        await asyncio.sleep(0.06)
        with pytest.raises(StepTimeoutError):
            await anext(items)

    assert closed == ["drip"]


async def test_a_flow_has_its_time_too(sink: CollectingSink) -> None:
    open_run("req_1", sink)

    with pytest.raises(StepTimeoutError, match="stuck-flow took longer than 0.01 s"):
        await stuck_flow()

    assert sink.named("req_1").state == "Failed"


# ------------------------------------------------------------------ what is refused


def _function() -> None:
    """Nothing."""


def _generator() -> Generator[int, None, None]:
    yield 1


@DECORATES
@pytest.mark.parametrize("define", [task, flow])
@pytest.mark.parametrize("function", [_function, _generator])
@pytest.mark.parametrize("options", [{"timeout_seconds": 1}, {"retries": 1, "retry_delay_seconds": 1}])
def test_what_would_block_the_event_loop_is_refused(
    define: Callable[..., Any], function: Callable[..., Any], options: dict[str, Any]
) -> None:
    with pytest.raises(TypeError, match="blocks: .* would block the event loop"):
        define(name="blocks", **options)(function)
    plain = define(name="blocks", retries=1)(function)
    with pytest.raises(TypeError, match="would block the event loop"):
        plain.with_options(**options)


@DECORATES
def test_a_list_of_delays_is_refused_for_a_function_unless_there_is_none() -> None:
    with pytest.raises(TypeError, match="would block the event loop"):
        task(name="blocks", retries=2, retry_delay_seconds=[0, 1])(_function)
    assert task(name="fine", retries=2, retry_delay_seconds=[0, 0])(_function).retries == 2


@DECORATES
def test_conditions_that_could_not_be_asked_are_refused() -> None:
    with pytest.raises(TypeError, match="function that is not async"):
        task(name="asks", retries=1, retry_condition_fn=_asked)(_function)
    with pytest.raises(TypeError, match="is not a function"):
        task(name="asks", retries=1, retry_condition_fn=Failing(0).__class__)(_function)


@DECORATES
def test_settings_of_prefect_for_all_tasks_and_flows_do_not_reach_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    from prefect.settings import (  # noqa: PLC0415
        PREFECT_FLOW_DEFAULT_RETRIES,
        PREFECT_TASK_DEFAULT_RETRIES,
        PREFECT_TASK_DEFAULT_RETRY_DELAY_SECONDS,
        temporary_settings,
    )

    with temporary_settings(
        {
            PREFECT_TASK_DEFAULT_RETRIES: 3,
            PREFECT_TASK_DEFAULT_RETRY_DELAY_SECONDS: 5,
            PREFECT_FLOW_DEFAULT_RETRIES: 3,
        }
    ):
        assert task(name="once")(_function).retries == 0
        assert flow(name="once")(_function).retries == 0
