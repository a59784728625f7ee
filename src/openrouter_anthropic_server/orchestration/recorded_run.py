"""A recorded run: the context in which flows and tasks are called directly and their times are noted.

A run is opened before its flow is called and ends with the flow. Flow and Task objects called
outside of any open run are run by Prefect's own engine.
"""

import asyncio
import time
from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass, field

from openrouter_anthropic_server.observability.fingerprints import fingerprint
from openrouter_anthropic_server.ports.run_records import Fact, Failure, RunRecord, RunSink, State, StepRecord


@dataclass(slots=True)
class RecordedRun:
    """One run that is being recorded. Not shared between requests."""

    record: RunRecord
    sink: RunSink
    open: bool = True
    _last_step: int | None = None
    _clock_offset: float = field(default_factory=lambda: time.time() - time.perf_counter())

    def now(self) -> float:
        """Seconds since the epoch, unaffected by clock jumps during the run."""
        return self._clock_offset + time.perf_counter()

    def tag(self, *tags: str) -> None:
        """Add tags to the run."""
        self.record.tags.extend(tags)

    def note(self, lines: Iterable[str]) -> None:
        """Add notes on what conversion changed."""
        self.record.notes.extend(lines)

    def fact(self, **facts: Fact) -> None:
        """Add facts (labels and counts) to the run."""
        self.record.facts.update(facts)

    def begin_step(self, name: str) -> StepRecord:
        """Begin a step; it hangs on the step that was the last to complete."""
        step = StepRecord(len(self.record.steps), name, self.now(), upstream=self._last_step)
        self.record.steps.append(step)
        return step

    def end_step(self, step: StepRecord, error: BaseException | None = None) -> None:
        """End a step with the state that `error` stands for."""
        step.ended = self.now()
        step.state = _state_after(error)
        if error is None:
            self._last_step = step.index
        elif step.state == "Failed":
            step.failure = _failure(error)

    def begin(self, flow: str) -> None:
        """The flow of this run starts."""
        self.record.flow = flow
        self.sink.begun(self.record)

    def end(self, error: BaseException | None = None) -> None:
        """The flow of this run is over. Further calls change nothing."""
        if not self.open:
            return
        self.open = False
        self.record.ended = self.now()
        self.record.state = _state_after(error)
        if error is not None and self.record.state == "Failed":
            self.record.failure = _failure(error)
        self.sink.ended(self.record)


_current: ContextVar[RecordedRun | None] = ContextVar("recorded_run", default=None)


def open_run(name: str, sink: RunSink, tags: Iterable[str] = ()) -> RecordedRun:
    """Open a run named `name` (the request id) for flows called from here on in this context."""
    record = RunRecord(name, time.time(), tags=list(tags))
    run = RecordedRun(record, sink)
    _current.set(run)
    return run


def current_run() -> RecordedRun | None:
    """The open run of this context, if there is one."""
    run = _current.get()
    return run if run is not None and run.open else None


def _state_after(error: BaseException | None) -> State:
    if error is None:
        return "Completed"
    if isinstance(error, asyncio.CancelledError | GeneratorExit):
        return "Cancelled"
    return "Failed"


def _failure(error: BaseException) -> Failure:
    return Failure(type(error).__name__, fingerprint(error))
