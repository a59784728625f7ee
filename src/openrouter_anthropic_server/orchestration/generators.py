"""Generator bodies of flows and tasks in a recorded run: relayed item by item, each step of theirs in its run.

A generator runs in the context of whoever asks for the next item, which can be another run's or none.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any

from openrouter_anthropic_server.orchestration.attempts import Attempts, Trial
from openrouter_anthropic_server.orchestration.recorded_run import RecordedRun, leave, make_current, run_of_context

Items = Generator[Any, Any, Any]
AsyncItems = AsyncGenerator[Any, Any]
End = Callable[[BaseException | None], None]


async def relay_async(begin: Callable[[], tuple[RecordedRun, "AsyncItems | PatientAsyncItems", End]]) -> AsyncItems:
    """The items of an async generator; what is sent, thrown or closed reaches it at once.

    `begin` gives the run, the generator, and what to call at its end with the error, if any.
    """
    run, items, end = begin()
    work = items.asend(None)
    try:
        while True:
            token = None if run_of_context() is run else make_current(run)
            try:
                item = await work
            finally:
                if token is not None:
                    leave(token)
            try:
                sent = yield item
            except BaseException as error:
                if isinstance(error, GeneratorExit):
                    await _close(run, items)
                    raise
                work = items.athrow(error)
            else:
                work = items.asend(sent)
    except StopAsyncIteration:
        end(None)
    except BaseException as error:
        end(error)
        raise


def relay(begin: Callable[[], tuple[RecordedRun, Items, End]]) -> Items:
    """The items of a plain generator, and its result; what is sent, thrown or closed reaches it at once."""
    run, items, end = begin()
    try:
        result = yield from _InRun(run, items)
    except BaseException as error:
        end(error)
        raise
    end(None)
    return result


async def _close(run: RecordedRun, items: "AsyncItems | PatientAsyncItems") -> None:
    token = make_current(run)
    try:
        await items.aclose()
    finally:
        leave(token)


class _InRun(Items):
    """A generator whose steps have `run` as the run of their context."""

    def __init__(self, run: RecordedRun, items: Items) -> None:
        self._run = run
        self._items = items

    def send(self, value: Any) -> Any:
        """Go on with a value."""
        token = make_current(self._run)
        try:
            return self._items.send(value)
        finally:
            leave(token)

    def throw(self, *error: Any) -> Any:
        """Go on with an error."""
        token = make_current(self._run)
        try:
            return self._items.throw(*error)
        finally:
            leave(token)


def patient(
    attempts: Attempts, trial: Trial, items: Any, start: Callable[[], Any]
) -> "PatientItems | PatientAsyncItems":
    """A generator of either kind that begins again as long as it fails before its first item."""
    kind = PatientAsyncItems if isinstance(items, AsyncGenerator) else PatientItems
    return kind(attempts, trial, items, start)


class PatientItems(Items):
    """A generator that begins again (`start`) as long as it fails before its first item and has attempts left."""

    def __init__(self, attempts: Attempts, trial: Trial, items: Items, start: Callable[[], Items]) -> None:
        self._attempts = attempts
        self._trial = trial
        self._items = items
        self._start = start
        self._began = False

    def send(self, value: Any) -> Any:
        """Go on with a value."""
        while not self._began:
            try:
                item = next(self._items)
            except StopIteration:
                raise
            except BaseException as error:
                if not self._attempts.again_now(self._trial, error):
                    raise
                self._items = self._start()
            else:
                self._began = True
                return item
        return self._items.send(value)

    def throw(self, *error: Any) -> Any:
        """Go on with an error."""
        return self._items.throw(*error)


class PatientAsyncItems:
    """The same for an async generator, each attempt within its time."""

    def __init__(self, attempts: Attempts, trial: Trial, items: AsyncItems, start: Callable[[], AsyncItems]) -> None:
        self._attempts = attempts
        self._trial = trial
        self._items = items
        self._start = start
        self._deadline: float | None = None
        self._began = False

    async def asend(self, value: Any) -> Any:
        """Go on with a value."""
        while not self._began:
            self._deadline = self._attempts.deadline()
            try:
                item = await self._attempts.within_time(anext(self._items), self._deadline)
            except StopAsyncIteration:
                raise
            except BaseException as error:
                if not await self._attempts.again(self._trial, error):
                    raise
                self._items = self._start()
            else:
                self._began = True
                return item
        if self._deadline is not None and asyncio.get_running_loop().time() >= self._deadline:
            await self._items.aclose()
            raise self._attempts.too_late()
        return await self._attempts.within_time(self._items.asend(value), self._deadline)

    async def athrow(self, error: BaseException) -> Any:
        """Go on with an error."""
        return await self._attempts.within_time(self._items.athrow(error), self._deadline)

    async def aclose(self) -> None:
        """Close the generator."""
        await self._items.aclose()
