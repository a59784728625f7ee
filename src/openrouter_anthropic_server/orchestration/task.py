"""A Prefect task that runs without Prefect's engine inside a recorded run."""

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from string import Formatter
from typing import Any, ParamSpec, TypeVar, cast

import prefect
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.states import Failed
from prefect.utilities.math import clamped_poisson_interval

from openrouter_anthropic_server.observability.labels import label
from openrouter_anthropic_server.orchestration.attempts import Attempts, Trial, delays_of
from openrouter_anthropic_server.orchestration.generators import (
    AsyncItems,
    End,
    Items,
    patient,
    relay,
    relay_async,
)
from openrouter_anthropic_server.orchestration.recorded_run import RecordedRun, run_of_context
from openrouter_anthropic_server.ports.run_records import StepRecord

P = ParamSpec("P")
R = TypeVar("R")

Args = tuple[Any, ...]
Options = Mapping[str, Any]


class Task(prefect.Task[P, R]):
    """One step of a run: a function of a module (not a method), of any of the four kinds.

    Inside a recorded run, calling it calls the function directly and notes name, times, state and
    attempts; anywhere else Prefect's engine runs it. The same object, so the same code, both ways.

    What differs inside a recorded run, on purpose:

    - A step follows the steps that had ended (not as cancelled) when it began. Prefect knows only whose results
      it was given, and takes a step to follow a generator that is still running if it was given one of its items.
    - Failures leave their error's kind and fingerprint, never its text.
    - What is cancelled is Cancelled (Prefect: Crashed). A generator that is closed early is closed at once and
      Cancelled (Prefect: Completed, and an async one stays Running until it is collected).
    - Too late is a `StepTimeoutError`: a `TimeoutError` like Prefect's, and an answer for the client.
    - A generator is tried again only before its first item (Prefect gives the first items again), and takes what
      is sent and thrown into it (Prefect drops what is sent). The time that its consumer takes counts for its
      timeout, but only its own steps are interrupted.
    - `submit` and `map` are refused: use `asyncio.gather` or an `asyncio.TaskGroup`. There is no `return_state`
      and no `wait_for`.
    - Results are not cached, hooks (`on_completion` and the like) not called, tags of a task not kept;
      for `get_run_logger` use `current_run().log`.
    """

    def __init__(self, fn: Callable[P, R], **options: Any) -> None:
        super().__init__(fn, **options)
        self._prepare()

    def _prepare(self) -> None:
        """Choose once how calls are recorded; raises `TypeError` for options that would block or do nothing."""
        self._attempts = _attempts(self)
        self._name_of = _name_of(self)
        plain = self._attempts is None and self._name_of is None
        kinds: dict[tuple[bool, bool], Callable[..., Any]] = {
            (True, False): _record_coroutine if plain else _record_patient_coroutine,
            (False, False): _record_function if plain else _record_patient_function,
            (True, True): _record_async_items,
            (False, True): _record_items,
        }
        self._inline: Callable[..., R] = kinds[self.isasync, self.isgenerator]

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:  # type: ignore[override] # without Prefect's own options
        """Run the step; what the call returns is what the undecorated function would return."""
        run = run_of_context()
        if run is None:
            return super().__call__(*args, **kwargs)
        return self._inline(self, run, args, kwargs)

    def submit(self, *args: Any, **kwargs: Any) -> Any:
        """Prefect's `submit`; raises `RuntimeError` inside a recorded run."""
        self._refuse_futures("submit")
        return super().submit(*args, **kwargs)

    def map(self, *args: Any, **kwargs: Any) -> Any:
        """Prefect's `map`; raises `RuntimeError` inside a recorded run."""
        self._refuse_futures("map")
        return super().map(*args, **kwargs)

    def _refuse_futures(self, method: str) -> None:
        if run_of_context() is not None:
            raise RuntimeError(
                f"{self.name}.{method}() needs Prefect's engine, which does not run this flow: "
                "await asyncio.gather(...) over calls of the task"
            )

    def with_options(self, **options: Any) -> "Task[P, R]":
        """A copy with other options; Prefect's own would return its base class."""
        base = super().with_options(**options)
        copy = Task.__new__(Task)
        copy.__dict__.update(base.__dict__)
        copy._prepare()
        return copy

    def _begin(self, run: RecordedRun, args: Args, kwargs: Options) -> StepRecord:
        return run.begin_step(self.name if self._name_of is None else self._name_of(args, kwargs))


def task(*, name: str, **options: Any) -> Callable[[Callable[P, R]], Task[P, R]]:
    """Make a function a step called `name`. Results are neither cached nor kept by Prefect.

    Of Prefect's options, `retries`, `retry_delay_seconds`, `retry_jitter_factor`, `retry_condition_fn`,
    `timeout_seconds` (per attempt) and `task_run_name` hold inside a recorded run too. A function that is not
    async takes neither delay nor timeout (`TypeError`): it would block the event loop.
    """
    # Prefect's settings for all tasks of a machine are not meant for these.
    options = {"retries": 0, "retry_delay_seconds": 0, **options}

    def decorate(function: Callable[P, R]) -> Task[P, R]:
        return Task(function, name=name, cache_policy=NO_CACHE, persist_result=False, **options)

    return decorate


def _record_function(step_task: Task[..., R], run: RecordedRun, args: Args, kwargs: Options) -> R:
    step = run.begin_step(step_task.name)
    try:
        result = step_task.fn(*args, **kwargs)
    except BaseException as error:
        run.end_step(step, error)
        raise
    run.end_step(step)
    return result


async def _record_coroutine(step_task: Task[..., Any], run: RecordedRun, args: Args, kwargs: Options) -> Any:
    step = run.begin_step(step_task.name)
    try:
        result = await step_task.fn(*args, **kwargs)
    except BaseException as error:
        run.end_step(step, error)
        raise
    run.end_step(step)
    return result


def _record_patient_function(step_task: Task[..., R], run: RecordedRun, args: Args, kwargs: Options) -> R:
    step = step_task._begin(run, args, kwargs)
    attempts = step_task._attempts or Attempts(step_task.name)
    try:
        result = attempts.call_now(Trial(run, step), partial(step_task.fn, *args, **kwargs))
    except BaseException as error:
        run.end_step(step, error)
        raise
    run.end_step(step)
    return result


async def _record_patient_coroutine(step_task: Task[..., Any], run: RecordedRun, args: Args, kwargs: Options) -> Any:
    step = step_task._begin(run, args, kwargs)
    attempts = step_task._attempts or Attempts(step_task.name)
    try:
        result = await attempts.call(Trial(run, step), partial(step_task.fn, *args, **kwargs))
    except BaseException as error:
        run.end_step(step, error)
        raise
    run.end_step(step)
    return result


def _record_async_items(step_task: Task[..., Any], run: RecordedRun, args: Args, kwargs: Options) -> AsyncItems:
    return relay_async(partial(_begin_items, step_task, run, args, kwargs))


def _record_items(step_task: Task[..., Any], run: RecordedRun, args: Args, kwargs: Options) -> Items:
    return relay(partial(_begin_items, step_task, run, args, kwargs))


def _begin_items(
    step_task: Task[..., Any], run: RecordedRun, args: Args, kwargs: Options
) -> tuple[RecordedRun, Any, End]:
    start = partial(step_task.fn, *args, **kwargs)
    items = start()
    step = step_task._begin(run, args, kwargs)
    if step_task._attempts is not None:
        items = patient(step_task._attempts, Trial(run, step), items, start)
    return run, items, partial(run.end_step, step)


@dataclass(frozen=True)
class _TaskAttempts(Attempts):
    """With what only tasks have: a jitter, and a condition in the form that Prefect gives it."""

    of: "Task[..., Any] | None" = None
    jitter: float | None = None
    condition: Callable[..., Any] | None = None

    def delay(self, attempt: int) -> float:
        delay = super().delay(attempt)
        return clamped_poisson_interval(delay, clamping_factor=self.jitter) if self.jitter else delay

    async def worth_another(self, trial: Trial, error: Exception) -> bool:
        if self.condition is None:
            return True
        try:
            answer = self.condition(self.of, *_failed_run(trial, error))
            return bool(await answer if inspect.isawaitable(answer) else answer)
        except Exception as broken:
            _note_broken(trial, broken)
            raise error from error.__cause__

    def worth_another_now(self, trial: Trial, error: Exception) -> bool:
        if self.condition is None:
            return True
        try:
            return bool(self.condition(self.of, *_failed_run(trial, error)))
        except Exception as broken:
            _note_broken(trial, broken)
            raise error from error.__cause__


def _failed_run(trial: Trial, error: Exception) -> tuple[TaskRun, State]:
    """What Prefect's engine gives a retry condition: the run, with its count of attempts, and its state."""
    assert trial.step is not None
    name, index = trial.step.name, str(trial.step.index)
    run = TaskRun(name=name, task_key=name, dynamic_key=index, run_count=trial.attempt)
    return run, Failed(data=error, message=f"Task run encountered unexpected exception: {error!r}")


def _note_broken(trial: Trial, broken: Exception) -> None:
    trial.run.attempt_failed("retry condition", trial.step, broken, "no further attempt")


def _attempts(step_task: Task[..., Any]) -> _TaskAttempts | None:
    """How often and for how long `step_task` is tried; None: once, for as long as it takes."""
    delays = delays_of(step_task)
    condition = step_task.retry_condition_fn
    if condition is not None and not inspect.isfunction(condition):
        raise TypeError(f"{step_task.name}: Prefect never retries on a retry_condition_fn that is not a function")
    if not step_task.isasync and inspect.iscoroutinefunction(condition):
        raise TypeError(f"{step_task.name}: the retry_condition_fn of a function that is not async is not either")
    if step_task.retries == 0 and step_task.timeout_seconds is None:
        return None
    jitter = step_task.retry_jitter_factor
    return _TaskAttempts(
        step_task.name, step_task.retries, delays, step_task.timeout_seconds, step_task, jitter, condition
    )


def _name_of(step_task: Task[..., Any]) -> Callable[[Args, Options], str] | None:
    """What names a step after the arguments of its call, if its task wants that."""
    template = step_task.task_run_name
    if template is None:
        return None
    signature = inspect.signature(step_task.fn)
    if isinstance(template, str):
        _refuse_unknown_fields(step_task.name, template, signature)
        make: Callable[[dict[str, Any]], str] = partial(_formatted, template)
    elif "parameters" in inspect.signature(template).parameters:
        make = cast(Callable[[dict[str, Any]], str], template)
    else:
        return lambda _args, _kwargs: label(cast(Callable[[], str], template)())

    def name(args: Args, kwargs: Options) -> str:
        try:
            call = signature.bind(*args, **kwargs)
        except TypeError:
            # The call itself fails with a better message.
            return step_task.name
        call.apply_defaults()
        return label(make(call.arguments))

    return name


def _formatted(template: str, parameters: dict[str, Any]) -> str:
    return template.format(**parameters)


def _refuse_unknown_fields(name: str, template: str, signature: inspect.Signature) -> None:
    fields = {re.split(r"[.\[]", field)[0] for _, field, _, _ in Formatter().parse(template) if field is not None}
    if unknown := sorted(fields - signature.parameters.keys()):
        raise TypeError(f"{name}: task_run_name has fields that are not parameters: {unknown}")
