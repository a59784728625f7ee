"""Which records can be shown: one with a state or a type that nobody knows would spoil all that is sent with it."""

from collections.abc import Iterable

from openrouter_anthropic_server.ports.run_records import LogLine, RunRecord, StepRecord

_STATES = frozenset({"Running", "Completed", "Failed", "Cancelled", "Crashed"})
_LEVELS = frozenset({"DEBUG", "INFO", "WARNING", "ERROR"})


def is_known(record: RunRecord) -> bool:
    """Whether every field of the record is of a kind that this version knows."""
    return (
        _are(str, [record.name, record.flow, *record.tags, *record.facts, *record.notes])
        and bool(record.name)
        and record.state in _STATES
        and _is_time(record.started)
        and _is_end(record.ended)
        and all(_is_known_step(step) for step in record.steps)
        and all(_is_known_line(line) for line in record.logs)
    )


def _is_known_step(step: StepRecord) -> bool:
    return (
        isinstance(step.name, str)
        and step.state in _STATES
        and _is_time(step.started)
        and _is_end(step.ended)
        and _are(int, [step.index, step.attempts, *step.upstream])
    )


def _is_known_line(line: LogLine) -> bool:
    return line.level in _LEVELS and isinstance(line.message, str) and _is_time(line.at)


def _are(kind: type, values: Iterable[object]) -> bool:
    return all(isinstance(value, kind) for value in values)


def _is_time(value: object) -> bool:
    return isinstance(value, int | float)


def _is_end(value: object) -> bool:
    return value is None or _is_time(value)
