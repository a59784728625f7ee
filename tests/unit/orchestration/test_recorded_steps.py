"""Which steps a run records, in what state, and which of them follow which."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from openrouter_anthropic_server.orchestration.flow import flow
from openrouter_anthropic_server.orchestration.record_limits import MAX_STEPS, MAX_UPSTREAM
from openrouter_anthropic_server.orchestration.recorded_run import current_run, open_run
from openrouter_anthropic_server.orchestration.task import task
from openrouter_anthropic_server.ports.run_records import RunRecord
from tests.unit.orchestration.recording import CollectingSink


@pytest.fixture(name="sink")
def _sink() -> CollectingSink:
    return CollectingSink()


@task(name="pass", task_run_name="{name}")
async def passing(name: str, gate: asyncio.Event | None = None) -> None:
    await asyncio.sleep(0)
    if gate is not None:
        await gate.wait()


@task(name="refuse")
async def refuse() -> None:
    raise ValueError("no")


@task(name="wait")
async def wait(reached: asyncio.Event) -> None:
    reached.set()
    await asyncio.Event().wait()


@task(name="outer")
async def outer() -> None:
    await passing("inner")


@task(name="items")
async def items() -> AsyncGenerator[int, None]:
    yield 1
    yield 2


def _follows(record: RunRecord) -> dict[str, set[str]]:
    return {step.name: {record.steps[index].name for index in step.upstream} for step in record.steps}


@flow(name="diamond")
async def diamond() -> None:
    await passing("a")
    await asyncio.gather(passing("b"), passing("c"))
    await passing("d")


async def test_steps_beside_each_other_follow_the_same_one_and_are_followed_together(sink: CollectingSink) -> None:
    open_run("req_1", sink)
    await diamond()

    assert _follows(sink.named("req_1")) == {"a": set(), "b": {"a"}, "c": {"a"}, "d": {"b", "c"}}


@flow(name="long-beside-short")
async def long_beside_short() -> None:
    gate = asyncio.Event()

    async def short() -> None:
        await passing("b")
        await passing("c")
        gate.set()

    await passing("a")
    async with asyncio.TaskGroup() as group:
        group.create_task(passing("long", gate))
        group.create_task(short())
    await passing("d")


async def test_a_chain_beside_a_long_step_stays_a_chain(sink: CollectingSink) -> None:
    open_run("req_1", sink)
    await long_beside_short()

    assert _follows(sink.named("req_1")) == {
        "a": set(),
        "long": {"a"},
        "b": {"a"},
        "c": {"b"},
        "d": {"long", "c"},
    }


@flow(name="fallback")
async def falling_back() -> None:
    await passing("a")
    try:
        await refuse()
    except ValueError:
        await passing("b")


async def test_what_handles_a_failure_follows_the_failed_step(sink: CollectingSink) -> None:
    open_run("req_1", sink)
    await falling_back()

    assert _follows(sink.named("req_1")) == {"a": set(), "refuse": {"a"}, "b": {"refuse"}}


@flow(name="give-up")
async def giving_up() -> None:
    reached = asyncio.Event()
    await passing("a")
    waiting = asyncio.ensure_future(wait(reached))
    await reached.wait()
    waiting.cancel()
    await asyncio.wait([waiting])
    await passing("b")


async def test_nothing_follows_a_cancelled_step(sink: CollectingSink) -> None:
    open_run("req_1", sink)
    await giving_up()

    record = sink.named("req_1")
    assert _follows(record) == {"a": set(), "wait": {"a"}, "b": {"a"}}
    assert [step.state for step in record.steps] == ["Completed", "Cancelled", "Completed"]


@flow(name="step-in-step")
async def step_in_step() -> None:
    await passing("a")
    await outer()
    await passing("b")


async def test_a_step_within_a_step_is_a_step_of_the_same_run(sink: CollectingSink) -> None:
    open_run("req_1", sink)
    await step_in_step()

    assert _follows(sink.named("req_1")) == {"a": set(), "outer": {"a"}, "inner": {"a"}, "b": {"outer", "inner"}}


@flow(name="many-beside-each-other")
async def many_beside_each_other(count: int) -> None:
    await asyncio.gather(*[passing(f"{number}") for number in range(count)])
    await passing("last")


async def test_a_step_hangs_on_a_bounded_number_of_steps(sink: CollectingSink) -> None:
    open_run("req_1", sink)
    await many_beside_each_other(MAX_UPSTREAM + 50)

    assert sink.named("req_1").steps[-1].upstream == tuple(range(50, MAX_UPSTREAM + 50))


@flow(name="many")
async def many(count: int) -> None:
    for number in range(count):
        await passing(f"{number}")


async def test_a_run_keeps_its_first_steps_and_says_how_many_more_there_were(sink: CollectingSink) -> None:
    open_run("req_1", sink)
    await many(MAX_STEPS + 3)

    record = sink.named("req_1")
    assert [step.name for step in record.steps] == [f"{number}" for number in range(MAX_STEPS)]
    assert {step.state for step in record.steps} == {"Completed"}
    assert [line.message for line in record.logs][:-1] == ["3 more steps were left out"]


@flow(name="leaves-work-behind")
async def leaving_work_behind(left: list[asyncio.Future[None]]) -> None:
    gate = asyncio.Event()
    left.append(asyncio.ensure_future(passing("left", gate)))
    left.append(asyncio.ensure_future(_later(gate)))
    await asyncio.sleep(0)


async def _later(gate: asyncio.Event) -> None:
    await asyncio.sleep(0.01)
    await passing("too late")
    gate.set()


async def test_what_a_run_leaves_behind_ends_as_cancelled_with_it_and_changes_nothing_any_more(
    sink: CollectingSink,
) -> None:
    left: list[asyncio.Future[None]] = []
    run = open_run("req_1", sink)
    await leaving_work_behind(left)

    record = sink.named("req_1")
    (step,) = record.steps
    assert (step.name, step.state) == ("left", "Cancelled")
    assert step.ended is not None
    assert record.ended is not None
    assert step.started <= step.ended <= record.ended
    before = repr(record)
    run.tag("late")
    run.note(["late"])
    run.fact(late=True)
    run.log("INFO", "late")
    await asyncio.gather(*left)
    assert repr(record) == before


@flow(name="breaks-off")
async def breaking_off() -> AsyncGenerator[int, None]:
    async for item in items():
        yield item
        break


async def test_a_generator_that_is_dropped_ends_as_cancelled(sink: CollectingSink) -> None:
    open_run("req_1", sink)
    assert [item async for item in breaking_off()] == [1]

    record = sink.named("req_1")
    assert (record.state, record.steps[0].state) == ("Completed", "Cancelled")


async def test_steps_are_named_after_their_arguments(sink: CollectingSink) -> None:
    open_run("req_1", sink)
    await naming()

    assert [step.name for step in sink.named("req_1").steps] == ["Read 1", "Read 2", "of 3", "called", "a b"]


@task(name="read", task_run_name="Read {number}")
def read(number: int, unit: str = "page") -> None:
    """Nothing to read."""


@task(name="count", task_run_name=lambda parameters: f"of {parameters['count']}")
async def count(count: int) -> AsyncGenerator[int, None]:
    yield count


@task(name="call", task_run_name=lambda: "called")
async def call() -> None:
    """Nothing to call."""


@flow(name="naming")
async def naming() -> None:
    read(1)
    read(number=2, unit="line")
    async for _ in count(3):
        pass
    await call()
    await passing("a\nb")


def _wrong(*_: object) -> None:
    """Nothing."""


@pytest.mark.blocking_allowed("Prefect reads the source file of what it decorates")
def test_a_name_with_fields_that_are_no_parameters_is_refused() -> None:
    with pytest.raises(TypeError, match=r"wrong: task_run_name has fields that are not parameters: \['name'\]"):
        task(name="wrong", task_run_name="run:{name.first}")(_wrong)


@flow(name="calls-wrongly")
async def calling_wrongly() -> None:
    read(1, "line", 3)  # type: ignore[call-arg]


async def test_a_call_with_wrong_arguments_fails_as_the_function_would(sink: CollectingSink) -> None:
    open_run("req_1", sink)

    with pytest.raises(TypeError, match="takes from 1 to 2 positional arguments but 3 were given"):
        await calling_wrongly()

    assert [(step.name, step.state) for step in sink.named("req_1").steps] == [("read", "Failed")]


@flow(name="submits")
async def submitting(method: str) -> None:
    getattr(passing, method)(["a"])


@pytest.mark.parametrize("method", ["submit", "map"])
async def test_futures_of_prefect_are_refused_in_a_recorded_run(sink: CollectingSink, method: str) -> None:
    open_run("req_1", sink)

    with pytest.raises(RuntimeError, match=f"pass.{method}.* await asyncio.gather"):
        await submitting(method)


async def test_without_a_flow_tasks_are_steps_of_the_open_run(sink: CollectingSink) -> None:
    run = open_run("req_1", sink)
    await passing("a")

    assert current_run() is run
    assert [step.name for step in run.record.steps] == ["a"]
    run.end()
    assert sink.named("req_1").state == "Completed"
