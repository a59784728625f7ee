"""The environment in which the embedded Prefect server runs: tuned, on its own files, deaf to everything else."""

from collections.abc import Mapping
from pathlib import Path

_SERVICES = "PREFECT_SERVER_SERVICES_"

_TUNING: Mapping[str, str] = {
    # Task runs are written in batches: one at a time they would hold SQLite's lock all day.
    f"{_SERVICES}TASK_RUN_RECORDER_BATCH_SIZE": "500",
    f"{_SERVICES}TASK_RUN_RECORDER_READ_BATCH_SIZE": "500",
    f"{_SERVICES}TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
    # The feed of events doubles what is written and shows nothing that the runs do not.
    f"{_SERVICES}EVENT_PERSISTER_ENABLED": "false",
    f"{_SERVICES}EVENT_PERSISTER_BATCH_SIZE": "500",
    f"{_SERVICES}EVENT_PERSISTER_READ_BATCH_SIZE": "500",
    f"{_SERVICES}EVENT_PERSISTER_FLUSH_INTERVAL": "2",
    f"{_SERVICES}TRIGGERS_ENABLED": "false",
    f"{_SERVICES}DB_VACUUM_ENABLED": "events,flow_runs",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    "PREFECT_SERVER_LOGGING_LEVEL": "WARNING",
}

_NOT_THE_OPERATORS = ("PREFECT_SERVER_DATABASE_", "PREFECT_SERVER_UI_API_URL", "PREFECT_SERVER_UI_SERVE_BASE")
"""Where the data lies and where the UI finds it: other values would show other runs, or none."""

_SHORTEST_RETENTION_SECONDS = 3_601
"""Prefect wants more than an hour."""


def prefect_environment(
    inherited: Mapping[str, str], *, directory: Path, ui_url: str, retention_seconds: float
) -> dict[str, str]:
    """The whole environment of a server on the files in `directory` whose UI people open at `ui_url`.

    Of the inherited settings of Prefect only those of its server count (`PREFECT_SERVER_*`), and they win over
    the tuning, but not over where the files are and how the UI is reached.
    """
    others = {name: value for name, value in inherited.items() if not name.upper().startswith("PREFECT_")}
    operators = {name.upper(): value for name, value in inherited.items() if _is_operators(name.upper())}
    retention = str(max(int(retention_seconds), _SHORTEST_RETENTION_SECONDS))
    return {
        **others,
        "DO_NOT_TRACK": "1",
        **_TUNING,
        f"{_SERVICES}DB_VACUUM_RETENTION_PERIOD": retention,
        **operators,
        "PREFECT_HOME": str(directory),
        "PREFECT_LOGGING_LEVEL": "WARNING",
        "PREFECT_LOGGING_COLORS": "false",
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{directory / 'prefect.db'}",
        # The installed package may be read-only; Prefect copies its UI before it serves it.
        "PREFECT_SERVER_UI_STATIC_DIRECTORY": str(directory / "ui"),
        "PREFECT_SERVER_UI_API_URL": f"{ui_url}/api",
    }


def _is_operators(name: str) -> bool:
    if name == "PREFECT_SERVER_API_BASE_PATH":
        return False
    return name.startswith("PREFECT_SERVER_") and not name.startswith(_NOT_THE_OPERATORS)
