"""Flows of every kind, one per behaviour, to be run by both engines.

Each is called with fresh arguments by `EXAMPLES`; results that follow from each other are objects that Prefect can tell
apart, so that it knows what depends on what.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

import prefect
from prefect.flow_engine import FlowRunTimeoutError
from prefect.task_engine import TaskRunTimeoutError

from openrouter_anthropic_server.errors import UpstreamError
from openrouter_anthropic_server.orchestration.flow import flow
from openrouter_anthropic_server.orchestration.task import task
from tests.flows.recorded_shapes import Shape, in_order


class Part:
    """A result."""

    def __init__(self, *parts: "Part | str") -> None:
        self.text: str = "+".join(part if isinstance(part, str) else f"({part.text})" for part in parts)


class Failing:
    """Fails as often as it is told, then goes on."""

    def __init__(self, times: int) -> None:
        self.left = times

    def once(self) -> None:
        """Fail, or not any more."""
        if self.left > 0:
            self.left -= 1
            raise UpstreamError("not yet")


# ------------------------------------------------------------------ tasks


@task(name="make")
async def make(name: str) -> Part:
    await asyncio.sleep(0)
    return Part(name)


@task(name="join", task_run_name="join:{name}")
async def join(name: str, first: Part, second: Part | None = None) -> Part:
    await asyncio.sleep(0)
    return Part(name, first, *([second] if second else []))


@task(name="text")
def text_of(part: Part) -> str:
    return part.text


@task(name="double")
def double(number: int) -> int:
    return number * 2


@task(name="count_up")
async def count_up(limit: int) -> AsyncGenerator[int, None]:
    for number in range(limit):
        yield number


@task(name="count_down")
def count_down(start: int) -> Generator[int, None, str]:
    while start:
        yield start
        start -= 1
    return "lift-off"


@task(name="refuse")
async def refuse() -> None:
    raise ValueError("no")


@task(name="fetch", retries=2, retry_delay_seconds=[0.01, 0.02])
async def fetch(source: Failing) -> str:
    source.once()
    return "there"


@task(name="read", retries=1)
def read(source: Failing) -> str:
    source.once()
    return "read"


@task(name="stream", retries=1, retry_delay_seconds=0.01)
async def stream(source: Failing) -> AsyncGenerator[str, None]:
    source.once()
    yield "a"
    yield "b"


@task(name="lines", retries=1)
def lines(source: Failing) -> Generator[str, None, None]:
    source.once()
    yield "a"


def _unless_told_otherwise(_task: Any, _run: Any, state: prefect.State[Any]) -> bool:
    return not isinstance(state.data, UpstreamError)


@task(name="choosy", retries=3, retry_condition_fn=_unless_told_otherwise)
async def choosy(source: Failing) -> None:
    source.once()


@task(name="stuck", timeout_seconds=0.05)
async def stuck() -> None:
    await asyncio.Event().wait()


@task(name="drip", timeout_seconds=0.2)
async def drip() -> AsyncGenerator[str, None]:
    yield "drop"
    await asyncio.Event().wait()


@task(name="wait")
async def wait(reached: asyncio.Event) -> None:
    reached.set()
    await asyncio.Event().wait()


# ------------------------------------------------------------------ flows


@flow(name="coroutine", tags=["kind:coroutine"])
async def coroutine_flow() -> str:
    return str(text_of(await join("b", await make("a"))))


@flow(name="function", tags=["kind:plain"])
def function_flow() -> int:
    return double(double(3))


@flow(name="async-generator", tags=["kind:stream"])
async def async_generator_flow(limit: int) -> AsyncGenerator[int, None]:
    async for number in count_up(limit):
        yield double(number)


@flow(name="generator", tags=["kind:items"])
def generator_flow(start: int) -> Generator[int, None, str]:
    result = yield from count_down(start)
    return str(result)


@flow(name="retry-coroutine")
async def retrying(source: Failing) -> str:
    return await fetch(source)


@flow(name="retry-function")
async def retrying_function(source: Failing) -> str:
    return read(source)


@flow(name="retry-async-generator")
async def retrying_stream(source: Failing) -> list[str]:
    return [item async for item in stream(source)]


@flow(name="retry-generator")
def retrying_lines(source: Failing) -> list[str]:
    return list(lines(source))


@flow(name="retry-condition")
async def retrying_if(source: Failing) -> None:
    await choosy(source)


@flow(name="retry-flow", retries=1, retry_delay_seconds=0.01)
async def retried_flow(source: Failing) -> int:
    number = double(2)
    source.once()
    return number


@flow(name="failure")
async def failing() -> None:
    await make("a")
    await refuse()


@flow(name="fallback")
async def falling_back() -> str:
    try:
        await refuse()
    except ValueError:
        return str(text_of(await make("b")))
    return "unreachable"


@flow(name="timeout")
async def timing_out() -> None:
    await stuck()


@flow(name="timeout-generator")
async def timing_out_stream() -> list[str]:
    return [item async for item in drip()]


@flow(name="timeout-flow", timeout_seconds=0.05)
async def timed_flow() -> None:
    await asyncio.Event().wait()


@flow(name="concurrent")
async def concurrent() -> str:
    first = await make("a")
    left, right = await asyncio.gather(join("b", first), join("c", first))
    return str(text_of(await join("d", left, right)))


@flow(name="task-group")
async def in_a_group(reached: asyncio.Event) -> None:
    async def refuse_later() -> None:
        await reached.wait()
        await refuse()

    async with asyncio.TaskGroup() as group:
        group.create_task(wait(reached))
        group.create_task(refuse_later())


@flow(name="nested")
async def nested() -> str:
    part = await inner(await make("a"))
    return str(text_of(part))


@flow(name="inner")
async def inner(part: Part) -> Part:
    return await join("b", part)


@flow(name="nested-function")
async def nested_function() -> int:
    return double(function_flow())


@flow(name="nested-stream")
async def nested_stream(limit: int) -> AsyncGenerator[int, None]:
    async with aclosing(async_generator_flow(limit)) as numbers:
        async for number in numbers:
            yield double(number)


@flow(name="nested-generator")
def nested_generator(start: int) -> list[int]:
    return [double(number) for number in generator_flow(start)]


@flow(name="nested-concurrent")
async def nested_concurrent() -> list[str]:
    first, second = await asyncio.gather(inner(Part("x")), inner(Part("y")))
    return [first.text, second.text]


@flow(name="nested-failure")
async def nested_failure() -> str:
    try:
        await failing()
    except ValueError:
        await make("b")
    return "went on"


@flow(name="cancelled")
async def waiting(reached: asyncio.Event) -> None:
    await wait(reached)


# ------------------------------------------------------------------ how they are called


async def _items(items: AsyncGenerator[Any, None]) -> list[Any]:
    return [item async for item in items]


async def _all_of(items: Generator[Any, None, Any]) -> tuple[list[Any], Any]:
    got = []
    while True:
        try:
            got.append(next(items))
        except StopIteration as end:
            return got, end.value


async def _plain(call: Callable[..., Any], *args: Any) -> Any:
    return call(*args)


async def _closed_early() -> int:
    numbers = async_generator_flow(5)
    first = await anext(numbers)
    await numbers.aclose()
    return first


async def _closed_early_plain() -> int:
    numbers = generator_flow(5)
    first = next(numbers)
    numbers.close()
    return first


async def _cancelled() -> None:
    reached = asyncio.Event()
    running = asyncio.ensure_future(waiting(reached))
    await reached.wait()
    running.cancel()
    await running


# ------------------------------------------------------------------ what Prefect makes of them


def _unchanged(shape: Shape) -> Shape:
    return shape


def _crashed(*names: str) -> Callable[[Shape], Shape]:
    """Prefect says Crashed of what is cancelled; an empty name is the run."""

    def in_prefect(shape: Shape) -> Shape:
        steps = [replace(step, state="Crashed") if step.name in names else step for step in shape.steps]
        return replace(shape, state="Crashed" if "" in names else shape.state, steps=tuple(steps))

    return in_prefect


def _all_in(state: str) -> Callable[[Shape], Shape]:
    """Prefect's state of a generator flow that is closed early, and of its generator task."""

    def in_prefect(shape: Shape) -> Shape:
        steps = [replace(step, state=state) if step.state == "Cancelled" else step for step in shape.steps]
        return replace(shape, state=state, steps=tuple(steps))

    return in_prefect


def _moved_into_the_child(shape: Shape) -> Shape:
    """While a generator subflow is suspended, Prefect's engine takes it for the run of its caller's steps."""
    (child,) = [step for step in shape.steps if step.child is not None]
    assert child.child is not None
    moved = [step for step in shape.steps if step.child is None]
    inner = replace(child.child, steps=in_order([*child.child.steps, *moved]))
    return replace(shape, steps=(replace(child, child=inner),))


@dataclass(frozen=True)
class Example:
    """A call of a flow, and what its docstring says that Prefect's engine makes different.

    `error` is the kind of error that it raises instead, `shape` what it records instead, `left_open` are names of
    steps that it never ends, `knows_more` what it takes to follow on what besides.
    """

    name: str
    call: Callable[[], Awaitable[Any]]
    error: type[Exception] | None = None
    shape: Callable[[Shape], Shape] = _unchanged
    left_open: frozenset[str] = frozenset()
    knows_more: frozenset[tuple[str, str]] = frozenset()


_ITEMS_OF_RUNNING = frozenset({("double", "count_up")})

EXAMPLES = (
    Example("coroutine", coroutine_flow),
    Example("function", lambda: _plain(function_flow)),
    Example("async generator", lambda: _items(async_generator_flow(3)), knows_more=_ITEMS_OF_RUNNING),
    Example("generator", lambda: _all_of(generator_flow(3))),
    Example("coroutine that is retried", lambda: retrying(Failing(2))),
    Example("coroutine that is retried in vain", lambda: retrying(Failing(3))),
    Example("function that is retried", lambda: retrying_function(Failing(1))),
    Example("async generator that is retried", lambda: retrying_stream(Failing(1))),
    Example("generator that is retried", lambda: _plain(retrying_lines, Failing(1))),
    Example("condition against a retry", lambda: retrying_if(Failing(1))),
    Example("flow that is retried", lambda: retried_flow(Failing(1))),
    Example("failure", failing),
    Example("failure that is handled", falling_back),
    Example("timeout", timing_out, error=TaskRunTimeoutError),
    Example("timeout of a generator", timing_out_stream, error=TaskRunTimeoutError),
    Example("timeout of a flow", timed_flow, error=FlowRunTimeoutError),
    Example("concurrent steps", concurrent),
    Example("group of which one fails", lambda: in_a_group(asyncio.Event()), shape=_crashed("wait")),
    Example("nested coroutine", nested),
    Example("nested function", nested_function),
    Example("nested async generator", lambda: _items(nested_stream(2)), shape=_moved_into_the_child),
    Example("nested generator", lambda: _plain(nested_generator, 2), shape=_moved_into_the_child),
    Example("nested flows beside each other", nested_concurrent),
    Example("nested failure that is handled", nested_failure),
    Example(
        "async generator closed early",
        _closed_early,
        shape=_all_in("Failed"),
        left_open=frozenset({"count_up"}),
        knows_more=_ITEMS_OF_RUNNING,
    ),
    Example("generator closed early", _closed_early_plain, shape=_all_in("Completed")),
    Example("cancellation", _cancelled, shape=_crashed("", "wait")),
)
