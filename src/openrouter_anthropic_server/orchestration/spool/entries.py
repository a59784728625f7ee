"""One line of the spool: what happened to a run, with a checksum.

A line is eight hex digits of CRC-32, a space, one JSON object and a line feed; it holds neither a NUL nor a
second line feed. The record of a run is whole in each of its lines, so that a reader needs no line but the
last one; only its content is in none but the last. Its steps and log lines are rows, their fields in the order of
`StepRecord` and `LogLine`: names in each of them would double the line and the time to write it.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from operator import attrgetter
from typing import Any, Literal, get_args
from zlib import crc32

import orjson

from openrouter_anthropic_server.ports.run_records import Failure, LogLine, ParentStep, RunRecord, StepRecord

EntryKind = Literal["begun", "progress", "ended", "dropped"]

_KINDS = frozenset(get_args(EntryKind))
_RUN_FIELDS = tuple(field.name for field in fields(RunRecord))
_run_values = attrgetter(*_RUN_FIELDS)
_STEP_FIELDS = tuple(field.name for field in fields(StepRecord))
_step_row = attrgetter(*_STEP_FIELDS)
_LOG_FIELDS = tuple(field.name for field in fields(LogLine))
_log_row = attrgetter(*_LOG_FIELDS)
# Quotes inside JSON strings are escaped, so this can only be the start of a line.
_LINE_START = re.compile(rb'[0-9a-f]{8} \{"kind"')
_INTEGERS = range(-(2**63), 2**64)
_MAX_DEPTH = 10


@dataclass(frozen=True, slots=True)
class Entry:
    """`begun`, `progress` (a run that has been open for a while) and `ended` carry the run; `dropped` a count.

    `names` are those of the dropped runs whose beginning was written, as far as they were kept.
    """

    kind: EntryKind
    run: RunRecord | None = None
    count: int = 0
    names: tuple[str, ...] = ()


class CorruptLineError(ValueError):
    """A line of the spool is damaged."""


def encode_run(kind: EntryKind, record: RunRecord) -> bytes:
    """The line for an event of a run; whatever JSON cannot hold is replaced, so this never fails."""
    run = dict(zip(_RUN_FIELDS, _run_values(record), strict=True))
    run["steps"] = [_step_row(step) for step in record.steps]
    run["logs"] = [_log_row(line) for line in record.logs]
    try:
        body = orjson.dumps({"kind": kind, "run": run})
    except orjson.JSONEncodeError:
        body = orjson.dumps({"kind": kind, "run": _plain(run)})
    return _line(body)


def encode_dropped(count: int, names: Iterable[str] = ()) -> bytes:
    """The line that says how many runs found no room before it, and what some of them are called."""
    return _line(orjson.dumps({"kind": "dropped", "count": count, "names": _plain(list(names))}))


def decode(line: bytes) -> Entry:
    """The entry of one line, without its line feed; raises `CorruptLineError`.

    Fields that a newer version may have added are left out.
    """
    body = line[9:]
    if line[8:9] != b" " or b"%08x" % crc32(body) != line[:8]:
        raise CorruptLineError("the checksum does not match")
    try:
        return _entry(orjson.loads(body))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise CorruptLineError("not an entry of a known form") from error


def last_line_start(data: bytes) -> int | None:
    """Where the last thing that looks like the start of a line is in `data`, if there is one."""
    start = None
    for match in _LINE_START.finditer(data):
        start = match.start()
    return start


def _line(body: bytes) -> bytes:
    return b"%08x %b\n" % (crc32(body), body)


def _entry(value: Mapping[str, Any]) -> Entry:
    kind = value["kind"]
    if kind == "dropped":
        names = value.get("names")  # not there in lines of older versions
        known = [name for name in names if isinstance(name, str)] if isinstance(names, list) else []
        return Entry(kind, count=int(value["count"]), names=tuple(known))
    if kind not in _KINDS:
        raise ValueError(kind)
    return Entry(kind, _run(value["run"]))


def _run(value: Mapping[str, Any]) -> RunRecord:
    return RunRecord(
        **{
            **{name: value[name] for name in _RUN_FIELDS if name in value},
            "failure": _failure(value["failure"]),
            "steps": [_step(row) for row in value["steps"]],
            "logs": [LogLine(**dict(zip(_LOG_FIELDS, row, strict=False))) for row in value["logs"]],
            "parent": ParentStep(**value["parent"]) if value["parent"] else None,
        }
    )


def _step(row: list[Any]) -> StepRecord:
    value = dict(zip(_STEP_FIELDS, row, strict=False))
    return StepRecord(**{**value, "upstream": tuple(value["upstream"]), "failure": _failure(value["failure"])})


def _failure(value: Mapping[str, Any] | None) -> Failure | None:
    return Failure(**value) if value else None


def _plain(value: object, depth: int = 0) -> object:
    """`value` with everything replaced that JSON cannot hold: lone surrogates, huge numbers, foreign objects."""
    if depth > _MAX_DEPTH:
        return "..."
    match value:
        case None | bool() | float():
            return value
        case str():
            return value.encode(errors="replace").decode()
        case int():
            return value if value in _INTEGERS else f"{value:#x}"  # hexadecimal: decimal digits have a limit
        case Mapping():
            return {str(_plain(key)): _plain(item, depth + 1) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item, depth + 1) for item in value]
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name), depth + 1) for field in fields(value)}
    return f"<{type(value).__name__}>"
