"""A Prefect flow that runs without Prefect's engine inside a recorded run."""

import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import aclosing
from functools import partial
from typing import Any, ParamSpec, TypeVar

import prefect

from openrouter_anthropic_server.orchestration.attempts import Attempts, Trial, delays_of
from openrouter_anthropic_server.orchestration.generators import (
    AsyncItems,
    End,
    Items,
    patient,
    relay,
    relay_async,
)
from openrouter_anthropic_server.orchestration.recorded_run import RecordedRun, leave, make_current, run_of_context

P = ParamSpec("P")
R = TypeVar("R")

Args = tuple[Any, ...]
Options = Mapping[str, Any]

_LONGEST_LABEL = 64
_SHOWN = (str, int, float, bool, type(None))


class Flow(prefect.Flow[P, R]):
    """One run in the dashboard: a function of a module (not a method), of any of the four kinds.

    Inside an open recorded run, calling it calls the function directly and closes the run with the
    state it ended in; a flow that is called by a running flow becomes a subflow, with a run of its own.
    Anywhere else Prefect's engine runs it.

    What differs inside a recorded run, on purpose, besides what `Task` says of times, generators and errors:

    - The run has the name it was opened with, a subflow `<parent>-<index of its step>`; not `flow_run_name`.
    - A run that is cancelled, or whose generator is closed early, is Cancelled (Prefect: Crashed, Completed, or
      Failed for an async generator). Steps and subflows that nobody waited for end as Cancelled with it.
    - What the caller of a generator subflow does between two items is the caller's (Prefect records it in the
      subflow).
    - Attempts of a flow are lines of its log, not counted elsewhere.
    - Tags are the run's and its subflows' (Prefect gives them to task runs too, and takes a deployment's instead
      of the flow's). Hooks are not called, and there is no task runner.
    """

    def __init__(self, fn: Callable[P, R], *, tags: Iterable[str] = (), **options: Any) -> None:
        super().__init__(fn, **options)
        self.tags = frozenset(tags)
        self._prepare()

    def _prepare(self) -> None:
        """Choose once how calls are recorded; raises `TypeError` for options that would block the event loop."""
        delays = delays_of(self)
        limited = self.retries > 0 or self.timeout_seconds is not None
        self._attempts = Attempts(self.name, self.retries, delays, self.timeout_seconds) if limited else None
        kinds: dict[tuple[bool, bool], Callable[..., Any]] = {
            (True, False): _record_coroutine,
            (False, False): _record_function,
            (True, True): _record_async_items,
            (False, True): _record_items,
        }
        self._inline: Callable[..., R] = kinds[self.isasync, self.isgenerator]

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:  # type: ignore[override] # without Prefect's own options
        """Run the flow; what the call returns is what the undecorated function would return."""
        run = run_of_context()
        if run is not None:
            return self._inline(self, run, args, kwargs)
        if not self.tags:
            return super().__call__(*args, **kwargs)
        with prefect.tags(*self.tags):
            begun = super().__call__(*args, **kwargs)
        return self._tagged(begun)

    def _tagged(self, begun: Any) -> R:
        """What Prefect's engine returned, to be run with the flow's tags if it has not run yet."""
        kinds: dict[tuple[bool, bool], Callable[[Any, Iterable[str]], Any]] = {
            (True, False): _tagged,
            (True, True): _tagged_async_items,
            (False, True): _tagged_items,
        }
        tagged: Callable[..., R] | None = kinds.get((self.isasync, self.isgenerator))
        return begun if tagged is None else tagged(begun, self.tags)

    def with_options(self, *, tags: Iterable[str] | None = None, **options: Any) -> "Flow[P, R]":
        """A copy with other options; Prefect's own would return its base class."""
        base = super().with_options(**options)
        copy = Flow.__new__(Flow)
        copy.__dict__.update(base.__dict__)
        copy.tags = self.tags if tags is None else frozenset(tags)
        copy._prepare()
        return copy

    def serialize_parameters(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """What Prefect stores of the parameters: numbers and short labels; of anything else only the type."""
        return {
            name: value if _is_label_or_count(value) else f"<{type(value).__name__}>"
            for name, value in parameters.items()
        }


def flow(*, name: str, **options: Any) -> Callable[[Callable[P, R]], Flow[P, R]]:
    """Make a function a flow called `name`.

    `tags` are added to those of its runs. Of Prefect's options, `retries`, `retry_delay_seconds` and
    `timeout_seconds` (per attempt) hold inside a recorded run too. A function that is not async takes neither
    delay nor timeout (`TypeError`): it would block the event loop.
    """
    # Prefect's settings for all flows of a machine are not meant for these.
    options = {"retries": 0, "retry_delay_seconds": 0, **options}

    def decorate(function: Callable[P, R]) -> Flow[P, R]:
        function.__signature__ = _shown_signature(function)  # type: ignore[attr-defined]
        return Flow(function, name=name, validate_parameters=False, persist_result=False, **options)

    return decorate


def _is_label_or_count(value: object) -> bool:
    """Whether a value cannot hold a prompt: a string only if it is short and of one line."""
    if isinstance(value, str):
        return len(value) <= _LONGEST_LABEL and len(value.splitlines()) <= 1
    return isinstance(value, _SHOWN)


def _shown_signature(function: Callable[..., Any]) -> inspect.Signature:
    """The signature that Prefect makes a form of: scalars keep their types, live objects are anything."""
    signature = inspect.signature(function, eval_str=True)
    parameters = [
        parameter if parameter.annotation in _SHOWN else parameter.replace(annotation=Any)
        for parameter in signature.parameters.values()
    ]
    return signature.replace(parameters=parameters)


async def _record_coroutine(run_flow: Flow[..., Any], outer: RecordedRun, args: Args, kwargs: Options) -> Any:
    run = outer.enter(run_flow.name, run_flow.tags)
    token = make_current(run)
    attempts = run_flow._attempts
    try:
        if attempts is None:
            result = await run_flow.fn(*args, **kwargs)
        else:
            result = await attempts.call(Trial(run), partial(run_flow.fn, *args, **kwargs))
    except BaseException as error:
        leave(token)
        run.end(error)
        raise
    leave(token)
    run.end()
    return result


def _record_function(run_flow: Flow[..., R], outer: RecordedRun, args: Args, kwargs: Options) -> R:
    run = outer.enter(run_flow.name, run_flow.tags)
    token = make_current(run)
    attempts = run_flow._attempts or Attempts(run_flow.name)
    try:
        result = attempts.call_now(Trial(run), partial(run_flow.fn, *args, **kwargs))
    except BaseException as error:
        leave(token)
        run.end(error)
        raise
    leave(token)
    run.end()
    return result


def _record_async_items(run_flow: Flow[..., Any], outer: RecordedRun, args: Args, kwargs: Options) -> AsyncItems:
    return relay_async(partial(_begin_items, run_flow, outer, args, kwargs))


def _record_items(run_flow: Flow[..., Any], outer: RecordedRun, args: Args, kwargs: Options) -> Items:
    return relay(partial(_begin_items, run_flow, outer, args, kwargs))


def _begin_items(
    run_flow: Flow[..., Any], outer: RecordedRun, args: Args, kwargs: Options
) -> tuple[RecordedRun, Any, End]:
    start = partial(run_flow.fn, *args, **kwargs)
    items = start()
    run = outer.enter(run_flow.name, run_flow.tags)
    if run_flow._attempts is not None:
        items = patient(run_flow._attempts, Trial(run), items, start)
    return run, items, run.end


async def _tagged(work: Awaitable[R], tags: Iterable[str]) -> R:
    with prefect.tags(*tags):
        return await work


async def _tagged_async_items(items: AsyncItems, tags: Iterable[str]) -> AsyncItems:
    with prefect.tags(*tags):
        async with aclosing(items):
            async for item in items:
                yield item


def _tagged_items(items: Items, tags: Iterable[str]) -> Items:
    with prefect.tags(*tags):
        return (yield from items)
