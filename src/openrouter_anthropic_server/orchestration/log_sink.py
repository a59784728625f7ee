"""A sink that writes each finished run as one log line."""

from typing import Any

from openrouter_anthropic_server.ports.run_records import RunRecord, StepRecord


class LogSink:
    """Logs run records as `run_ended`; `logger` is a structlog logger."""

    def __init__(self, logger: Any) -> None:
        self._log = logger.bind().info

    def begun(self, record: RunRecord) -> None:
        """Nothing to log yet: the record is logged once, whole."""

    def ended(self, record: RunRecord) -> None:
        """Log the record without its log lines (they are in the log) and content; durations in milliseconds."""
        subflow = {} if record.parent is None else {"parent": record.parent}
        self._log(
            "run_ended",
            request_id=record.name,
            flow=record.flow,
            state=record.state,
            started=record.started,
            duration_ms=_milliseconds(record.started, record.ended),
            failure=record.failure,
            tags=record.tags,
            facts=record.facts,
            notes=record.notes,
            steps=[_step_line(step) for step in record.steps],
            **subflow,
        )


def _step_line(step: StepRecord) -> dict[str, Any]:
    line: dict[str, Any] = {
        "name": step.name,
        "state": step.state,
        "started": step.started,
        "ms": _milliseconds(step.started, step.ended),
        "upstream": step.upstream,
    }
    if step.attempts > 1:
        line["attempts"] = step.attempts
    if step.failure is not None:
        line["failure"] = step.failure
    if step.child is not None:
        line["child"] = step.child
    return line


def _milliseconds(started: float, ended: float | None) -> float | None:
    return None if ended is None else round((ended - started) * 1000, 3)
