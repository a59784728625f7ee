"""Brings runs into Prefect: at least once on the wire, exactly once there."""

import time
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

from openrouter_anthropic_server.orchestration.recorder import payloads
from openrouter_anthropic_server.orchestration.recorder.confirmation import Confirmation
from openrouter_anthropic_server.orchestration.recorder.prefect_api import (
    PrefectApi,
    PrefectRefusedError,
    PrefectUnavailableError,
    RunInPrefect,
)
from openrouter_anthropic_server.orchestration.recorder.run_details import RunDetails
from openrouter_anthropic_server.orchestration.recorder.run_work import RunWork, Ticket
from openrouter_anthropic_server.orchestration.recorder.sending import SETTLE_SECONDS, DeliveryCounts, Sender
from openrouter_anthropic_server.orchestration.recorder.subflows import Subflows
from openrouter_anthropic_server.ports.run_records import RunRecord

_RUNS_PER_ROUND = 50
_WAITING_PER_ROUND = 200
_YOUNG_SECONDS = 1.0
"""A run that is over within this time is created in its final state: a request less than begun and ended."""

_MOST_SENDS = 5
_MOST_FAILURES = 5
_HOLD_SECONDS = 0.5


class Delivery:
    """The runs on their way into Prefect.

    `begun`, `ended` and `crashed` take them, `round` does a part of the work. An error of `round` loses nothing:
    after `PrefectUnavailableError`, when Prefect is back, call `interrupted` and `round` again.
    """

    def __init__(self, api: PrefectApi, logger: Any) -> None:
        self.works: dict[str, RunWork] = {}
        self._sender = Sender(api, logger)
        self._log = logger
        self._flows: dict[str, str] = {}
        self._epoch = 0
        self._arrived: list[RunWork] = []
        self._subflows = Subflows(self._sender, self.works, logger)
        self._details = RunDetails(self._sender, self._subflows)
        self._confirmation = Confirmation(self._confirmed)

    @property
    def counts(self) -> DeliveryCounts:
        """What has become of runs so far."""
        return self._sender.counts

    def begun(self, record: RunRecord, *, suspect: bool = False, flow_run_id: str | None = None) -> None:
        """The run is open, and `record` is what is known of it now; with its id in Prefect, where that is known."""
        if self._sender.has_given_up(record.name):
            return
        work = self._work(record, suspect)
        if not work.over:
            work.record = record
        if flow_run_id is not None and work.there is None:
            work.there = RunInPrefect(flow_run_id, "RUNNING", 0.0)

    def ended(self, record: RunRecord, ticket: Ticket, *, suspect: bool = False) -> None:
        """The run is over; `ticket` is settled when that is in Prefect."""
        known = self.works.get(record.name)
        if self._sender.has_given_up(record.name) or (known is not None and known.settled):
            ticket.done = True
            return
        work = self._work(record, suspect)
        if not work.over:
            work.record = payloads.settled(record)
        work.tickets.append(ticket)

    def crashed(self, name: str, at: float, ticket: Ticket) -> None:
        """The process of this open run died; `at` in seconds since the epoch."""
        work = self.works.get(name)
        if work is None or work.settled:  # Prefect refused it
            ticket.done = True
        else:
            self.ended(payloads.crashed(work.record, at), ticket)

    def interrupted(self, *, memory_gone: bool = True) -> None:
        """The connection was lost in between; `memory_gone`: and perhaps what the server had in memory with it."""
        self._subflows.interrupted(memory_gone=memory_gone)
        if memory_gone:
            self._epoch += 1
            self._flows.clear()
        for work in self.works.values():
            if memory_gone:
                work.told.clear()
            if work.suspect:  # requests that were under way may be carried out only now
                self._sender.hold(work, SETTLE_SECONDS)

    def forget_prefect(self) -> None:
        """From now on it is another server, of which nothing is known."""
        self._flows.clear()
        self._arrived.clear()
        self._confirmation.forget()
        self._subflows.forget_prefect()
        for work in self.works.values():
            work.forget_prefect()

    def unfinished(self) -> int:
        """How many runs are over but not confirmed."""
        return sum(work.over for work in self.works.values())

    def problem(self) -> str | None:
        """What keeps single runs from arriving, in one line; None if nothing does."""
        return next((work.problem for work in self.works.values() if work.problem), None)

    def oldest(self) -> float | None:
        """When the oldest of them ended, in seconds since the epoch."""
        return min((work.record.ended for work in self.works.values() if work.record.ended is not None), default=None)

    async def round(self) -> bool:
        """Do a part of the work; whether another round has something to do at once.

        Raises `PrefectUnavailableError`.
        """
        try:
            return await self._round()
        finally:
            self._sweep()

    async def _round(self) -> bool:
        now = time.monotonic()
        due = [work for work in self.works.values() if self._is_due(work, now)]
        waiting = [work for work in due if work.there is None and not self._subflows.may_be_created(work)]
        await self._subflows.prepare_parents(waiting[:_WAITING_PER_ROUND])
        chosen = list(islice(self._in_order(due), _RUNS_PER_ROUND))
        await self._create_all([work for work in chosen if work.there is None])
        await self._report_open([work for work in chosen if not work.over])
        await self._finish([work for work in chosen if work.over and work.there is not None])
        await self._confirm()
        return bool(chosen)

    def _work(self, record: RunRecord, suspect: bool) -> RunWork:
        work = self.works.get(record.name)
        if work is None:
            work = self.works[record.name] = RunWork(record, time.monotonic(), suspect)
        work.suspect |= suspect and not work.sent
        return work

    def _is_due(self, work: RunWork, now: float) -> bool:
        if work.sent or work.settled or work.not_before > now:
            return False
        if work.over:
            return True
        if work.there is None:
            return work.needed or now - work.added >= _YOUNG_SECONDS
        return any((step.index, step.state) not in work.told for step in work.record.steps)

    def _in_order(self, due: Sequence[RunWork]) -> Iterable[RunWork]:
        """Runs that can go on now: first those for which subflows wait, then those that are over."""
        able = [work for work in due if self._can_go_on(work)]
        return sorted(able, key=lambda work: (not work.needed or work.there is not None, not work.over))

    def _can_go_on(self, work: RunWork) -> bool:
        if work.there is None:
            return self._subflows.may_be_created(work)
        return not work.over or self._subflows.children_are_there(work)

    async def _create_all(self, works: Sequence[RunWork]) -> None:
        for name in {payloads.flow_name(work.record) for work in works} - self._flows.keys():
            try:
                self._flows[name] = await self._sender.api.flow_id(name)
            except PrefectRefusedError as error:
                for work in works:
                    if payloads.flow_name(work.record) == name:
                        self._sender.give_up(work, error)
        await self._sender.each((work for work in works if not work.settled), self._create)

    async def _create(self, work: RunWork) -> None:
        flow_id = self._flows.get(payloads.flow_name(work.record))
        if flow_id is None:  # another run of this flow has found in this round that it is unknown
            self._sender.hold(work, _HOLD_SECONDS)
            return
        body = payloads.flow_run(work.record, flow_id, with_parent=not work.orphan)
        try:
            work.there, new = await self._sender.api.create_run(body)
        except PrefectRefusedError as error:
            if error.status != 409:
                raise
            self._unknown_reference(work, error)
            return
        work.told_tags = body["tags"] if new else None
        work.suspect |= not new

    def _unknown_reference(self, work: RunWork, error: PrefectRefusedError) -> None:
        """The flow was deleted meanwhile, or the parent's step is not there after all."""
        work.failures += 1
        if work.failures > _MOST_FAILURES:
            raise error
        self._flows.pop(payloads.flow_name(work.record), None)
        self._subflows.forget_step(work)
        self._sender.hold(work, _HOLD_SECONDS)

    async def _report_open(self, works: Sequence[RunWork]) -> None:
        """What is known of open runs; those that another recorder created may be gone."""
        await self._details.find_out(works)
        await self._details.report_news(_unharmed(works))

    async def _finish(self, works: Sequence[RunWork]) -> None:
        """Everything that hangs on these runs, then their final states."""
        await self._subflows.find_children(works)
        ready = [work for work in works if self._subflows.children_are_there(work)]
        await self._details.find_out(ready)
        # First the state: that finds out whether somebody deleted the run, and an event of such a run would
        # spoil all events that the server writes with it.
        await self._sender.each(_unharmed(ready), self._details.close)
        await self._sender.each(_unharmed(ready), self._details.add_artifacts)
        await self._details.add_logs(_unharmed(ready))
        await self._details.report_steps(_unharmed(ready))
        sent = _unharmed(ready)
        for work in sent:
            work.sent, work.sends = True, work.sends + 1
        self._confirmation.add(sent, self._epoch)

    async def _confirm(self) -> None:
        for loss in await self._confirmation.look(self._sender.api, self._epoch):
            work = loss.work
            work.sends -= loss.explained  # a server that restarts says nothing about the run
            if work.sends >= _MOST_SENDS:
                problem = f"its task runs did not arrive, sent {work.sends} times"
                self._sender.give_up(work, PrefectUnavailableError(problem))
                continue
            self.counts.retried += 1
            work.send_again()
        if self._arrived:
            await self._details.remove_surplus(self._arrived)
            arrived, self._arrived = self._arrived, []
            for work in arrived:
                self._settle(work)

    def _confirmed(self, work: RunWork) -> None:
        """All of it is there; perhaps some of it twice."""
        if work.unsure:
            self._arrived.append(work)
        else:
            self._settle(work)

    def _settle(self, work: RunWork) -> None:
        work.record.content = None  # the largest part; nothing needs it any more
        self.counts.recorded += 1
        self._subflows.remember(work)
        self._sender.settle(work)

    def _sweep(self) -> None:
        for name in [name for name, work in self.works.items() if work.settled]:
            del self.works[name]


def _unharmed(works: Sequence[RunWork]) -> list[RunWork]:
    """Those that nothing has gone wrong with in this round."""
    now = time.monotonic()
    return [work for work in works if work.there is not None and not work.settled and work.not_before <= now]
