"""The real server as a process of its own: started on a free port, waited for, stopped again."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import httpx

from tests.upstreams.server import FakeAnthropic, FakeOpenRouter, FakeUpstream

SOURCES = Path(__file__).parent.parent / "src"
START_SECONDS = 30.0
STOP_SECONDS = 15.0
UPSTREAM_KEY = "sk-or-v1-upstream-secret-of-the-tests"


class ServerProcess:
    """One running server with a scrubbed environment and an empty working directory.

    `env` holds its settings. Output of the process is in `log()`.
    """

    def __init__(self, env: Mapping[str, str] | None = None, arguments: Sequence[str] = ()) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._directory = tempfile.TemporaryDirectory(prefix="server-under-test-", ignore_cleanup_errors=True)
        self._env = environment(Path(self._directory.name), env or {})
        self._arguments = ["serve", "--host", "127.0.0.1", "--port", str(self.port), *arguments]
        self._process: subprocess.Popen[bytes] | None = None
        self._log_path = Path(self._directory.name) / "server.log"

    def start(self) -> Self:
        """Start it and wait until `/health` answers."""
        with self._log_path.open("wb") as log:
            self._process = subprocess.Popen(
                command(self._arguments),
                env=self._env,
                cwd=self._directory.name,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                log_text = self.log()
                self.stop()
                raise RuntimeError(f"the server did not start:\n{log_text[-4000:]}")
            time.sleep(0.05)
        return self

    def stop(self) -> int | None:
        """SIGTERM, then SIGKILL if that was ignored; gives the exit code."""
        if self._process is None:
            return None
        self._process.send_signal(signal.SIGTERM)
        try:
            code = self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait(STOP_SECONDS)
        self._process = None
        self._directory.cleanup()
        return code

    def log(self) -> str:
        """Everything the process has printed so far."""
        return self._log_path.read_text(encoding="utf-8", errors="replace")

    @property
    def pid(self) -> int:
        """Process id of the running server."""
        assert self._process is not None
        return self._process.pid

    @property
    def directory(self) -> Path:
        """Its working directory and HOME."""
        return Path(self._directory.name)

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/health", timeout=2.0).status_code == 200
        except httpx.TransportError:
            return False


@dataclass(slots=True)
class Gateway:
    """A running server and the fake upstream behind it (none with the demo backend)."""

    server: ServerProcess
    upstream: FakeUpstream | None = None

    @property
    def url(self) -> str:
        """Base URL for clients."""
        return self.server.url


@dataclass(slots=True)
class Gateways:
    """Servers by their settings, started on first use, kept for the whole test run."""

    _running: dict[tuple[tuple[str, str], ...], Gateway] = field(default_factory=dict)

    def demo(self, **env: str) -> Gateway:
        """A server with the offline demo model."""
        return self._get({"PROXY_BACKEND": "DEMO", **env}, None)

    def openrouter(self, **env: str) -> Gateway:
        """A server in front of a fake OpenRouter, reset."""
        return self._get({"PROXY_BACKEND": "OPENROUTER", "OPENROUTER_API_KEY": UPSTREAM_KEY, **env}, FakeOpenRouter)

    def anthropic(self, **env: str) -> Gateway:
        """A server in front of a fake upstream in Anthropic's own form, reset."""
        keys = {"PROXY_BACKEND": "ANTHROPIC", "ANTHROPIC_UPSTREAM_API_KEY": UPSTREAM_KEY}
        return self._get({**keys, **env}, FakeAnthropic)

    def close(self) -> None:
        """Stop everything."""
        for gateway in self._running.values():
            gateway.server.stop()
            if gateway.upstream is not None:
                gateway.upstream.stop()
        self._running.clear()

    def _get(self, env: dict[str, str], fake: type[FakeOpenRouter] | type[FakeAnthropic] | None) -> Gateway:
        key = tuple(sorted(env.items()))
        if key not in self._running:
            self._running[key] = _start(env, fake)
        gateway = self._running[key]
        if gateway.upstream is not None:
            gateway.upstream.reset()
        return gateway


def _start(env: dict[str, str], fake: type[FakeOpenRouter] | type[FakeAnthropic] | None) -> Gateway:
    if fake is None:
        return Gateway(ServerProcess(env).start())
    upstream = fake().start()
    base_url = {"OPENROUTER_BASE_URL": upstream.base_url, "ANTHROPIC_UPSTREAM_BASE_URL": upstream.base_url}
    try:
        return Gateway(ServerProcess(base_url | env).start(), upstream)
    except BaseException:
        upstream.stop()
        raise


def run_command(
    arguments: Sequence[str], env: Mapping[str, str] | None = None, timeout: float = START_SECONDS
) -> subprocess.CompletedProcess[str]:
    """Run the console command to its end, in a scrubbed environment and an empty directory."""
    with tempfile.TemporaryDirectory(prefix="server-under-test-") as directory:
        return subprocess.run(
            command(arguments),
            env=environment(Path(directory), env or {}),
            cwd=directory,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )


def command(arguments: Sequence[str]) -> list[str]:
    """The console command, as a module of this Python."""
    return [sys.executable, "-m", "openrouter_anthropic_server", *arguments]


def environment(home: Path, env: Mapping[str, str]) -> dict[str, str]:
    """A scrubbed environment: nothing of the developer's settings or keys; coverage measures through it."""
    coverage = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}
    base = {
        "PATH": os.environ.get("PATH", "/usr/local/bin:/usr/bin:/bin"),
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(SOURCES),
        "PYTHONUNBUFFERED": "1",
        "RECORDING": "off",  # the tests of recording turn it on
        "DATA_DIR": str(home / "data"),
    }
    return base | coverage | dict(env)


def free_port() -> int:
    """A TCP port on 127.0.0.1 that was free just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def processes_of(group: int) -> list[int]:
    """Ids of the living processes of a process group; Linux only, else none."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == group and fields[0] != "Z":
            found.append(int(entry.parent.name))
    return found
