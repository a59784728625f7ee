"""A recorded run: the context in which flows and tasks are called directly and their times are noted.

A run is opened before its flow is called and ends with the flow. Flow and Task objects called without a run are
run by Prefect's own engine. What a run leaves running when it ends (a task of asyncio that nobody waits for) goes
on without being recorded: Prefect's engine would block the event loop of the server.
"""

import asyncio
from collections.abc import Collection, Iterable
from contextvars import ContextVar, Token
from time import perf_counter, time

from openrouter_anthropic_server.orchestration.failures import failure_of, is_cancellation, last_line, shown
from openrouter_anthropic_server.orchestration.record_limits import (
    MAX_LOG_LINES,
    MAX_MESSAGE,
    MAX_NOTES,
    MAX_STEPS,
    MAX_UPSTREAM,
    NO_ROOM,
    NOWHERE,
    LeftOut,
    shown_index,
)
from openrouter_anthropic_server.ports.run_records import (
    Fact,
    Level,
    LogLine,
    ParentStep,
    RunRecord,
    RunSink,
    StepRecord,
)


class RecordedRun:
    """One run that is being recorded. Belongs to one request and to the thread of its event loop.

    `open` until its flow is over; after that nothing changes its record any more. `keeps_content` says
    whether `content` keeps anything.
    """

    __slots__ = (
        "_begun",
        "_children",
        "_clock_offset",
        "_frontier",
        "_left_out",
        "_outer",
        "_parent",
        "keeps_content",
        "open",
        "record",
        "sink",
    )

    def __init__(
        self,
        record: RunRecord,
        sink: RunSink,
        clock_offset: float,
        keeps_content: bool = False,
        parent: "tuple[RecordedRun, StepRecord] | None" = None,
    ) -> None:
        self.record = record
        self.sink = sink
        self.keeps_content = keeps_content
        self.open = True
        self._begun = False
        self._clock_offset = clock_offset
        self._frontier: tuple[int, ...] = ()
        self._outer: RecordedRun | None = None
        self._parent = parent
        self._children: dict[int, RecordedRun] | None = None
        self._left_out: LeftOut | None = None

    def now(self) -> float:
        """Seconds since the epoch, unaffected by clock jumps during the run."""
        return self._clock_offset + perf_counter()

    def tag(self, *tags: str) -> None:
        """Add tags to the run; those that it has already count once."""
        if self.open:
            own = self.record.tags
            own.extend([tag for tag in dict.fromkeys(tags) if tag not in own])

    def set_tags(self, **values: str) -> None:
        """Give the run the tags `<key>:<value>`, each in place of the one that it had for the key."""
        if self.open:
            replaced = tuple([f"{key}:" for key in values])
            kept = [tag for tag in self.record.tags if not tag.startswith(replaced)]
            self.record.tags[:] = kept + [f"{key}:{value}" for key, value in values.items()]

    def note(self, lines: Iterable[str]) -> None:
        """Add notes on what conversion changed; the first `MAX_NOTES` are kept."""
        if self.open:
            notes = self.record.notes
            notes.extend(lines)
            if len(notes) > MAX_NOTES:
                self._leave_out("notes", len(notes) - MAX_NOTES)
                del notes[MAX_NOTES:]

    def fact(self, **facts: Fact) -> None:
        """Add facts (labels and counts) to the run."""
        if self.open:
            self.record.facts.update(facts)

    def content(self, name: str, text: str) -> None:
        """Keep `text` (what was asked or answered) as `name`, if the operator wants content to be kept."""
        if self.open and self.keeps_content:
            if self.record.content is None:
                self.record.content = {}
            self.record.content[name] = text

    def log(self, level: Level, message: str, step: int | None = None) -> None:
        """Add a line to the run's log, about the step with the index `step`; the first `MAX_LOG_LINES` are kept.

        The message holds labels, counts and error kinds only, as everything in a record; long ones are cut.
        """
        if not self.open:
            return
        logs = self.record.logs
        if len(logs) >= MAX_LOG_LINES:
            self._leave_out("log lines")
            return
        if len(message) > MAX_MESSAGE:
            message = f"{message[:MAX_MESSAGE]}…"
        logs.append(LogLine(self.now(), level, message, step))

    def begin_step(self, name: str) -> StepRecord:
        """Begin a step; it hangs on all steps that have ended (not cancelled) and that no other followed yet.

        Beyond `MAX_STEPS`, and once the run is over, the step is one that nobody records.
        """
        steps = self.record.steps
        index = len(steps)
        if index >= MAX_STEPS or not self.open:
            return self._unrecorded_step(name)
        step = StepRecord(index, name, self._clock_offset + perf_counter(), None, "Running", self._frontier)
        steps.append(step)
        return step

    def end_step(self, step: StepRecord, error: BaseException | None = None) -> None:
        """End a step with the state that `error` stands for."""
        if not self.open:
            return
        step.ended = self._clock_offset + perf_counter()
        if error is None:
            step.state = "Completed"
        elif is_cancellation(error):
            step.state = "Cancelled"
            return
        else:
            self._fail_step(step, error)
        if self._frontier is step.upstream:
            self._frontier = (step.index,)
        else:
            self._join(step)

    def attempt_failed(self, name: str, step: StepRecord | None, error: BaseException, then: str) -> None:
        """Log that an attempt of `step` (None: of the flow) called `name` failed, and what happens `then`."""
        failure = failure_of(error)
        self.log("WARNING", f"{name}: {shown(failure)}; {then}", shown_index(step))

    def enter(self, flow: str, tags: Collection[str] = ()) -> "RecordedRun":
        """Begin `flow`: this run's own if none has begun yet, else one in a subflow's run, which is returned."""
        run = self._child(flow) if self._begun else self
        run._begun = True
        run.record.flow = flow
        if tags:
            run.tag(*tags)
        run.sink.begun(run.record)
        return run

    def end(self, error: BaseException | None = None) -> None:
        """The flow of this run is over. Further calls change nothing.

        Steps and subflows that have not ended (nobody waits for them any more) end as cancelled before.
        """
        if not self.open:
            return
        record = self.record
        for step in record.steps:
            if step.ended is None:
                self._abandon(step)
        self.open = False
        ended = record.ended = self._clock_offset + perf_counter()
        if self._left_out is not None:
            self._left_out.say(record, ended)
        if error is None:
            record.state = "Completed"
            record.logs.append(LogLine(ended, "INFO", f"Completed after {ended - record.started:.3f} s"))
        else:
            self._end_with(error, ended)
        if self._parent is not None:
            self._end_within_parent(self._parent, error)
            return
        self.sink.ended(record)
        if _current.get() is self:
            _current.set(self._outer)

    def _child(self, flow: str) -> "RecordedRun":
        step = self.begin_step(flow)
        own = self.record
        name = f"{own.name}-{step.index}"
        record = RunRecord(name, step.started, tags=list(own.tags), parent=ParentStep(own.name, step.index))
        # A step that has no place in this run's record any more has no child that hangs on it either.
        sink = NOWHERE if step.upstream is NO_ROOM else self.sink
        child = RecordedRun(record, sink, self._clock_offset, self.keeps_content, (self, step))
        step.child = name
        if self._children is None:
            self._children = {}
        self._children[step.index] = child
        return child

    def _end_within_parent(self, parent: "tuple[RecordedRun, StepRecord]", error: BaseException | None) -> None:
        # What the sink logs belongs to no run, least of all to the parent.
        token = _current.set(self)
        self.sink.ended(self.record)
        leave(token)
        run, step = parent
        if run._children is not None:
            run._children.pop(step.index, None)
        run.end_step(step, error)

    def _abandon(self, step: StepRecord) -> None:
        child = None if self._children is None else self._children.get(step.index)
        if child is not None:
            child.end(asyncio.CancelledError())
        else:
            self.end_step(step, asyncio.CancelledError())

    def _unrecorded_step(self, name: str) -> StepRecord:
        index = MAX_STEPS + self._leave_out("steps")
        return StepRecord(index, name, self.now(), upstream=NO_ROOM)

    def _leave_out(self, kind: str, count: int = 1) -> int:
        if self._left_out is None:
            self._left_out = LeftOut()
        self._left_out.counts[kind] += count
        return self._left_out.counts[kind]

    def _fail_step(self, step: StepRecord, error: BaseException) -> None:
        step.state = "Failed"
        step.failure = failure_of(error)
        tries = f" after {step.attempts} attempts" if step.attempts > 1 else ""
        self.log("ERROR", f"{step.name} failed{tries}: {shown(step.failure)}", shown_index(step))

    def _join(self, step: StepRecord) -> None:
        """Several steps have ended beside each other: the next one follows them all."""
        if step.upstream is not NO_ROOM:
            followed = set(step.upstream)
            others = [index for index in self._frontier if index not in followed]
            self._frontier = (*others, step.index)[-MAX_UPSTREAM:]

    def _end_with(self, error: BaseException, ended: float) -> None:
        record = self.record
        if is_cancellation(error):
            record.state = "Cancelled"
        else:
            record.state, record.failure = "Failed", failure_of(error)
        record.logs.append(last_line(record, ended, within=self._parent is not None))


_current: ContextVar[RecordedRun | None] = ContextVar("recorded_run", default=None)

# Bound once: they are called for every step and item.
run_of_context = _current.get
"""The run of this context, open or not; None without one."""
make_current = _current.set
"""Make a run the one of this context; what it returns is for `leave`."""


def leave(token: Token[RecordedRun | None]) -> None:
    """Undo `make_current`."""
    try:
        _current.reset(token)
    except ValueError:
        # Closed by the collector, in a context which has a run of its own or none.
        return


def open_run(name: str, sink: RunSink, tags: Iterable[str] = (), *, keep_content: bool = False) -> RecordedRun:
    """Open a run named `name` (the request id) for flows called from here on in this context.

    The first flow called is the run; flows that are called within it become its subflows. When it is over, the
    context is as it was before.
    """
    started = time()
    run = RecordedRun(RunRecord(name, started, tags=list(tags)), sink, started - perf_counter(), keep_content)
    run._outer = current_run()
    _current.set(run)
    return run


def current_run() -> RecordedRun | None:
    """The open run of this context, if there is one; within a subflow, the subflow's."""
    run = _current.get()
    return run if run is not None and run.open else None
