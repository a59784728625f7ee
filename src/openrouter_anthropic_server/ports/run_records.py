"""What a recorded run leaves behind, and who takes it."""

from dataclasses import dataclass, field
from typing import Literal, Protocol

State = Literal["Running", "Completed", "Failed", "Cancelled", "Crashed"]
"""`Crashed` is set by whoever finds the run of a process that died; a run itself never ends in it."""

Fact = str | int | float | bool | None

Level = Literal["DEBUG", "INFO", "WARNING", "ERROR"]


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a step or run failed: kinds only, never the text of an error, which can quote content.

    `kind` is the exception's class; `fingerprint` groups failures of one cause (12 hex digits).
    """

    kind: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of a run's log. `at` is seconds since the epoch; `step` the index of the step that it belongs to."""

    at: float
    level: Level
    message: str
    step: int | None = None


@dataclass(frozen=True, slots=True)
class ParentStep:
    """The step that a run is the subflow of: the parent run's name and the step's index in it."""

    run: str
    step: int


@dataclass(slots=True)
class StepRecord:
    """One task of a run. Times are seconds since the epoch.

    `upstream` holds the indices of the steps that it followed (several after concurrent ones); `child` is the
    name of the run that this step stands for, if it is a subflow.
    """

    index: int
    name: str
    started: float
    ended: float | None = None
    state: State = "Running"
    upstream: tuple[int, ...] = ()
    attempts: int = 1
    failure: Failure | None = None
    child: str | None = None


@dataclass(slots=True)
class RunRecord:
    """One run as the dashboard shows it. `name` is the request id, unique for ever (`<parent>-<step>` for a subflow).

    `tags`, `facts` and `logs` hold labels, counts, model names and error kinds, never prompts, answers,
    tool inputs or keys. `notes` are what conversion changed, as `kind path: detail`. `content` holds what was
    asked and answered, by name, and only where the operator turned that on.
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
    logs: list[LogLine] = field(default_factory=list)
    parent: ParentStep | None = None
    content: dict[str, str] | None = None


class RunSink(Protocol):
    """Takes run records; never waits and never fails its caller."""

    def begun(self, record: RunRecord) -> None:
        """A run has begun; the record goes on to change until `ended`."""
        ...

    def ended(self, record: RunRecord) -> None:
        """A run is over; the record does not change any more."""
        ...
