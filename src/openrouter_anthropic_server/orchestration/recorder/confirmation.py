"""Proof that task runs arrived: the server takes their events into memory and may lose them."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from openrouter_anthropic_server.orchestration.recorder import prefect_questions
from openrouter_anthropic_server.orchestration.recorder.prefect_api import PrefectApi
from openrouter_anthropic_server.orchestration.recorder.run_work import RunWork

_FIRST_LOOK_SECONDS = 1.1  # a tuned server writes once a second
_NEXT_LOOK_SECONDS = 0.4
_LONGEST_LOOK_SECONDS = 5.0
_OVERDUE_SECONDS = 6.0
_MOST_RUNS = 100


@dataclass(slots=True)
class _Batch:
    """Runs whose events were sent together, and how many of their task runs were seen when.

    `epoch` counts the interruptions of the connection before they were sent.
    """

    works: list[RunWork]
    epoch: int
    look_at: float
    progress_at: float
    pause: float
    seen: int = 0


@dataclass(frozen=True, slots=True)
class Loss:
    """A run whose events are lost, as far as one can tell.

    `explained`: the connection was interrupted since they were sent, so that nothing is wrong with the run itself.
    """

    work: RunWork
    explained: bool


class Confirmation:
    """Holds the runs whose events were sent until their task runs are seen.

    `confirmed` is called with each run that is complete.
    """

    def __init__(self, confirmed: Callable[[RunWork], None]) -> None:
        self._confirmed = confirmed
        self._batches: list[_Batch] = []
        self._lost: list[Loss] = []
        self._look_at = 0.0

    def add(self, works: Sequence[RunWork], epoch: int) -> None:
        """The events of these runs were sent just now."""
        self._settle(work for work in works if not work.steps_sent)
        waiting, now = [work for work in works if work.steps_sent], time.monotonic()
        for start in range(0, len(waiting), _MOST_RUNS):
            portion = waiting[start : start + _MOST_RUNS]
            self._batches.append(_Batch(portion, epoch, now + _FIRST_LOOK_SECONDS, now, _NEXT_LOOK_SECONDS))

    def forget(self) -> None:
        """Wait for nothing any more."""
        self._batches.clear()
        self._lost.clear()

    async def look(self, api: PrefectApi, epoch: int) -> list[Loss]:
        """Settle the runs that have arrived; those whose events are lost.

        Raises `PrefectUnavailableError`; what is found by then is in the next answer.
        """
        if not self._lost:
            await self._look_at_due(api, epoch)
        lost, self._lost = self._lost, []
        return lost

    async def _look_at_due(self, api: PrefectApi, epoch: int) -> None:
        now = time.monotonic()
        due = [batch for batch in self._batches if batch.look_at <= now]
        if not due or now < self._look_at:
            return
        self._look_at = now + _NEXT_LOOK_SECONDS
        every = [work for batch in due for work in batch.works]
        if len(due) > 1 and await _seen(api, every) >= _expected(every):  # the usual case, with one question for all
            for batch in due:
                self._done(batch)
            return
        for batch in due:
            await self._look_at_batch(api, batch, epoch)

    async def _look_at_batch(self, api: PrefectApi, batch: _Batch, epoch: int) -> None:
        seen, now = await _seen(api, batch.works), time.monotonic()
        if seen >= _expected(batch.works):
            self._done(batch)
            return
        if seen > batch.seen:
            batch.seen, batch.progress_at = seen, now
        # Sending again while the server is merely slow would make it slower: each time a longer wait.
        sends = min(work.sends for work in batch.works)
        if epoch == batch.epoch and now - batch.progress_at < _OVERDUE_SECONDS * 2 ** (sends - 1):
            batch.look_at, batch.pause = now + batch.pause, min(batch.pause * 1.5, _LONGEST_LOOK_SECONDS)
            return
        lost = await _incomplete(api, batch.works)
        self._batches.remove(batch)
        self._lost += [Loss(work, explained=epoch != batch.epoch) for work in lost]
        names = {work.record.name for work in lost}
        self._settle(work for work in batch.works if work.record.name not in names)

    def _done(self, batch: _Batch) -> None:
        self._batches.remove(batch)
        self._settle(batch.works)

    def _settle(self, works: Iterable[RunWork]) -> None:
        for work in works:
            self._confirmed(work)


async def _incomplete(api: PrefectApi, works: list[RunWork]) -> list[RunWork]:
    """The runs with too few task runs, found by halving."""
    if await _seen(api, works) >= _expected(works):
        return []
    if len(works) == 1:
        return works
    middle = len(works) // 2
    return await _incomplete(api, works[:middle]) + await _incomplete(api, works[middle:])


async def _seen(api: PrefectApi, works: Sequence[RunWork]) -> int:
    return await prefect_questions.finished_steps(api, [work.there.flow_run_id for work in works if work.there])


def _expected(works: Sequence[RunWork]) -> int:
    return sum(work.steps_sent for work in works)
