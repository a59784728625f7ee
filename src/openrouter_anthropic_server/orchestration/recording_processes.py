"""The processes that bring run records into Prefect: a recorder, and Prefect's own server if there is no other."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import structlog

from openrouter_anthropic_server.orchestration.child import ChildCommand
from openrouter_anthropic_server.orchestration.children import ChildProcesses
from openrouter_anthropic_server.orchestration.dashboard_line import DashboardAnnouncement

_PYTHON = (sys.executable, "-P", "-m")  # -P: what lies in the working directory is not ours to import
_RECORDER = "recorder"
_PREFECT = "prefect"


@dataclass(frozen=True, slots=True)
class OwnPrefect:
    """A Prefect server on the files in `directory`, on the first free port from `first_port` on.

    `ui_url` is where people open it, if that is elsewhere (behind a proxy that passes everything on).
    `environment` is what it inherits; of Prefect's settings only those of a server count.
    """

    directory: Path
    first_port: int
    retention_seconds: float
    environment: Mapping[str, str]
    ui_url: str | None = None


def recording_processes(prefect: OwnPrefect | None) -> ChildProcesses:
    """A recorder, and `prefect` if given, whose address is told on standard output as soon as it has one.

    The recorder reads its settings itself. It holds the lifeline of `prefect`, which so outlives us until the
    recorder has delivered what we left.
    """
    recorder = ChildCommand(
        name=_RECORDER,
        command=(*_PYTHON, "openrouter_anthropic_server", "recorder", "--child"),
        niceness=5,
        stop_seconds=4.0,
        holds=(_PREFECT,) if prefect else (),
    )
    logger = structlog.get_logger()
    if prefect is None:
        return ChildProcesses([recorder], logger)
    announcement = DashboardAnnouncement(prefect.directory)
    return ChildProcesses(
        [recorder, _prefect_command(prefect)],
        logger,
        on_tick=lambda children: announcement.look(own_pid=children.pid(_PREFECT)),
    )


def no_processes() -> ChildProcesses:
    """What runs while nothing is recorded."""
    return ChildProcesses([], structlog.get_logger())


def _prefect_command(prefect: OwnPrefect) -> ChildCommand:
    arguments: dict[str, object] = {
        "--directory": prefect.directory,
        "--port": prefect.first_port,
        "--retention-seconds": prefect.retention_seconds,
    }
    if prefect.ui_url is not None:
        arguments["--ui-url"] = prefect.ui_url
    return ChildCommand(
        name=_PREFECT,
        command=(
            *_PYTHON,
            "openrouter_anthropic_server.orchestration.embedded_server",
            *(str(part) for argument in arguments.items() for part in argument),
        ),
        niceness=10,
        lowers_itself=True,
        stop_seconds=5.0,
        output=prefect.directory / "server.log",
        environment=prefect.environment,
    )
