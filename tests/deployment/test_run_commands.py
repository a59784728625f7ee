"""`runs session` where there is nothing to list: it says why."""

import subprocess
from pathlib import Path

import httpx
import pytest

from tests.server_process import ServerProcess, command, environment, free_port, run_command


def test_without_a_server_the_command_says_where_it_looked() -> None:
    port = free_port()

    done = run_command(["runs", "session", "s"], {"PORT": str(port)})

    assert done.returncode == 1
    assert done.stderr.startswith(f"error: no server answers at http://127.0.0.1:{port}; start it with")
    assert done.stderr.count("\n") == 1


def test_a_bad_setting_is_named() -> None:
    done = run_command(["runs", "session", "s"], {"PORT": "many"})

    assert (done.returncode, done.stderr[:12]) == (1, "error: PORT:")


def test_an_unknown_name_in_dotenv_is_warned_about_once(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"PORT={free_port()}\nPROT=1\nno = 'such line\n")

    done = subprocess.run(
        command(["runs", "session", "s"]),
        env=environment(tmp_path, {}),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    lines = done.stderr.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["warning", "error"]
    assert "PROT in .env" in lines[0]


@pytest.mark.parametrize("recording", ["off", "on"])
def test_the_servers_reason_is_shown_and_its_key_used(recording: str) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}/api"
    env = {"SERVER_API_KEYS": "k1,k2", "RECORDING": recording, "PREFECT_API_URL": nowhere}
    server = ServerProcess({"PROXY_BACKEND": "DEMO", **env}).start()
    try:
        done = run_command(["runs", "session", "s"], {"PORT": str(server.port), "SERVER_API_KEYS": "k2"})
        refused = run_command(["runs", "session", "s"], {"PORT": str(server.port)})
        assert httpx.get(f"{server.url}/health").status_code == 200
    finally:
        server.stop()

    assert done.returncode == refused.returncode == 1
    assert ("RECORDING=off" if recording == "off" else "Prefect cannot be asked") in done.stderr
    assert "a key is required" in refused.stderr


def test_the_command_is_in_the_help() -> None:
    assert "session" in run_command(["runs", "--help"]).stdout
