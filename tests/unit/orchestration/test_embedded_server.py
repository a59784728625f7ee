"""The embedded Prefect server: its environment, its address, its life and its end."""

import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from openrouter_anthropic_server.orchestration.prefect_environment import prefect_environment
from openrouter_anthropic_server.orchestration.server_address import (
    ServerAddress,
    read_address,
    remove_address,
    write_address,
)
from tests.embedded_prefect import EmbeddedServer, copy_home, get_json, prefect_home, wait_until_healthy
from tests.server_process import free_port

pytestmark = pytest.mark.timeout(120)

__all__ = ["prefect_home"]  # the fixture

DIRECTORY = Path("/data/prefect")
UI = "http://127.0.0.1:4201"
API = f"{UI}/api"
RETENTION = "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD"


def environment(inherited: dict[str, str], retention_seconds: float = 86_400) -> dict[str, str]:
    """The environment for a server in `DIRECTORY`."""
    return prefect_environment(inherited, directory=DIRECTORY, ui_url=UI, retention_seconds=retention_seconds)


def test_the_server_works_on_its_own_files_and_its_ui_finds_it() -> None:
    found = environment({})

    assert found["PREFECT_HOME"] == "/data/prefect"
    assert found["PREFECT_SERVER_DATABASE_CONNECTION_URL"] == "sqlite+aiosqlite:////data/prefect/prefect.db"
    assert found["PREFECT_SERVER_UI_API_URL"] == API
    assert found["PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED"] == "events,flow_runs"


@pytest.mark.parametrize(("asked", "set_to"), [(604_800.0, "604800"), (3_600.0, "3601")])
def test_retention_is_told_in_seconds_and_more_than_an_hour(asked: float, set_to: str) -> None:
    assert environment({}, asked)[RETENTION] == set_to


def test_settings_of_prefects_clients_do_not_reach_the_server() -> None:
    inherited = {
        "PREFECT_API_URL": "http://elsewhere/api",
        "PREFECT_PROFILE": "work",
        "PREFECT_API_DATABASE_CONNECTION_URL": "postgresql+asyncpg://elsewhere/db",
        "prefect_ui_api_url": "http://elsewhere/api",
        "PREFECT__SERVER_EPHEMERAL": "1",
        "PATH": "/bin",
    }
    found = environment(inherited)

    assert not set(inherited) - {"PATH"} & set(found)
    assert found["PATH"] == "/bin"


def test_the_operators_settings_of_the_server_win_over_the_tuning() -> None:
    found = environment({"prefect_server_analytics_enabled": "true", RETENTION: "7200"})

    assert (found["PREFECT_SERVER_ANALYTICS_ENABLED"], found[RETENTION]) == ("true", "7200")


@pytest.mark.parametrize(
    "name",
    [
        "PREFECT_SERVER_DATABASE_CONNECTION_URL",
        "PREFECT_SERVER_DATABASE_HOST",
        "PREFECT_SERVER_UI_API_URL",
        "PREFECT_SERVER_UI_SERVE_BASE",
        "PREFECT_SERVER_API_BASE_PATH",
    ],
)
def test_but_not_over_where_the_data_and_the_ui_are(name: str) -> None:
    assert environment({name: "elsewhere"}).get(name) != "elsewhere"


def test_an_address_is_read_back_while_its_process_lives(tmp_path: Path) -> None:
    address = ServerAddress.on_port(4201)
    write_address(tmp_path, address)

    assert read_address(tmp_path) == address == ServerAddress(API, UI, os.getpid())
    remove_address(tmp_path)
    assert read_address(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_the_ui_may_be_opened_elsewhere_than_the_api() -> None:
    address = ServerAddress.on_port(4201, "https://prefect.example/")

    assert (address.api_url, address.ui_url) == (API, "https://prefect.example")


def test_the_address_of_a_dead_process_is_none_and_stays_for_its_successor(tmp_path: Path) -> None:
    process = os.spawnlp(os.P_NOWAIT, "true", "true")
    os.waitpid(process, 0)
    write_address(tmp_path, ServerAddress(API, UI, process))

    assert read_address(tmp_path) is None
    remove_address(tmp_path)
    assert (tmp_path / "server.json").exists()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"api_url": "x"}', b'{"pid": 1, "other": 2}'])
def test_a_damaged_address_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "server.json").write_bytes(content)

    assert read_address(tmp_path) is None


@pytest.fixture(scope="module", name="server")
def _server(prefect_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    """A running server in strange surroundings, on a port other than the first."""
    data = copy_home(prefect_home, tmp_path_factory.mktemp("strange") / "100% of #1, a b")
    elsewhere = tmp_path_factory.mktemp("working-directory")
    (elsewhere / ".env").write_text("PREFECT_SERVER_UI_SERVE_BASE=/x\nPREFECT_SERVER_API_BASE_PATH=/x\n")
    (elsewhere / "prefect.toml").write_text('[server.ui]\napi_url = "http://elsewhere/api"\n')
    env = {
        "PREFECT_PROFILE": "none-of-this-name",
        "PREFECT_API_DATABASE_CONNECTION_URL": "postgresql+asyncpg://nobody@127.0.0.1:1/nothing",
        "PREFECT_UI_API_URL": "http://elsewhere/api",
        "PREFECT_SERVER_UI_V2_ENABLED": "false",
    }
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        EmbeddedServer(data / "prefect", taken.getsockname()[1], cwd=elsewhere, env=env) as server,
    ):
        yield server


def test_the_address_is_known_long_before_prefect_is_there(server: EmbeddedServer) -> None:
    began = time.monotonic()

    server.address()

    assert time.monotonic() - began < 2.0
    wait_until_healthy(server.address().api_url)
    assert time.monotonic() - began > 1.0


def test_a_taken_port_means_the_next_free_one(server: EmbeddedServer) -> None:
    assert server.first_port < int(server.address().ui_url.rpartition(":")[2]) < server.first_port + 100


def test_the_ui_loads_and_is_told_where_the_api_is(server: EmbeddedServer) -> None:
    address = server.address()
    wait_until_healthy(address.api_url)

    settings = get_json(f"{address.ui_url}/ui-settings")
    page = httpx.get(f"{address.ui_url}/", headers={"accept": "text/html"}, follow_redirects=True, timeout=10.0)

    assert settings["api_url"] == address.api_url
    assert settings["default_ui"] == "v1"  # the operator's wish, from the environment
    assert page.status_code == 200
    assert "<div id=" in page.text


def test_it_waits_behind_a_running_server_and_follows_it(server: EmbeddedServer) -> None:
    wait_until_healthy(server.address().api_url)
    with EmbeddedServer(server.directory, free_port()) as idle, EmbeddedServer(server.directory, free_port()) as next_:
        time.sleep(1.0)
        assert read_address(server.directory) == server.address()
        idle.process.terminate()
        assert idle.process.wait(2) == 0

        os.kill(server.process.pid, signal.SIGKILL)

        assert next_.address(3.0).pid == next_.process.pid
        wait_until_healthy(next_.address().api_url)
        _ignores_sigint_and_ends_with_its_lifeline(next_)


def _ignores_sigint_and_ends_with_its_lifeline(server: EmbeddedServer) -> None:
    api_url = server.address().api_url
    server.process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    assert get_json(f"{api_url}/health") is True

    server.cut_lifeline()

    assert server.process.wait(5) == 0
    assert not (server.directory / "server.json").exists()


@pytest.mark.parametrize("after_seconds", [0.0, 1.5, 3.0])
def test_sigterm_while_it_starts_ends_it_at_once(tmp_path: Path, after_seconds: float) -> None:
    with EmbeddedServer(tmp_path / "prefect", free_port()) as server:
        server.address()
        time.sleep(after_seconds)

        server.process.terminate()

        assert server.process.wait(2) == 0
        assert not (server.directory / "server.json").exists()


def test_one_that_cannot_start_says_why(tmp_path: Path) -> None:
    (tmp_path / "prefect.db").mkdir()
    with EmbeddedServer(tmp_path, free_port()) as server:
        assert server.process.wait(30) not in (0, None)

        server.output.seek(0)
        assert b"unable to open database file" in server.output.read()
    assert not (tmp_path / "server.json").exists()
