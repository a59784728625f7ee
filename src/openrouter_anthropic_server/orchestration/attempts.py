"""How often a body of a flow or task is tried in a recorded run, and how long it may take."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from openrouter_anthropic_server.errors import UpstreamTimeoutError
from openrouter_anthropic_server.orchestration.recorded_run import RecordedRun
from openrouter_anthropic_server.ports.run_records import StepRecord

T = TypeVar("T")


class StepTimeoutError(UpstreamTimeoutError, TimeoutError):
    """A flow or task took longer than its `timeout_seconds`. A `TimeoutError` too, as under Prefect's engine."""


@dataclass(slots=True)
class Trial:
    """One call of a body: in which run, as which step (None for a flow), and at which attempt it is."""

    run: RecordedRun
    step: StepRecord | None = None
    attempt: int = 1


@dataclass(frozen=True)
class Attempts:
    """What a flow or task called `name` is given: `retries` after the first attempt, seconds per attempt.

    `delays` are seconds before each retry; the last one counts for all that follow, none means at once. A
    generator is tried again only before its first item. Its `timeout` covers all of it, the time that its
    consumer takes included, but only its own steps are interrupted.
    """

    name: str
    retries: int = 0
    delays: Sequence[float] = ()
    timeout: float | None = None

    def delay(self, attempt: int) -> float:
        """Seconds to wait after the failure of attempt number `attempt` (from 1)."""
        return float(self.delays[min(attempt, len(self.delays)) - 1]) if self.delays else 0.0

    async def worth_another(self, trial: Trial, error: Exception) -> bool:
        """Whether a further attempt makes sense after this failure."""
        return self.worth_another_now(trial, error)

    def worth_another_now(self, trial: Trial, error: Exception) -> bool:
        """The same, for bodies that cannot wait."""
        return True

    async def call(self, trial: Trial, start: Callable[[], Awaitable[T]]) -> T:
        """The result of a coroutine function's body, which `start` starts."""
        while True:
            try:
                return await self.within_time(start(), self.deadline())
            except BaseException as error:
                if not await self.again(trial, error):
                    raise

    def call_now(self, trial: Trial, start: Callable[[], T]) -> T:
        """The result of a plain function's body."""
        while True:
            try:
                return start()
            except BaseException as error:
                if not self.again_now(trial, error):
                    raise

    async def again(self, trial: Trial, error: BaseException) -> bool:
        """Whether there is another attempt after `error`; if so, its time has come."""
        if not isinstance(error, Exception) or trial.attempt > self.retries:
            return False
        if not await self.worth_another(trial, error):
            return False
        delay = self.delay(trial.attempt)
        self._next_attempt(trial, error, f"next in {delay:g} s" if delay else "next at once")
        await asyncio.sleep(delay)
        _count(trial)
        return True

    def again_now(self, trial: Trial, error: BaseException) -> bool:
        """The same, for bodies that cannot wait."""
        if not isinstance(error, Exception) or trial.attempt > self.retries:
            return False
        if not self.worth_another_now(trial, error):
            return False
        self._next_attempt(trial, error, "next at once")
        _count(trial)
        return True

    def deadline(self) -> float | None:
        """When an attempt that begins now has to be over, on the event loop's clock."""
        return None if self.timeout is None else asyncio.get_running_loop().time() + self.timeout

    async def within_time(self, work: Awaitable[T], deadline: float | None) -> T:
        """The result of `work`; `StepTimeoutError` if it is not there by then."""
        if deadline is None:
            return await work
        try:
            async with asyncio.timeout_at(deadline) as limit:
                return await work
        except TimeoutError:
            if not limit.expired():
                raise
            raise self.too_late() from None

    def too_late(self) -> StepTimeoutError:
        """The error of an attempt that takes too long."""
        return StepTimeoutError(f"{self.name} took longer than {self.timeout:g} s")

    def _next_attempt(self, trial: Trial, error: Exception, when: str) -> None:
        what = f"{self.name}, attempt {trial.attempt} of {self.retries + 1}"
        trial.run.attempt_failed(what, trial.step, error, when)


def _count(trial: Trial) -> None:
    trial.attempt += 1
    if trial.step is not None:
        trial.step.attempts = trial.attempt


def delays_of(body: Any) -> tuple[float, ...]:
    """The seconds before each retry of a Prefect flow or task (`body`).

    Raises `TypeError` for delays and timeouts of a body that is not async: they would block the event loop.
    """
    given = body.retry_delay_seconds
    delays = tuple(given) if isinstance(given, list) else (given or 0.0,)
    if not body.isasync and (body.timeout_seconds is not None or any(delays)):
        raise TypeError(
            f"{body.name}: a retry delay or a timeout of a function that is not async would block the event loop; "
            "make it async, or retry at once"
        )
    return delays
