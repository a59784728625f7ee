"""Fixtures of the tests with real Prefect servers."""

from tests.recording.prefect_server import (
    held_fixture,
    prefect_fixture,
    prefect_servers_fixture,
    reader_fixture,
    sqlite_prefect_fixture,
)

__all__ = ["held_fixture", "prefect_fixture", "prefect_servers_fixture", "reader_fixture", "sqlite_prefect_fixture"]
