"""Log lines: whole, in order, one JSON object each, without keys."""

import logging
import os
from collections.abc import Iterator, MutableMapping
from typing import Any

import orjson
import pytest
import structlog

from openrouter_anthropic_server.observability.fingerprints import fingerprint
from openrouter_anthropic_server.observability.log_writer import LogWriter
from openrouter_anthropic_server.observability.logs import configure_logging
from openrouter_anthropic_server.observability.redaction import redact_keys


@pytest.fixture(name="pipe")
def _pipe() -> Iterator[tuple[int, LogWriter]]:
    reading, writing = os.pipe()
    writer = LogWriter(writing)
    yield reading, writer
    os.close(reading)


def _lines(pipe: tuple[int, LogWriter]) -> list[bytes]:
    reading, writer = pipe
    writer.close()
    return os.read(reading, 65_536).splitlines()


@pytest.fixture(autouse=True)
def _logging_is_put_back() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


def test_lines_are_written_in_order(pipe: tuple[int, LogWriter]) -> None:
    for number in range(100):
        pipe[1].write(str(number).encode())

    assert _lines(pipe) == [str(number).encode() for number in range(100)]


def test_the_writer_survives_a_reader_that_has_gone() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    writer = LogWriter(writing)

    writer.write(b"lost")
    writer.close()

    assert writer.dropped == 0


def test_events_are_json_with_time_and_level_and_redacted_keys(pipe: tuple[int, LogWriter]) -> None:
    configure_logging("info", "json", pipe[1])

    structlog.get_logger().info("told", count=2, text="the key is sk-or-v1-0123456789abcdef")
    structlog.get_logger().debug("not_told")

    (line,) = _lines(pipe)
    event = orjson.loads(line)
    assert (event["event"], event["level"], event["count"]) == ("told", "info", 2)
    assert event["text"] == "the key is [redacted]"
    assert "timestamp" in event


def test_the_standard_librarys_warnings_come_the_same_way(pipe: tuple[int, LogWriter]) -> None:
    configure_logging("info", "json", pipe[1])

    try:
        raise ValueError("sk-or-v1-0123456789abcdef")
    except ValueError:
        logging.getLogger("somebody").exception("it failed")

    (line,) = _lines(pipe)
    event = orjson.loads(line)
    assert (event["event"], event["logger"], event["level"]) == ("it failed", "somebody", "error")
    assert "ValueError" in event["exception"]
    assert b"0123456789abcdef" not in line


def test_the_console_form_is_text(pipe: tuple[int, LogWriter]) -> None:
    configure_logging("info", "console", pipe[1])

    structlog.get_logger().warning("told", count=2)

    (line,) = _lines(pipe)
    assert line.endswith(b"warning told count=2")


def test_more_processors_see_the_events_of_structlog(pipe: tuple[int, LogWriter]) -> None:
    seen = []

    def note(_logger: object, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        seen.append((method, dict(event)))
        return event

    configure_logging("info", "json", pipe[1], processors=[note])
    structlog.get_logger().info("told", count=2)

    assert seen == [("info", {"event": "told", "count": 2, "level": "info"})]
    assert len(_lines(pipe)) == 1


@pytest.mark.parametrize("text", ["Bearer abcdef123456", "sk-ant-api03-abcdefgh", "dapi0123456789abcdef0123"])
def test_what_looks_like_a_key_is_redacted(text: str) -> None:
    redacted = redact_keys(f"before {text} after".encode())

    assert b"abcdef" not in redacted
    assert redacted.startswith(b"before ")


def test_ordinary_text_is_left_alone() -> None:
    assert redact_keys(b"a risk-free task") == b"a risk-free task"


def test_the_same_cause_has_the_same_fingerprint_whatever_its_message() -> None:
    def fail(message: str) -> str:
        try:
            raise ValueError(message)
        except ValueError as error:
            return fingerprint(error)

    assert fail("one") == fail("two")
    assert len(fail("one")) == 12
