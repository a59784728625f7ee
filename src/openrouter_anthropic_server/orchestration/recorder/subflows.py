"""Order between runs and their subflows.

A subflow can only be created once its parent's step is a task run, and the parent can only tell which run a step
stands for once that run exists.
"""

import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar
from uuid import uuid4

from openrouter_anthropic_server.orchestration.recorder import payloads, prefect_questions
from openrouter_anthropic_server.orchestration.recorder.payloads import ChildRun
from openrouter_anthropic_server.orchestration.recorder.prefect_api import RunInPrefect
from openrouter_anthropic_server.orchestration.recorder.run_work import RunWork
from openrouter_anthropic_server.orchestration.recorder.sending import EVENTS_PER_REQUEST, Portion, Sender
from openrouter_anthropic_server.ports.run_records import ParentStep, StepRecord

Value = TypeVar("Value")

_MOST_REMEMBERED = 5_000
_LOOK_SECONDS = 0.3
_SEND_AGAIN_SECONDS = 6.0
_GIVE_UP_SECONDS = 60.0
_GIVE_UP_UNKNOWN_SECONDS = 2.0  # parents come first in the spool


class Subflows:
    """Knows which steps of parents exist in Prefect, and which runs the steps stand for.

    `works` are the runs on their way, by name; shared with the delivery.
    """

    def __init__(self, sender: Sender, works: Mapping[str, RunWork], logger: Any) -> None:
        self._sender = sender
        self._works = works
        self._log = logger
        self._there: OrderedDict[str, RunInPrefect] = OrderedDict()
        self._steps: OrderedDict[str, None] = OrderedDict()
        self._sent_at: dict[str, float] = {}
        self._look_at = 0.0

    def remember(self, work: RunWork) -> None:
        """The run is in Prefect; others may ask for it after it is settled."""
        if work.there is not None and (work.record.parent or any(step.child for step in work.record.steps)):
            _keep(self._there, work.record.name, work.there)

    def interrupted(self, *, memory_gone: bool) -> None:
        """The connection was lost: the time does not count as waiting, and what was sent may be lost."""
        if memory_gone:
            self._sent_at.clear()
        for work in self._works.values():
            work.waiting_since = None

    def forget_prefect(self) -> None:
        """Another server: nothing is known of it."""
        self._there.clear()
        self._steps.clear()
        self._sent_at.clear()

    def may_be_created(self, work: RunWork) -> bool:
        """Whether the run has no parent, or its parent's step is there to hang it on."""
        parent = work.record.parent
        return parent is None or work.orphan or payloads.task_run_id(parent.run, parent.step) in self._steps

    async def prepare_parents(self, works: Sequence[RunWork]) -> None:
        """Bring the steps that these runs wait for into Prefect; one look at all of them in each round."""
        waiting = [work for work in works if work.there is None and not self.may_be_created(work)]
        if not waiting:
            return
        await self._find_parents(waiting)
        await self._send_steps(waiting)
        now = time.monotonic()
        if self._sent_at and now >= self._look_at:
            self._look_at = now + _LOOK_SECONDS
            for step in await prefect_questions.task_runs_there(self._sender.api, list(self._sent_at)):
                _keep(self._steps, step, None)
                self._sent_at.pop(step, None)
        for work in waiting:
            self._give_up_in_time(work, now)

    def forget_step(self, work: RunWork) -> None:
        """The step that this run hangs on is not there after all."""
        if work.record.parent is not None:
            self._steps.pop(payloads.task_run_id(work.record.parent.run, work.record.parent.step), None)

    async def find_children(self, works: Sequence[RunWork]) -> None:
        """Look up subflows of these runs that are neither on their way nor remembered."""
        asking = [work for work in works if not work.children_looked_up]
        names = {
            name for work in asking for name in _children(work) if name not in self._works and name not in self._there
        }
        if names:
            for name, run in (await prefect_questions.runs_by_name(self._sender.api, sorted(names))).items():
                _keep(self._there, name, run)
        for work in asking:
            work.children_looked_up = True

    def children_are_there(self, work: RunWork) -> bool:
        """Whether all subflows that can still come have come: those that are over, with their end."""
        return all(self._is_there(name) for name in _children(work))

    def children(self, work: RunWork) -> dict[str, ChildRun]:
        """What the run's steps stand for, as far as known."""
        found: dict[str, ChildRun] = {}
        for name in _children(work):
            child = self._works.get(name)
            run = child.there if child is not None else self._there.get(name)
            if run is not None:
                found[name] = ChildRun(run.flow_run_id, run.state_at)
        return found

    def _is_there(self, name: str) -> bool:
        child = self._works.get(name)
        return child is None or child.settled or (child.closed if child.over else child.there is not None)

    async def _find_parents(self, waiting: Sequence[RunWork]) -> None:
        missing: set[str] = set()
        for parent in _parents(waiting):
            known = self._works.get(parent.run)
            if known is not None:
                known.needed = True
            elif parent.run not in self._there:
                missing.add(parent.run)
        if missing:
            for name, run in (await prefect_questions.runs_by_name(self._sender.api, sorted(missing))).items():
                _keep(self._there, name, run)

    async def _send_steps(self, waiting: Sequence[RunWork]) -> None:
        now, portions, steps = time.monotonic(), list[Portion](), dict[str, str]()
        for work, parent in zip(waiting, _parents(waiting), strict=True):
            step = payloads.task_run_id(parent.run, parent.step)
            run = self._parent_run(parent.run)
            if run is None or now - self._sent_at.get(step, -_SEND_AGAIN_SECONDS) < _SEND_AGAIN_SECONDS:
                continue
            # Only the first one has the usual id: a server passes over an event that it has seen, and lost.
            again = f"/{uuid4()}" if step in self._sent_at else ""
            event = payloads.event(parent.run, run.flow_run_id, self._running_step(parent, work), again=again)
            portions.append(Portion(work, [event]))
            steps[work.record.name] = step

        def taken(portion: Portion) -> None:
            self._sent_at[steps[portion.work.record.name]] = now

        await self._sender.together(portions, EVENTS_PER_REQUEST, self._sender.api.create_events, taken)

    def _parent_run(self, name: str) -> RunInPrefect | None:
        known = self._works.get(name)
        return known.there if known is not None else self._there.get(name)

    def _running_step(self, parent: ParentStep, child: RunWork) -> StepRecord:
        """The parent's step as it was when the subflow began; its record may not show it yet."""
        known = self._works.get(parent.run)
        for step in known.record.steps if known is not None else ():
            if step.index == parent.step:
                return replace(step, state="Running", ended=None, failure=None)
        return StepRecord(parent.step, payloads.flow_name(child.record), child.record.started)

    def _give_up_in_time(self, work: RunWork, now: float) -> None:
        """A parent that never comes (there was no room for its record) must not hold up its subflow for ever."""
        if work.waiting_since is None:
            work.waiting_since = now
        parent = work.record.parent
        known = parent is not None and (parent.run in self._works or parent.run in self._there)
        limit = _GIVE_UP_SECONDS if known else _GIVE_UP_UNKNOWN_SECONDS
        if now - work.waiting_since > limit and not self.may_be_created(work):
            work.orphan = True
            if parent is not None:
                self._sent_at.pop(payloads.task_run_id(parent.run, parent.step), None)
            self._log.warning("recording_without_parent", request_id=work.record.name)


def _children(work: RunWork) -> list[str]:
    return [step.child for step in work.record.steps if step.child]


def _parents(works: Sequence[RunWork]) -> list[ParentStep]:
    return [work.record.parent for work in works if work.record.parent is not None]


def _keep(known: OrderedDict[str, Value], name: str, value: Value) -> None:
    known[name] = value
    known.move_to_end(name)
    while len(known) > _MOST_REMEMBERED:
        known.popitem(last=False)
