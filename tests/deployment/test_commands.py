"""The command line as a user runs it: several workers, and Claude Code started by the server's own command."""

import os
import signal
import time
from pathlib import Path

import anthropic
import httpx
import pytest

from tests.server_process import ServerProcess, processes_of, run_command

pytestmark = pytest.mark.timeout(90)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc to see child processes")
def test_several_workers_answer_and_all_end_with_sigterm() -> None:
    server = ServerProcess({"PROXY_BACKEND": "DEMO"}, ["--workers", "2"]).start()
    try:
        client = anthropic.Anthropic(api_key="any", base_url=server.url, max_retries=0)
        for _ in range(4):
            with client.messages.stream(
                model="big", max_tokens=64, messages=[{"role": "user", "content": "demo:text hello"}]
            ) as stream:
                assert stream.get_final_text() == "hello"
        group = os.getpgid(server.pid)
        assert len(processes_of(group)) >= 3
    finally:
        code = server.stop()

    assert code in (0, -signal.SIGTERM)
    deadline = time.monotonic() + 5
    while processes_of(group) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert processes_of(group) == []


def test_a_key_is_checked_by_every_worker() -> None:
    server = ServerProcess({"PROXY_BACKEND": "DEMO", "SERVER_API_KEYS": "right"}, ["--workers", "2"]).start()
    try:
        codes = {
            httpx.get(f"{server.url}/v1/models", headers={"x-api-key": key}).status_code: key
            for key in ("right", "wrong")
        }
    finally:
        server.stop()

    assert codes == {200: "right", 401: "wrong"}


def test_the_claude_command_starts_claude_code_against_this_server(tmp_path: Path) -> None:
    fake = tmp_path / "claude"
    fake.write_text(
        '#!/bin/sh\necho "$ANTHROPIC_BASE_URL $ANTHROPIC_AUTH_TOKEN $ANTHROPIC_MODEL $ANTHROPIC_API_KEY|$*"\n'
    )
    fake.chmod(0o755)
    env = {
        "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
        "PORT": "4321",
        "SERVER_API_KEYS": "first,second",
        "ANTHROPIC_API_KEY": "of the user",
    }

    done = run_command(["claude", "-p", "hello there", "--model", "small"], env)

    assert done.returncode == 0, done.stderr
    assert done.stdout == "http://127.0.0.1:4321 first big |-p hello there --model small\n"


def test_the_claude_command_tells_the_limits_of_the_model(tmp_path: Path) -> None:
    fake = tmp_path / "claude"
    fake.write_text('#!/bin/sh\necho "$CLAUDE_CODE_MAX_CONTEXT_TOKENS $CLAUDE_CODE_MAX_OUTPUT_TOKENS"\n')
    fake.chmod(0o755)
    path = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    silent = {"ANTHROPIC_UPSTREAM_API_KEY": "any", "ANTHROPIC_UPSTREAM_BASE_URL": "http://127.0.0.1:9"}
    server = ServerProcess(silent | {"BIG_MODEL": "anthropic/claude-sonnet-4.5"}).start()
    try:
        told = run_command(["claude"], path | {"PORT": str(server.port)})
        own = run_command(["claude"], path | {"PORT": str(server.port), "CLAUDE_CODE_MAX_CONTEXT_TOKENS": "100000"})
    finally:
        server.stop()

    assert (told.stdout, own.stdout) == ("200000 \n", "100000 \n")


def test_without_claude_code_the_claude_command_says_how_to_get_it(tmp_path: Path) -> None:
    done = run_command(["claude"], {"PATH": str(tmp_path)})

    assert done.returncode == 1
    assert done.stderr.startswith("error: claude: not found")
    assert done.stderr.count("\n") == 1


def test_an_unknown_name_in_dotenv_is_warned_about(tmp_path: Path) -> None:
    server = ServerProcess({"PROXY_BACKEND": "DEMO"})
    (server.directory / ".env").write_text("OPENROUTR_API_KEY=x\n")
    server.start()
    try:
        assert "warning: OPENROUTR_API_KEY in .env is not a setting of this server" in server.log()
    finally:
        server.stop()
