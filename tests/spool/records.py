"""Run records for tests of the spool, and what they look like when they are read again."""

import time
from collections.abc import Callable, Iterable

from structlog import wrap_logger
from structlog.testing import LogCapture

from openrouter_anthropic_server.orchestration.spool.reader import SpooledEntry, WriterSpool
from openrouter_anthropic_server.ports.run_records import Failure, LogLine, ParentStep, RunRecord, StepRecord

_STEPS = ("read_request", "convert_request", "choose_backend", "call_upstream", "run_tool:Bash", "write_answer")

_FILLER = "." * 620


def run_record(number: int, *, notes: int = 2, content: dict[str, str] | None = None) -> RunRecord:
    """A finished run of six steps, about 2 KB as a line."""
    started = 1_000_000_000 + number / 7
    return RunRecord(
        name=f"req_{number:06d}",
        started=started,
        flow="create_message",
        ended=started + 1,
        state="Failed",
        failure=Failure("UpstreamError", "0123456789ab"),
        tags=["model:a/b", "stream:true", "session:0f0f"],
        facts={"number": number, "cost": 0.125, "model_used": "a/b", "cached": True, "stop": None},
        notes=[f"left_out top_k: {note}{_FILLER}" for note in range(notes)],
        steps=[
            StepRecord(index, name, started, started + 0.5, "Completed", (index - 1,) if index else (), 2)
            for index, name in enumerate(_STEPS)
        ],
        logs=[LogLine(started, "INFO", "begun"), LogLine(started, "ERROR", "failed", 3)],
        parent=ParentStep("req_0", 4),
        content=content,
    )


def ended_numbers(entries: Iterable[SpooledEntry]) -> list[int]:
    """The numbers of the runs that ended, in order."""
    runs = (entry.entry.run for entry in entries if entry.entry.kind == "ended")
    return [int(run.name.removeprefix("req_")) for run in runs if run is not None]


def dropped_counts(entries: Iterable[SpooledEntry]) -> list[int]:
    """What the `dropped` entries say, in order."""
    return [entry.entry.count for entry in entries if entry.entry.kind == "dropped"]


def read_all(spool: WriterSpool) -> list[SpooledEntry]:
    """Everything that can be read now."""
    entries: list[SpooledEntry] = []
    while more := spool.read():
        entries += more
    return entries


def wait_until(condition: Callable[[], object], seconds: float = 20) -> None:
    """Wait for `condition`, or fail."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)


class CapturedLog(LogCapture):
    """A structlog logger in `logger`; its events are in `entries`."""

    def __init__(self) -> None:
        super().__init__()
        self.logger = wrap_logger(None, processors=[self])

    def events(self) -> list[str]:
        """The names of the events, in order."""
        return [entry["event"] for entry in self.entries]
