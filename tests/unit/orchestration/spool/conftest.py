"""A log that tests can read, and writers that are closed."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from openrouter_anthropic_server.orchestration.spool.writer import SpoolWriter
from tests.spool.records import CapturedLog

OpenWriter = Callable[..., SpoolWriter]


@pytest.fixture(name="log")
def _log() -> CapturedLog:
    return CapturedLog()


@pytest.fixture(name="directory")
def _directory(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture(name="open_writer")
def _open_writer(directory: Path, log: CapturedLog) -> Iterator[OpenWriter]:
    """Opens a writer on `directory`; `max_bytes` is 256 MiB if nothing else is said."""
    with ExitStack() as stack:

        def open_writer(max_bytes: int = 256 << 20) -> SpoolWriter:
            writer = SpoolWriter(directory, max_bytes=max_bytes, logger=log.logger)
            stack.callback(writer.close)
            return writer

        yield open_writer
