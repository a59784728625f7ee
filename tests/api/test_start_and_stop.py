"""How the server starts, refuses to start, and stops."""

import os
import signal
import socket
import time
from pathlib import Path

import httpx
import orjson
import pytest

from tests.api.calls import body
from tests.server_process import ServerProcess, free_port, processes_of, run_command

DEMO = {"PROXY_BACKEND": "DEMO"}


def serve(*arguments: str, env: dict[str, str] | None = None) -> tuple[int, str]:
    """Exit code and everything printed by a start that is expected to fail."""
    finished = run_command(["serve", "--port", str(free_port()), *arguments], DEMO | (env or {}))
    return finished.returncode, (finished.stdout + finished.stderr).strip()


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_listening_wider_without_keys_is_refused(host: str) -> None:
    code, output = serve("--host", host)

    assert code != 0
    assert "SERVER_API_KEYS" in output
    assert len(output.splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "eighty"),
        ("PROXY_BACKEND", "GUESS"),
        ("OPENROUTER_WIRE", "morse"),
        ("MAX_REQUEST_MB", "-1"),
        ("MODEL_ALIASES", "not json"),
        ("LOG_LEVEL", "shout"),
        ("ENVIRONMENT", "mars"),
        ("PING_INTERVAL_SECONDS", "0"),
        ("OPENROUTER_BASE_URL", "no-address"),
        ("CAPABILITIES_FILE", "/no/such/file.toml"),
    ],
)
def test_a_bad_setting_stops_the_start_with_one_line(name: str, value: str) -> None:
    finished = run_command(["serve"], DEMO | {name: value})
    output = (finished.stdout + finished.stderr).strip()

    assert finished.returncode != 0
    assert name in output
    assert "Traceback" not in output
    assert len(output.splitlines()) == 1


def test_a_backend_without_its_key_stops_the_start() -> None:
    code, output = serve(env={"PROXY_BACKEND": "OPENROUTER"})

    assert code != 0
    assert "OPENROUTER_API_KEY" in output
    assert len(output.splitlines()) == 1


def test_a_taken_port_is_told_in_one_line() -> None:
    server = ServerProcess(DEMO).start()
    try:
        finished = run_command(["serve", "--port", str(server.port)], DEMO)
    finally:
        server.stop()

    assert finished.returncode != 0
    assert str(server.port) in finished.stdout + finished.stderr
    assert "Traceback" not in finished.stdout + finished.stderr


def test_listening_wider_with_keys_works() -> None:
    port = free_port()
    server = ServerProcess(DEMO | {"SERVER_API_KEYS": "k"}, ["--host", "0.0.0.0", "--port", str(port)])
    server.port, server.url = port, f"http://127.0.0.1:{port}"
    server.start()
    try:
        assert httpx.get(f"{server.url}/v1/models", timeout=5.0).status_code == 401
        assert httpx.get(f"{server.url}/v1/models", headers={"x-api-key": "k"}, timeout=5.0).status_code == 200
    finally:
        server.stop()


def test_sigterm_ends_the_server_and_its_children_quickly() -> None:
    server = ServerProcess(DEMO).start()
    group = os.getpgid(server.pid)
    began = time.monotonic()

    code = server.stop()

    assert time.monotonic() - began < 5.0
    assert code is not None
    assert code in (0, -15, 143)
    assert processes_of(group) == []


def test_without_any_key_the_demo_runs_and_says_so() -> None:
    server = ServerProcess({}).start()
    try:
        health = httpx.get(f"{server.url}/health", timeout=5.0).json()
        answer = httpx.post(
            f"{server.url}/v1/messages",
            json={"model": "claude-opus-5-5", "max_tokens": 100, "messages": [{"role": "user", "content": "hi"}]},
            timeout=5.0,
        ).json()
        log = server.log()
    finally:
        server.stop()

    assert "demo" in str(health).lower()
    assert "demo" in str(answer["content"]).lower()
    assert "demo" in log.lower()


def test_the_start_prints_the_claude_code_line_and_is_fast() -> None:
    began = time.monotonic()
    server = ServerProcess(DEMO).start()
    ready = time.monotonic() - began
    log = server.log()
    server.stop()

    assert ready < 5.0
    assert f"ANTHROPIC_BASE_URL=http://127.0.0.1:{server.port}" in log


def test_only_the_dotenv_of_the_working_directory_is_read() -> None:
    server = ServerProcess({})
    (server.directory / ".env").write_text("PROXY_BACKEND=DEMO\nLOG_FORMAT=json\nMISSPELT_SETTING=1\n")
    server.start()
    log = server.log()
    server.stop()

    assert "MISSPELT_SETTING" in log


def test_prompts_and_answers_stand_in_no_file() -> None:
    server = ServerProcess(DEMO | {"LOG_LEVEL": "debug"}).start()
    secret = "the-very-private-prompt"
    try:
        response = httpx.post(
            f"{server.url}/v1/messages",
            json={"model": "m", "max_tokens": 50, "messages": [{"role": "user", "content": f"{secret} ?"}]},
            timeout=5.0,
        )
        broken = httpx.post(f"{server.url}/v1/messages", json={"model": secret, "messages": secret}, timeout=5.0)
        found = [path for path in files_of(server.directory) if secret.encode() in path.read_bytes()]
    finally:
        server.stop()

    assert response.status_code == 200
    assert broken.status_code == 400
    assert found == []


def files_of(directory: Path) -> list[Path]:
    """All regular files below a directory."""
    return [path for path in directory.rglob("*") if path.is_file()]


def test_sigterm_loses_no_run_of_an_open_stream() -> None:
    server = ServerProcess(DEMO).start()
    slow = body(stream=True) | {"messages": [{"role": "user", "content": "demo:text hi\ndemo:slow 60\ndemo:text ho"}]}
    headers = {"anthropic-version": "2023-06-01"}
    with (
        httpx.Client(timeout=10.0, headers=headers) as http,
        http.stream("POST", f"{server.url}/v1/messages", json=slow) as response,
    ):
        next(response.iter_bytes())
        group = os.getpgid(server.pid)
        os.kill(server.pid, signal.SIGTERM)
        deadline = time.monotonic() + 10
        while processes_of(group) and time.monotonic() < deadline:
            time.sleep(0.05)
        lines = [orjson.loads(line) for line in server.log().splitlines() if line.startswith("{")]
    server.stop()

    (run,) = [line for line in lines if line["event"] == "run_ended"]
    assert run["state"] == "Cancelled"
    assert [line["path"] for line in lines if line["event"] == "request" and line["path"] != "/health"] == [
        "/v1/messages"
    ]


def test_every_line_of_the_log_is_json_even_where_the_port_is_taken() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = run_command(["serve", "--port", str(taken.getsockname()[1]), "--backend", "demo"])

    assert done.returncode != 0
    assert [orjson.loads(line)["level"] for line in done.stderr.splitlines()] == ["error"]


def test_a_key_pasted_into_dotenv_without_a_name_is_not_repeated() -> None:
    server = ServerProcess(DEMO)
    (server.directory / ".env").write_text("sk-or-v1-pasted-by-mistake\n")
    server.start()
    try:
        assert "pasted-by-mistake" not in server.log()
        assert "without `=`" in server.log()
    finally:
        server.stop()
