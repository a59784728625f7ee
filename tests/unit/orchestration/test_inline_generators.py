"""Generators inside a recorded run do what generators do: they take values and errors, return, and close at once."""

import asyncio
import contextvars
from collections.abc import AsyncGenerator, Callable, Generator

import pytest

from openrouter_anthropic_server.orchestration.flow import flow
from openrouter_anthropic_server.orchestration.recorded_run import current_run, open_run
from openrouter_anthropic_server.orchestration.task import task
from tests.unit.orchestration.recording import CollectingSink

AsyncEcho = Callable[[list[str]], AsyncGenerator[str, str | None]]
Echo = Callable[[list[str]], Generator[str, str | None, str]]


@pytest.fixture(name="sink")
def _sink() -> CollectingSink:
    return CollectingSink()


async def _async_echo(seen: list[str]) -> AsyncGenerator[str, str | None]:
    try:
        answer = "ready"
        while answer != "stop":
            try:
                answer = (yield answer) or "nothing"
            except KeyError:
                answer = "caught"
            await asyncio.sleep(0)
    finally:
        run = current_run()
        seen.append(f"closed in {run and run.record.flow}")


def _echo(seen: list[str]) -> Generator[str, str | None, str]:
    try:
        answer = "ready"
        while answer != "stop":
            try:
                answer = (yield answer) or "nothing"
            except KeyError:
                answer = "caught"
        return "stopped"
    finally:
        run = current_run()
        seen.append(f"closed in {run and run.record.flow}")


async_echo_task = task(name="async-echo-task")(_async_echo)
async_echo_patient = task(name="async-echo-patient", retries=1, timeout_seconds=5)(_async_echo)
async_echo_flow = flow(name="echo")(_async_echo)
async_echo_timed_flow = flow(name="echo", timeout_seconds=5)(_async_echo)
echo_task = task(name="echo-task")(_echo)
echo_patient = task(name="echo-patient", retries=1)(_echo)
echo_flow = flow(name="echo")(_echo)
echo_retried_flow = flow(name="echo", retries=1)(_echo)

ASYNC = pytest.mark.parametrize(
    "echo",
    [async_echo_task, async_echo_patient, async_echo_flow, async_echo_timed_flow],
    ids=["task", "patient task", "flow", "timed flow"],
)
PLAIN = pytest.mark.parametrize(
    "echo",
    [echo_task, echo_patient, echo_flow, echo_retried_flow],
    ids=["task", "patient task", "flow", "retried flow"],
)


@ASYNC
async def test_an_async_generator_takes_values_and_errors(sink: CollectingSink, echo: AsyncEcho) -> None:
    open_run("req_1", sink)
    items = echo([])

    assert await anext(items) == "ready"
    assert await items.asend("a") == "a"
    assert await items.asend(None) == "nothing"
    assert await items.athrow(KeyError()) == "caught"
    assert await anext(items) == "nothing"
    with pytest.raises(StopAsyncIteration):
        await items.asend("stop")
    with pytest.raises(StopAsyncIteration):
        await anext(items)


@PLAIN
async def test_a_generator_takes_values_and_errors_and_returns(sink: CollectingSink, echo: Echo) -> None:
    open_run("req_1", sink)
    items = echo([])

    assert next(items) == "ready"
    assert items.send("a") == "a"
    assert items.throw(KeyError()) == "caught"
    with pytest.raises(StopIteration) as end:
        items.send("stop")
    assert end.value.value == "stopped"


@ASYNC
async def test_an_error_that_the_body_does_not_handle_comes_back(sink: CollectingSink, echo: AsyncEcho) -> None:
    run = open_run("req_1", sink)
    seen: list[str] = []
    items = echo(seen)
    await anext(items)

    with pytest.raises(ValueError, match="thrown"):
        await items.athrow(ValueError("thrown"))

    assert len(seen) == 1
    assert [step.state for step in run.record.steps] == ["Failed"] * len(run.record.steps)
    assert run.open or run.record.state == "Failed"


@PLAIN
async def test_an_error_that_a_plain_body_does_not_handle_comes_back(sink: CollectingSink, echo: Echo) -> None:
    open_run("req_1", sink)
    seen: list[str] = []
    items = echo(seen)
    next(items)

    with pytest.raises(ValueError, match="thrown"):
        items.throw(ValueError("thrown"))

    assert len(seen) == 1


@ASYNC
async def test_closing_closes_the_body_at_once(sink: CollectingSink, echo: AsyncEcho) -> None:
    run = open_run("req_1", sink)
    seen: list[str] = []
    items = echo(seen)
    await anext(items)

    await items.aclose()

    assert len(seen) == 1
    assert {run.record.state, *[step.state for step in run.record.steps]} <= {"Running", "Cancelled"}


@PLAIN
async def test_closing_closes_a_plain_body_at_once(sink: CollectingSink, echo: Echo) -> None:
    open_run("req_1", sink)
    seen: list[str] = []
    items = echo(seen)
    next(items)

    items.close()

    assert len(seen) == 1


@ASYNC
async def test_a_generator_that_is_closed_before_its_first_item_leaves_nothing(
    sink: CollectingSink, echo: AsyncEcho
) -> None:
    run = open_run("req_1", sink)
    seen: list[str] = []

    await echo(seen).aclose()

    assert (seen, run.record.steps, sink.begun_records) == ([], [], [])


@flow(name="outer")
async def outer(seen: list[str]) -> None:
    for echo in (async_echo_task, async_echo_flow):
        items = echo(seen)
        await anext(items)
        # In a context that has never heard of this run, as a collector's would be.
        closing = asyncio.get_running_loop().create_task(items.aclose(), context=contextvars.Context())
        await closing
    for plain in (echo_task, echo_flow):
        lines = plain(seen)
        next(lines)
        contextvars.Context().run(lines.close)


async def test_a_body_is_closed_in_its_own_run(sink: CollectingSink) -> None:
    open_run("req_1", sink)
    seen: list[str] = []

    await outer(seen)

    assert seen == ["closed in outer", "closed in echo", "closed in outer", "closed in echo"]
    assert [record.state for record in sink.ended_records] == ["Cancelled", "Cancelled", "Completed"]


@task(name="hang")
async def hang(seen: list[str]) -> AsyncGenerator[int, None]:
    try:
        yield 1
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        seen.append("cancelled")
        raise


@flow(name="hanging")
async def hanging(seen: list[str]) -> AsyncGenerator[int, None]:
    async for number in hang(seen):
        yield number


async def _read(seen: list[str]) -> None:
    async for _ in hanging(seen):
        seen.append("item")


async def test_cancelling_reaches_the_body(sink: CollectingSink) -> None:
    open_run("req_1", sink)
    seen: list[str] = []
    reading = asyncio.ensure_future(_read(seen))
    await asyncio.sleep(0)
    reading.cancel()

    with pytest.raises(asyncio.CancelledError):
        await reading

    assert seen == ["item", "cancelled"]
    record = sink.named("req_1")
    assert (record.state, record.steps[0].state) == ("Cancelled", "Cancelled")


@flow(name="stubborn")
async def stubborn() -> AsyncGenerator[int, None]:
    try:
        yield 1
    finally:
        yield 2


async def test_a_body_that_will_not_close_is_an_error_as_always(sink: CollectingSink) -> None:
    open_run("req_1", sink)
    items = stubborn()
    await anext(items)

    with pytest.raises(RuntimeError, match="ignored GeneratorExit"):
        await items.aclose()

    assert sink.named("req_1").state == "Failed"
