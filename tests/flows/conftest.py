"""A Prefect server of the tests' own, on SQLite."""

import gc
from collections.abc import Iterator

import pytest
from prefect.testing.utilities import prefect_test_harness

# As it comes, the server's writers keep each other from SQLite for seconds.
_TUNED = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "500",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "500",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
    "PREFECT_SERVER_SERVICES_TRIGGERS_ENABLED": "false",
}


@pytest.fixture(name="prefect_server", scope="module")
def _prefect_server() -> Iterator[None]:
    """Prefect's API, for the engine and its clients; not longer, as threads of these go on beside other tests."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in _TUNED.items():
            patch.setenv(name, value)
        with prefect_test_harness(server_startup_timeout=90):
            yield
    gc.collect()
