"""A Prefect server of the benchmark's own, with the settings that docs/08-reading-a-run.md advises."""

from typing import Final

PREFECT_ENVIRONMENT: Final = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_LOGGING_LEVEL": "WARNING",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "500",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "500",
    "PREFECT_SERVER_SERVICES_TRIGGERS_ENABLED": "false",
}


def prefect_arguments(port: int) -> list[str]:
    """What Python is started with."""
    return ["-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
