"""The recorder as a command: with its log, and for a person who started it, a line on what it does."""

import sys
from contextlib import closing
from typing import Literal

import structlog

from openrouter_anthropic_server.observability.log_writer import LogWriter
from openrouter_anthropic_server.observability.logs import configure_logging
from openrouter_anthropic_server.orchestration.dashboard_line import say
from openrouter_anthropic_server.orchestration.recorder.process import RecorderOptions, run_recorder


def deliver(options: RecorderOptions, *, log_level: str, log_format: Literal["json", "console"]) -> int:
    """Run a recorder until it is told to end; the exit code."""
    if not options.lifeline:
        target = options.api_url or f"the Prefect server of {options.prefect_directory}"
        say(f"Delivering the runs of {options.spool_directory} to {target}")
    with closing(LogWriter(sys.stderr.fileno(), shared=True)) as writer:
        configure_logging(log_level, log_format, writer)
        return run_recorder(options, structlog.get_logger())
