"""Logging: structlog events as JSON lines (or text for a person), the standard library's included."""

import logging
from collections.abc import MutableMapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

import orjson
import structlog
from structlog.typing import Processor

from openrouter_anthropic_server.observability.log_writer import LogWriter
from openrouter_anthropic_server.observability.redaction import redact_keys

Event = MutableMapping[str, Any]
_OWN_HANDLERS = ("uvicorn", "uvicorn.error", "uvicorn.access", "fastapi", "prefect")
"""Prefect gives these handlers of its own when it is imported; their lines would be neither JSON nor redacted."""

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def configure_logging(
    level: str, form: Literal["json", "console"], writer: LogWriter, *, processors: Sequence[Processor] = ()
) -> None:
    """Send structlog's and the standard library's events to `writer`, with keys redacted.

    `processors` see structlog's events first, with their level.
    """
    render = _render_json if form == "json" else _render_text
    structlog.configure(
        processors=[structlog.processors.add_log_level, *processors, render],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=lambda *_: _WriterLogger(writer),
        cache_logger_on_first_use=True,
    )
    root = logging.getLogger()
    root.handlers = [_StandardLibraryHandler(writer, render)]
    root.setLevel(max(LEVELS[level], logging.WARNING))
    for name in _OWN_HANDLERS:
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [], True


class _WriterLogger:
    """What structlog calls with the rendered line."""

    def __init__(self, writer: LogWriter) -> None:
        self._write = writer.write

    def _line(self, line: bytes) -> None:
        self._write(line)

    debug = info = warning = error = critical = exception = _line


class _StandardLibraryHandler(logging.Handler):
    def __init__(self, writer: LogWriter, render: Any) -> None:
        super().__init__()
        self._writer = writer
        self._render = render

    def emit(self, record: logging.LogRecord) -> None:
        event: Event = {"event": record.getMessage(), "logger": record.name, "level": record.levelname.lower()}
        if record.exc_info:
            event["exception"] = logging.Formatter().formatException(record.exc_info)
        self._writer.write(self._render(None, "", event))


def _render_json(_logger: Any, _method: str, event: Event) -> bytes:
    line = {"timestamp": datetime.now(UTC), **event}
    return redact_keys(orjson.dumps(line, default=repr, option=orjson.OPT_UTC_Z))


def _on_one_line(value: object) -> str:
    """What a client sent must neither forge a line nor control a terminal."""
    text = str(value)
    return text if text.isprintable() else repr(text)


def _render_text(_logger: Any, _method: str, event: Event) -> bytes:
    level, name = event.pop("level", ""), event.pop("event", "")
    details = " ".join(f"{key}={_on_one_line(value)}" for key, value in event.items())
    time = datetime.now(UTC).isoformat(timespec="milliseconds")
    return redact_keys(f"{time} {level:<7} {name} {details}".rstrip().encode(errors="replace"))
