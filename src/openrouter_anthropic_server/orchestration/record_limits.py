"""How much a run record keeps, and what it says about the rest. Keeps nothing of the rest but counts."""

from collections import Counter

from openrouter_anthropic_server.ports.run_records import LogLine, RunRecord, StepRecord

MAX_STEPS = 2_000
"""Most steps of a run; a graph of more cannot be read."""

MAX_UPSTREAM = 100
"""Most steps that one step hangs on: the latest of those that it followed."""

MAX_LOG_LINES = 200
"""Most lines of a run's log, besides those that say how it ended and what was left out."""

MAX_MESSAGE = 1_000
"""Most characters of a log line; what is cut off is shown as an ellipsis."""

MAX_NOTES = 500
"""Most notes of a run, besides the one that says how many were left out."""


NO_ROOM = (-1,)
"""What the steps that a run has no room for hang on, to tell them from others."""


def shown_index(step: StepRecord | None) -> int | None:
    """The step that a log line is about; None if the record has no room for it."""
    return None if step is None or step.index >= MAX_STEPS else step.index


class LeftOut:
    """Counts what a record has no room for."""

    __slots__ = ("counts",)

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def say(self, record: RunRecord, at: float) -> None:
        """Note the counts in the record, at its end; `at` is seconds since the epoch."""
        for kind, count in self.counts.items():
            if kind == "notes":
                record.notes.append(f"left_out notes: {count} more")
            else:
                record.logs.append(LogLine(at, "WARNING", f"{count} more {kind} were left out"))


class _Nowhere:
    """Takes the runs of subflows whose step has no room in their parent's record: they have no place to hang on."""

    def begun(self, record: RunRecord) -> None:
        """Not kept."""

    def ended(self, record: RunRecord) -> None:
        """Not kept."""


NOWHERE = _Nowhere()
