"""What is left to do for one run."""

from dataclasses import dataclass, field
from uuid import uuid4

from openrouter_anthropic_server.orchestration.recorder.prefect_api import RunInPrefect
from openrouter_anthropic_server.ports.run_records import RunRecord, State

FINAL_TYPES = frozenset({"COMPLETED", "FAILED", "CANCELLED", "CRASHED"})


@dataclass(slots=True)
class Ticket:
    """Settled once the run that it was handed out for is in Prefect for good (or never will be)."""

    done: bool = False


@dataclass(slots=True)
class RunWork:
    """One run on its way into Prefect. Times are of the monotonic clock, in seconds.

    `suspect`: parts of it may be there already, so ask before anything is sent that must not be sent twice.
    `artifacts_there`: how many of its artifacts are there, of which the first ones were added first;
    `artifacts_skipped`: how many never will be. `unsure`: a request about it ended so that it may be carried out
    late. `lossy`: something of it will never be in Prefect. `told`: the states of steps that
    were reported while it was open. `needed`: a subflow waits for it, so it is created however young it is.
    `steps_sent`: how many events of its end Prefect has taken, in the last of
    `sends` attempts; `sent`: everything was sent, and only the proof that
    it arrived is missing; `settled`: nothing is left to do; `again`: what sets
    the events apart from those that were sent before. `failures`: how often Prefect failed on it;
    `failing_since` when first, `problem` how last. `waiting_since`: when it began to wait for its parent's run.
    """

    record: RunRecord
    added: float
    suspect: bool = False
    tickets: list[Ticket] = field(default_factory=list)
    there: RunInPrefect | None = None
    told: set[tuple[int, State]] = field(default_factory=set)
    told_tags: list[str] | None = None
    artifacts_there: int = 0
    artifacts_skipped: int = 0
    unsure: bool = False
    lossy: bool = False
    logs_there: bool = False
    steps_sent: int = 0
    sends: int = 0
    sent: bool = False
    settled: bool = False
    again: str = ""
    needed: bool = False
    orphan: bool = False
    recreated: bool = False
    children_looked_up: bool = False
    waiting_since: float | None = None
    not_before: float = 0.0
    failures: int = 0
    failing_since: float = 0.0
    problem: str | None = None

    @property
    def over(self) -> bool:
        """Whether the run's end is known."""
        return self.record.ended is not None

    @property
    def closed(self) -> bool:
        """Whether Prefect shows the run as over."""
        return self.there is not None and self.there.state_type in FINAL_TYPES

    def forget_prefect(self) -> None:
        """Begin anew: the run is not in Prefect (any more)."""
        self.there = None
        self.told.clear()
        self.told_tags = None
        self.artifacts_there = 0
        self.logs_there = False
        self.send_again()

    def send_again(self) -> None:
        """What was sent is lost, or parts of it."""
        self.sent = False
        self.suspect = True
        self.again = f"/{uuid4()}"
