"""Run records as requests leave them, for tests of the recorder."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

from openrouter_anthropic_server.orchestration.spool.writer import SpoolWriter
from openrouter_anthropic_server.ports.run_records import Failure, LogLine, RunRecord, StepRecord

STEPS = ("validate_request", "resolve_model", "convert_request", "call_upstream", "convert_answer", "count_tokens")
SPOOL_BYTES = 256 << 20


def finished_run(name: str, *, flow: str = "create_message", ended: float | None = None) -> RunRecord:
    """A run of six steps and four log lines that is over."""
    end = time.time() if ended is None else ended
    start = end - 0.6
    steps = [
        StepRecord(
            index,
            step,
            start + 0.1 * index,
            start + 0.1 * index + 0.09,
            "Completed",
            upstream=(index - 1,) if index else (),
        )
        for index, step in enumerate(STEPS)
    ]
    return RunRecord(
        name,
        start,
        flow,
        end,
        "Completed",
        tags=["model:claude-sonnet-4-5", "backend:demo", "session:s1"],
        facts={"model": "claude-sonnet-4-5", "input_tokens": 120, "output_tokens": 33, "cost": 0.0012, "stream": False},
        notes=["converted messages[0]: text"],
        steps=steps,
        logs=[LogLine(start + 0.1 * index, "INFO", f"line {index}", index) for index in range(4)],
    )


def running_run(name: str, *, flow: str = "stream_message", started: float | None = None) -> RunRecord:
    """A run whose third step is under way."""
    start = time.time() if started is None else started
    steps = [
        StepRecord(0, STEPS[0], start, start + 0.01, "Completed"),
        StepRecord(1, STEPS[1], start + 0.01, start + 0.02, "Completed", upstream=(0,)),
        StepRecord(2, STEPS[2], start + 0.02, upstream=(1,)),
    ]
    return RunRecord(name, start, flow, tags=["model:claude-sonnet-4-5"], facts={"stream": True}, steps=steps)


def failed_run(name: str) -> RunRecord:
    """A run whose last step failed at its third attempt."""
    record = finished_run(name)
    step = record.steps[-1]
    record.state = step.state = "Failed"
    record.failure = step.failure = Failure("UpstreamError", "0123456789ab")
    step.attempts = 3
    return record


@contextmanager
def spool_writer(directory: Path) -> Iterator[SpoolWriter]:
    """A writer in this process, closed afterwards: to readers its process is gone then."""
    writer = SpoolWriter(directory, max_bytes=SPOOL_BYTES, logger=structlog.get_logger())
    try:
        yield writer
    finally:
        writer.close()


def write_finished(directory: Path, names: list[str]) -> None:
    """A spool with one finished run per name, by a writer that is gone."""
    with spool_writer(directory) as writer:
        for name in names:
            record = finished_run(name)
            writer.begun(RunRecord(name, record.started, record.flow))
            writer.ended(record)
