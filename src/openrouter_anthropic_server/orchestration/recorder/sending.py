"""Requests to Prefect, and what their failure means for the runs that they were about."""

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from openrouter_anthropic_server.orchestration.recorder.pace import Pace
from openrouter_anthropic_server.orchestration.recorder.prefect_api import (
    Body,
    PrefectApi,
    PrefectError,
    PrefectRefusedError,
    PrefectUnavailableError,
)
from openrouter_anthropic_server.orchestration.recorder.run_work import RunWork

EVENTS_PER_REQUEST = 250  # some 350 KB: proxies often take no more than 1 MB
SETTLE_SECONDS = 1.0
"""After a request whose end nobody knows, so long until Prefect is asked what became of it."""

_LATE_SECONDS = 12.0
"""The same after a time limit: the server may still be at it."""

_HOLD_SECONDS = (0.5, 30.0)
_FAILURES_IN_ROW = 3
_POISON_FAILURES = 6
_POISON_SECONDS = 60.0
_MOST_REFUSED = 5_000


@dataclass(slots=True)
class DeliveryCounts:
    """What has become of runs since the start; the meanings are those of `RecorderState`."""

    recorded: int = 0
    retried: int = 0
    dropped: int = 0


@dataclass(frozen=True, slots=True)
class Portion:
    """Bodies that belong to one run and stay together."""

    work: RunWork
    bodies: list[Body]


class Sender:
    """Sends for runs. One that Prefect refuses is given up; one on which Prefect fails waits while others go on."""

    def __init__(self, api: PrefectApi, logger: Any) -> None:
        self.api = api
        self.counts = DeliveryCounts()
        self._log = logger
        self._pace = Pace()
        self._failed_in_row: set[str] = set()
        self._recorded_when_failing: dict[str, int] = {}
        self._given_up: OrderedDict[str, None] = OrderedDict()

    async def each(self, works: Iterable[RunWork], action: Callable[[RunWork], Awaitable[None]]) -> None:
        """Do `action` for each run, several at once. Raises `PrefectUnavailableError` if that hits all alike."""

        async def attempt(work: RunWork) -> None:
            try:
                await action(work)
                self._failed_in_row.clear()
                work.problem = None
            except PrefectRefusedError as error:
                self.give_up(work, error)
            except PrefectUnavailableError as error:
                self.failed([work], error)

        await self._pace.each(self.api, works, attempt)

    async def together(
        self,
        portions: Sequence[Portion],
        most: int,
        post: Callable[[list[Body]], Awaitable[None]],
        taken: Callable[[Portion], None],
    ) -> None:
        """Post the portions of several runs in requests of about `most` bodies.

        `taken` is called for each portion that Prefect took. What it refuses is told and counted; what it fails
        on is neither.
        """
        for group in _groups(portions, most):
            try:
                await self._post(group, post, taken)
            except PrefectUnavailableError as error:
                self.failed([portion.work for portion in group], error)

    async def _post(
        self,
        group: list[Portion],
        post: Callable[[list[Body]], Awaitable[None]],
        taken: Callable[[Portion], None],
    ) -> None:
        """Post a group; if it is refused, its halves, until the one to blame is alone."""
        try:
            await post([body for portion in group for body in portion.bodies])
        except PrefectRefusedError as error:
            if len(group) == 1:
                self.refused(group[0].work, error)
                return
            middle = len(group) // 2
            await self._post(group[:middle], post, taken)
            await self._post(group[middle:], post, taken)
            return
        self._failed_in_row.clear()
        for portion in group:
            taken(portion)

    def failed(self, works: Sequence[RunWork], error: PrefectUnavailableError) -> None:
        """Prefect failed on these runs: they wait. Raises `error` unless it may be about them alone."""
        self.counts.retried += len(works)
        for work in works:
            if error.unsure:
                work.suspect = work.unsure = True
                self.hold(work, _LATE_SECONDS if error.timed_out else SETTLE_SECONDS)
            if error.item_may_be_bad or (error.unsure and len(works) == 1):
                self._hold(work, error)
            elif error.unsure:  # it may be about one of them: the next time each goes alone
                self._note_failure(work, max(work.failures, 1))
        if error.item_may_be_bad:
            self._failed_in_row |= {work.record.name for work in works}
        if not error.item_may_be_bad or len(self._failed_in_row) >= _FAILURES_IN_ROW:
            raise error

    def hold(self, work: RunWork, seconds: float) -> None:
        """Leave the run alone for a while."""
        work.not_before = max(work.not_before, time.monotonic() + seconds)

    def give_up(self, work: RunWork, error: Exception) -> None:
        """Prefect will never take this run."""
        self._given_up[work.record.name] = None
        while len(self._given_up) > _MOST_REFUSED:
            self._given_up.popitem(last=False)
        self.refused(work, error)
        self.settle(work)

    def has_given_up(self, name: str) -> bool:
        """Whether this run was given up lately."""
        return name in self._given_up

    def refused(self, work: RunWork, error: Exception) -> None:
        """Prefect will never take something of this run; the rest may arrive. Each run counts once."""
        self.counts.dropped += not work.lossy
        work.lossy = True
        # Texts of other errors may quote what the run holds.
        reason = str(error) if isinstance(error, PrefectError) else type(error).__name__
        self._log.error("recording_refused", request_id=work.record.name, flow=work.record.flow, reason=reason)

    def is_hopeless(self, work: RunWork, error: PrefectUnavailableError) -> bool:
        """Whether, after this failure too, nothing but the run can be to blame: others have arrived meanwhile."""
        if not (error.unsure or error.item_may_be_bad) or work.failures + 1 < _POISON_FAILURES:
            return False
        others_arrive = self.counts.recorded > self._recorded_when_failing.get(work.record.name, 0)
        return others_arrive and time.monotonic() - work.failing_since > _POISON_SECONDS

    def settle(self, work: RunWork) -> None:
        """Nothing is left to do for the run."""
        work.settled = True
        self._recorded_when_failing.pop(work.record.name, None)
        for ticket in work.tickets:
            ticket.done = True

    def _hold(self, work: RunWork, error: PrefectUnavailableError) -> None:
        """Later again, each time later; not for ever if only this one fails."""
        if self.is_hopeless(work, error):
            self.give_up(work, error)
            return
        self._note_failure(work, work.failures + 1)
        work.problem = error.problem
        shortest, longest = _HOLD_SECONDS
        self.hold(work, min(shortest * 2 ** min(work.failures, _POISON_FAILURES), longest))

    def _note_failure(self, work: RunWork, failures: int) -> None:
        if work.record.name not in self._recorded_when_failing:
            work.failing_since = time.monotonic()
            self._recorded_when_failing[work.record.name] = self.counts.recorded
        work.failures = failures


def _groups(portions: Sequence[Portion], most: int) -> Iterator[list[Portion]]:
    """Portions for one request each; those of a run that failed before go alone, lest they fail the others."""
    group, count = list[Portion](), 0
    for portion in portions:
        alone = portion.work.failures > 0
        if group and (alone or count + len(portion.bodies) > most):
            yield group
            group, count = [], 0
        group.append(portion)
        count += most if alone else len(portion.bodies)
    if group:
        yield group
