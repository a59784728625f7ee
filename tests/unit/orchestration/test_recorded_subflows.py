"""Flows that are called by a recorded flow: runs of their own, each with its step in the run that called it."""

import asyncio
from collections.abc import AsyncGenerator, Generator
from contextlib import aclosing

import pytest

from openrouter_anthropic_server.orchestration.flow import flow
from openrouter_anthropic_server.orchestration.record_limits import MAX_STEPS
from openrouter_anthropic_server.orchestration.recorded_run import current_run, open_run
from openrouter_anthropic_server.orchestration.task import task
from openrouter_anthropic_server.ports.run_records import ParentStep, RunRecord
from tests.unit.orchestration.recording import CollectingSink


@pytest.fixture(name="sink")
def _sink() -> CollectingSink:
    return CollectingSink()


def _here() -> str:
    run = current_run()
    return "none" if run is None else run.record.name


@task(name="step")
def step() -> str:
    return _here()


@task(name="step_later")
async def step_later() -> str:
    await asyncio.sleep(0)
    return _here()


@flow(name="coroutine", tags=["kind:child"])
async def coroutine() -> list[str]:
    return [_here(), step(), await step_later()]


@flow(name="function")
def function() -> list[str]:
    return [_here(), step()]


@flow(name="async-items")
async def async_items(count: int) -> AsyncGenerator[str, None]:
    for _ in range(count):
        await asyncio.sleep(0)
        yield step()
    yield _here()


@flow(name="items")
def items(count: int) -> Generator[str, None, str]:
    for _ in range(count):
        yield step()
    return _here()


@flow(name="refuse")
async def refuse() -> None:
    await step_later()
    raise ValueError("a secret")


@flow(name="wait")
async def wait(reached: asyncio.Event) -> None:
    reached.set()
    await asyncio.Event().wait()


@flow(name="parent")
async def parent() -> list[str]:
    first = step()
    return [first, *await coroutine(), *function(), _here()]


async def test_a_flow_within_a_flow_is_a_run_of_its_own(sink: CollectingSink) -> None:
    open_run("req_1", sink, ["session:s"])

    assert await parent() == ["req_1", "req_1-1", "req_1-1", "req_1-1", "req_1-2", "req_1-2", "req_1"]

    record = sink.named("req_1")
    assert [(step.name, step.child, step.state, step.upstream) for step in record.steps] == [
        ("step", None, "Completed", ()),
        ("coroutine", "req_1-1", "Completed", (0,)),
        ("function", "req_1-2", "Completed", (1,)),
    ]
    child = sink.named("req_1-1")
    assert (child.flow, child.parent, child.tags) == (
        "coroutine",
        ParentStep("req_1", 1),
        ["session:s", "kind:child"],
    )
    assert [step.name for step in child.steps] == ["step", "step_later"]
    assert record.tags == ["session:s"]


async def test_times_of_a_subflow_lie_within_its_step(sink: CollectingSink) -> None:
    open_run("req_1", sink)
    await parent()

    step, child = sink.named("req_1").steps[1], sink.named("req_1-1")
    times = [step.started, child.started, child.steps[0].started, child.steps[-1].ended, child.ended, step.ended]
    assert times == sorted(times)  # type: ignore[type-var]


async def test_subflows_begin_after_and_end_before_their_parent(sink: CollectingSink) -> None:
    open_run("req_1", sink)
    await parent()

    assert [record.name for record in sink.begun_records] == ["req_1", "req_1-1", "req_1-2"]
    assert [record.name for record in sink.ended_records] == ["req_1-1", "req_1-2", "req_1"]


@flow(name="grandparent")
async def grandparent() -> None:
    await parent()


async def test_subflows_can_have_subflows(sink: CollectingSink) -> None:
    open_run("req_1", sink)
    await grandparent()

    assert [record.name for record in sink.ended_records] == ["req_1-0-1", "req_1-0-2", "req_1-0", "req_1"]
    assert sink.named("req_1-0-1").parent == ParentStep("req_1-0", 1)


@flow(name="handles")
async def handling() -> str:
    try:
        await refuse()
    except ValueError:
        return step()
    return "unreachable"


async def test_a_failed_subflow_fails_its_step_but_not_a_parent_that_handles_it(sink: CollectingSink) -> None:
    open_run("req_1", sink)

    assert await handling() == "req_1"

    parent, child = sink.named("req_1"), sink.named("req_1-0")
    assert (parent.state, parent.steps[0].state, child.state) == ("Completed", "Failed", "Failed")
    assert parent.steps[0].failure == child.failure
    assert child.failure is not None
    assert child.failure.kind == "ValueError"
    assert parent.steps[1].upstream == (0,)
    assert "secret" not in repr([parent, child])


@flow(name="beside-each-other")
async def beside_each_other() -> tuple[list[str], list[str], list[str]]:
    async def own() -> list[str]:
        found = []
        for _ in range(4):
            await asyncio.sleep(0)
            found.append(_here())
        return found

    return await asyncio.gather(coroutine(), own(), coroutine())


async def test_a_subflow_changes_nothing_for_what_runs_beside_it(sink: CollectingSink) -> None:
    open_run("req_1", sink)

    first, own, second = await beside_each_other()

    assert (first, own, second) == (["req_1-0"] * 3, ["req_1"] * 4, ["req_1-1"] * 3)
    assert [step.upstream for step in sink.named("req_1").steps] == [(), ()]


@flow(name="interleaves")
async def interleaving() -> list[str]:
    left, right, plain = async_items(2), async_items(2), items(2)
    found = [await anext(left), _here(), await anext(right), step(), next(plain), _here()]
    found += [await anext(left), next(plain), await anext(right)]
    found += [item async for item in left] + [item async for item in right] + list(plain)
    return [*found, _here()]


async def test_generators_run_in_their_own_run_whoever_asks_for_their_items(sink: CollectingSink) -> None:
    open_run("req_1", sink)

    assert await interleaving() == [
        *("req_1-0", "req_1", "req_1-1", "req_1", "req_1-3", "req_1"),
        *("req_1-0", "req_1-3", "req_1-1"),
        *("req_1-0", "req_1-1"),
        "req_1",
    ]

    assert [record.state for record in sink.ended_records] == ["Completed"] * 4
    assert [step.name for step in sink.named("req_1").steps] == ["async-items", "async-items", "step", "items"]


async def test_a_generator_flow_runs_in_its_run_when_it_is_read_and_closed_in_other_contexts(
    sink: CollectingSink,
) -> None:
    async def opened() -> AsyncGenerator[str, None]:
        open_run("req_1", sink)
        return closing_later()

    stream = await asyncio.get_running_loop().create_task(opened())
    assert current_run() is None
    assert await anext(stream) == "req_1"
    assert current_run() is None
    await asyncio.get_running_loop().create_task(stream.aclose())

    assert [step.name for step in sink.named("req_1").steps] == ["step", "step_later"]
    assert sink.named("req_1").state == "Cancelled"


@flow(name="closes-later")
async def closing_later() -> AsyncGenerator[str, None]:
    try:
        yield step()
    finally:
        await step_later()


@flow(name="closes")
async def closing() -> None:
    async with aclosing(async_items(5)) as stream:
        await anext(stream)
    plain = items(5)
    next(plain)
    plain.close()
    step()


async def test_subflows_that_are_closed_early_are_cancelled_at_once(sink: CollectingSink) -> None:
    open_run("req_1", sink)
    await closing()

    record = sink.named("req_1")
    assert [(step.name, step.state) for step in record.steps] == [
        ("async-items", "Cancelled"),
        ("items", "Cancelled"),
        ("step", "Completed"),
    ]
    assert [record.state for record in sink.ended_records] == ["Cancelled", "Cancelled", "Completed"]
    assert sink.named("req_1-0").logs[-1].message.endswith("the run that called it did not wait for it")


@flow(name="stops-waiting")
async def stopping_to_wait() -> None:
    async with asyncio.timeout(0.01):
        await wait(asyncio.Event())


async def test_cancelling_reaches_the_subflow(sink: CollectingSink) -> None:
    open_run("req_1", sink)

    with pytest.raises(TimeoutError):
        await stopping_to_wait()

    assert [(record.name, record.state) for record in sink.ended_records] == [
        ("req_1-0", "Cancelled"),
        ("req_1", "Failed"),
    ]


@flow(name="leaves-a-flow-behind")
async def leaving_a_flow_behind(left: list[asyncio.Future[None]], reached: asyncio.Event) -> None:
    left.append(asyncio.ensure_future(wait(reached)))
    await reached.wait()


async def test_a_subflow_that_nobody_waits_for_ends_before_its_parent(sink: CollectingSink) -> None:
    left: list[asyncio.Future[None]] = []
    open_run("req_1", sink)
    await leaving_a_flow_behind(left, asyncio.Event())

    assert [(record.name, record.state) for record in sink.ended_records] == [
        ("req_1-0", "Cancelled"),
        ("req_1", "Completed"),
    ]
    left[0].cancel()
    await asyncio.wait(left)
    assert len(sink.ended_records) == 2


@flow(name="overflows")
async def overflowing() -> list[str]:
    for _ in range(MAX_STEPS):
        step()
    return await coroutine()


async def test_a_subflow_without_a_step_to_hang_on_runs_but_is_not_recorded(sink: CollectingSink) -> None:
    open_run("req_1", sink)
    name = f"req_1-{MAX_STEPS + 1}"

    assert await overflowing() == [name] * 3

    assert [record.name for record in sink.begun_records] == ["req_1"]
    assert [record.name for record in sink.ended_records] == ["req_1"]


@flow(name="keeps")
async def keeping() -> None:
    await coroutine_with_content()


@flow(name="child-keeps")
async def coroutine_with_content() -> None:
    run = current_run()
    assert run is not None
    run.content("question", "what?")


@pytest.mark.parametrize("keep", [True, False])
async def test_subflows_keep_content_if_their_parent_does(sink: CollectingSink, keep: bool) -> None:
    open_run("req_1", sink, keep_content=keep)
    await keeping()

    assert sink.named("req_1-0").content == ({"question": "what?"} if keep else None)


@flow(name="tagged", tags=["a", "b"])
def tagged() -> None:
    """Nothing to do."""


async def test_tags_of_a_flow_are_tags_of_its_run_once_each(sink: CollectingSink) -> None:
    open_run("req_1", sink, ["b"])
    tagged()
    open_run("req_2", sink)
    tagged.with_options(tags=["c"])()

    tags: dict[str, list[str]] = {record.name: record.tags for record in sink.ended_records}
    assert (sorted(tags["req_1"]), tags["req_2"]) == (["a", "b"], ["c"])


class Watching(CollectingSink):
    """Notes which run is the context's while records arrive."""

    def __init__(self) -> None:
        super().__init__()
        self.current: list[str] = []

    def ended(self, record: RunRecord) -> None:
        """Note it."""
        super().ended(record)
        self.current.append(_here())


async def test_what_a_sink_logs_at_the_end_of_a_subflow_is_no_line_of_the_parents_log() -> None:
    sink = Watching()
    open_run("req_1", sink)
    await parent()
    open_run("req_2", sink)
    await interleaving()
    open_run("req_3", sink)
    await leaving_a_flow_behind([], asyncio.Event())

    assert set(sink.current) == {"none"}
