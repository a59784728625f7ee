"""What a recorded run leaves behind, and who takes it."""

from dataclasses import dataclass, field
from typing import Literal, Protocol

State = Literal["Running", "Completed", "Failed", "Cancelled"]

Fact = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a step or run failed: kinds only, never the text of an error, which can quote content.

    `kind` is the exception's class; `fingerprint` groups failures of one cause (12 hex digits).
    """

    kind: str
    fingerprint: str


@dataclass(slots=True)
class StepRecord:
    """One task of a run. Times are seconds since the epoch; `upstream` is the `index` of the step before."""

    index: int
    name: str
    started: float
    ended: float | None = None
    state: State = "Running"
    upstream: int | None = None
    attempts: int = 1
    failure: Failure | None = None


@dataclass(slots=True)
class RunRecord:
    """One request as the dashboard shows it. `name` is its request id, unique for ever.

    `tags` and `facts` hold labels, counts, model names and error kinds, never prompts, answers,
    tool inputs or keys. `notes` are what conversion changed, as `kind path: detail`.
    """

    name: str
    started: float
    flow: str = ""
    ended: float | None = None
    state: State = "Running"
    failure: Failure | None = None
    tags: list[str] = field(default_factory=list)
    facts: dict[str, Fact] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    steps: list[StepRecord] = field(default_factory=list)


class RunSink(Protocol):
    """Takes run records; never waits and never fails its caller."""

    def begun(self, record: RunRecord) -> None:
        """A run has begun; the record goes on to change until `ended`."""
        ...

    def ended(self, record: RunRecord) -> None:
        """A run is over; the record does not change any more."""
        ...
