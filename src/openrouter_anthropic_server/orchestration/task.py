"""A Prefect task that runs without Prefect's engine inside a recorded run."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from typing import Any, ParamSpec, TypeVar, cast

import prefect
from prefect.cache_policies import NO_CACHE

from openrouter_anthropic_server.errors import UpstreamTimeoutError
from openrouter_anthropic_server.orchestration.recorded_run import RecordedRun, current_run

P = ParamSpec("P")
R = TypeVar("R")


class Task(prefect.Task[P, R]):
    """One step of a run.

    Inside a recorded run, calling it calls the function directly and notes name, times, state and
    attempts; anywhere else Prefect's engine runs it. The same object, so the same code, both ways.
    """

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:  # type: ignore[override] # without Prefect's own options
        """Run the step; what the call returns is what the undecorated function would return."""
        run = current_run()
        if run is None:
            return super().__call__(*args, **kwargs)
        if self.isasync and self.isgenerator:
            return cast(R, _record_generator(run, self, args, kwargs))
        if self.isasync:
            return cast(R, _record_coroutine(run, self, args, kwargs))
        return _record_function(run, self, args, kwargs)

    def with_options(self, **options: Any) -> "Task[P, R]":
        """A copy with other options; Prefect's own would return its base class."""
        base = super().with_options(**options)
        copy = Task.__new__(Task)
        copy.__dict__.update(base.__dict__)
        return copy


def task(*, name: str, **options: Any) -> Callable[[Callable[P, R]], Task[P, R]]:
    """Make a function a step called `name`. Results are neither cached nor kept by Prefect."""

    def decorate(function: Callable[P, R]) -> Task[P, R]:
        return Task(function, name=name, cache_policy=NO_CACHE, persist_result=False, **options)

    return decorate


def _record_function(run: RecordedRun, step_task: Task[..., R], args: Any, kwargs: Any) -> R:
    step = run.begin_step(step_task.name)
    try:
        result = step_task.fn(*args, **kwargs)
    except BaseException as error:
        run.end_step(step, error)
        raise
    run.end_step(step)
    return result


async def _record_coroutine(run: RecordedRun, step_task: Task[..., Any], args: Any, kwargs: Any) -> Any:
    step = run.begin_step(step_task.name)
    try:
        while True:
            try:
                work = step_task.fn(*args, **kwargs)
                result = await (work if step_task.timeout_seconds is None else _within_time(step_task, work))
                break
            except Exception:
                if step.attempts > step_task.retries:
                    raise
                await asyncio.sleep(_delay(step_task, step.attempts))
                step.attempts += 1
    except BaseException as error:
        run.end_step(step, error)
        raise
    run.end_step(step)
    return result


async def _record_generator(
    run: RecordedRun, step_task: Task[..., Any], args: Any, kwargs: Any
) -> AsyncGenerator[Any, None]:
    step = run.begin_step(step_task.name)
    items = step_task.fn(*args, **kwargs)
    try:
        async for item in items:
            yield item
    except BaseException as error:
        run.end_step(step, error)
        raise
    else:
        run.end_step(step)
    finally:
        await items.aclose()


async def _within_time(step_task: Task[..., Any], work: Coroutine[Any, Any, R] | Awaitable[R]) -> R:
    try:
        async with asyncio.timeout(step_task.timeout_seconds):
            return await work
    except TimeoutError:
        raise UpstreamTimeoutError(f"{step_task.name} took longer than {step_task.timeout_seconds:g} s") from None


def _delay(step_task: Task[..., Any], attempt: int) -> float:
    delays = step_task.retry_delay_seconds
    if isinstance(delays, list):
        return float(delays[min(attempt, len(delays)) - 1]) if delays else 0.0
    return float(delays or 0.0)
