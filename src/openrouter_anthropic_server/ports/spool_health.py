"""How the spool fares into which this process writes its runs."""

from typing import Protocol


class SpoolHealth(Protocol):
    """Figures of this process alone; the recorder's are in its state."""

    @property
    def dropped(self) -> int:
        """Run records that found no room since the start."""
        ...

    @property
    def problem(self) -> str | None:
        """In one line why records are dropped now; None while they are not."""
        ...

    @property
    def open_runs(self) -> int:
        """Runs that have begun and not ended."""
        ...
