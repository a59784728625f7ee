"""The server's own log events, copied into the log of the run that was open when they were logged."""

import sys
from collections.abc import MutableMapping
from typing import Any

from openrouter_anthropic_server.observability.labels import label
from openrouter_anthropic_server.observability.redaction import redact_keys
from openrouter_anthropic_server.orchestration.recorded_run import RecordedRun, current_run
from openrouter_anthropic_server.ports.run_records import Level

_LEVELS: dict[str, Level] = {
    "debug": "DEBUG",
    "info": "INFO",
    "warning": "WARNING",
    "warn": "WARNING",
    "error": "ERROR",
    "exception": "ERROR",
    "critical": "ERROR",
    "fatal": "ERROR",
}
_NOT_DETAILS = frozenset(
    {"event", "level", "timestamp", "logger", "request_id", "exc_info", "exception", "stack", "stack_info"}
)


def note_for_run(_logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor; the event goes on unchanged.

    The run's log gets the event's name and its details: numbers and short texts as they are, with API keys
    redacted, of anything else (exceptions, bodies) only the type.
    """
    run = current_run()
    if run is not None:
        _note(run, method, event)
    return event


def _note(run: RecordedRun, method: str, event: MutableMapping[str, Any]) -> None:
    parts = [label(str(event.get("event", "")))]
    parts += [f"{key}={_shown(value)}" for key, value in event.items() if key not in _NOT_DETAILS]
    kind = _exception_kind(event.get("exc_info"))
    if kind is not None:
        parts.append(f"exception={kind}")
    message = " ".join(parts)
    run.log(_LEVELS.get(method, "INFO"), redact_keys(message.encode()).decode())


def _shown(value: object) -> str:
    if isinstance(value, str):
        return label(value)
    return str(value) if value is None or isinstance(value, int | float) else f"<{type(value).__name__}>"


def _exception_kind(info: object) -> str | None:
    """The class of what `exc_info` stands for: an exception, what `sys.exc_info` gives, or "the current one"."""
    if isinstance(info, BaseException):
        return type(info).__name__
    if isinstance(info, tuple):
        return info[0].__name__ if info and isinstance(info[0], type) else None
    current = sys.exc_info()[0] if info else None
    return None if current is None else current.__name__
