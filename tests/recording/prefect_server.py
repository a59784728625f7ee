"""Real Prefect servers for tests: each a process of its own with its own home, on SQLite or Postgres."""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

import httpx
import pytest

from tests.server_process import free_port

Outcome = TypeVar("Outcome")
Database = Literal["sqlite", "postgres"]
START_SECONDS = 60.0
STOP_SECONDS = 10.0
_POSTGRES = ("127.0.0.1", 5432)
_TUNING = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_LOGGING_LEVEL": "WARNING",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_TRIGGERS_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_LATE_RUNS_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_SCHEDULER_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "500",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "500",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
}


class PrefectServer:
    """One Prefect server on a free port. `stop` removes its files and its database.

    `kill` and `start` again keep both: what a crash of the server leaves behind.
    """

    def __init__(self, database: Database, env: Mapping[str, str] | None = None) -> None:
        self.database = database
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.api_url = f"{self.url}/api"
        self._home = Path(tempfile.mkdtemp(prefix="prefect-under-test-"))
        self._database_name = f"recording_tests_{secrets.token_hex(6)}" if database == "postgres" else None
        self._env = dict(env or {})
        self._process: subprocess.Popen[bytes] | None = None
        if self._database_name:
            _sql(f"CREATE DATABASE {self._database_name}")

    def launch(self) -> Self:
        """Start it without waiting."""
        command = [sys.executable, "-m", "uvicorn", "--factory", "prefect.server.api.server:create_app"]
        with (self._home / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "--host", "127.0.0.1", "--port", str(self.port), "--log-level", "warning"],
                env=self._environment(),
                cwd=self._home,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self

    def start(self) -> Self:
        """Start it and wait until it answers."""
        self.launch()
        self.wait()
        return self

    def wait(self) -> None:
        """Wait until it answers; raises `RuntimeError` with its log if it does not."""
        assert self._process is not None
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"Prefect did not start:\n{self.log()[-4000:]}")
            time.sleep(0.1)

    def kill(self) -> None:
        """SIGKILL, as a crash."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(STOP_SECONDS)
            self._process = None

    def pause(self) -> None:
        """SIGSTOP: it takes connections and answers nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """End it and remove what it left."""
        self.kill()
        shutil.rmtree(self._home, ignore_errors=True)
        if self._database_name:
            _sql(f"DROP DATABASE IF EXISTS {self._database_name} WITH (FORCE)")

    def files(self) -> list[Path]:
        """Every file in its home: the database with what is not merged into it yet, and the log."""
        return [path for path in self._home.rglob("*") if path.is_file()]

    def log(self) -> str:
        """Everything it has printed."""
        return (self._home / "server.log").read_text(encoding="utf-8", errors="replace")

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.api_url}/health", timeout=1.0).status_code == 200
        except httpx.TransportError:
            return False

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ.get("PATH", "/usr/local/bin:/usr/bin:/bin"),
            "HOME": str(self._home),
            "LANG": "C.UTF-8",
            "PREFECT_HOME": str(self._home),
            "PREFECT_API_DATABASE_CONNECTION_URL": self._connection_url(),
            "PREFECT_UI_API_URL": self.api_url,
            **_TUNING,
            **self._env,
        }

    def _connection_url(self) -> str:
        if self._database_name is None:
            return f"sqlite+aiosqlite:///{self._home}/prefect.db"
        host, port = _POSTGRES
        return f"postgresql+asyncpg://root@{host}:{port}/{self._database_name}"


class PrefectServers:
    """One server per database for the whole test run; the first that is asked for starts them all at once."""

    def __init__(self) -> None:
        self._servers: dict[Database, PrefectServer] = {}

    def get(self, database: Database) -> PrefectServer:
        """The running server; skips without its database."""
        if database == "postgres":
            require_postgres()
        if not self._servers:
            kinds: list[Database] = ["sqlite", "postgres"] if _postgres_problem() is None else ["sqlite"]
            self._servers = {kind: PrefectServer(kind).launch() for kind in kinds}
        self._servers[database].wait()
        return self._servers[database]

    def on_each(self, work: Callable[[PrefectServer], Outcome]) -> dict[Database, Outcome]:
        """Do something with the servers of all databases at the same time; what came of it, by database."""
        self.get("sqlite")
        for server in self._servers.values():
            server.wait()
        with ThreadPoolExecutor(len(self._servers)) as pool:
            return dict(zip(self._servers, pool.map(work, self._servers.values()), strict=True))

    def stop(self) -> None:
        """Stop them all."""
        for server in self._servers.values():
            server.stop()


@pytest.fixture(name="prefect_servers", scope="session")
def prefect_servers_fixture() -> Iterator[PrefectServers]:
    """The servers of the whole test run."""
    servers = PrefectServers()
    yield servers
    servers.stop()


@pytest.fixture(name="sqlite_prefect")
def sqlite_prefect_fixture(prefect_servers: PrefectServers) -> PrefectServer:
    """A Prefect server on SQLite."""
    return prefect_servers.get("sqlite")


@pytest.fixture(name="prefect", scope="module", params=["sqlite", "postgres"])
def prefect_fixture(request: pytest.FixtureRequest, prefect_servers: PrefectServers) -> PrefectServer:
    """A Prefect server on each database."""
    return prefect_servers.get(request.param)


@pytest.fixture(name="reader", scope="module")
def reader_fixture(prefect: PrefectServer) -> "Iterator[PrefectReader]":
    """Reads what that server holds."""
    reader = PrefectReader(prefect)
    yield reader
    reader.close()


@pytest.fixture(name="held")
def held_fixture(sqlite_prefect: PrefectServer) -> "Iterator[PrefectReader]":
    """Reads what the server on SQLite holds."""
    reader = PrefectReader(sqlite_prefect)
    yield reader
    reader.close()


class PrefectReader:
    """Reads what a Prefect server holds, page by page."""

    def __init__(self, server: PrefectServer) -> None:
        self._client = httpx.Client(base_url=server.api_url, timeout=30.0)

    def close(self) -> None:
        """Close its connections."""
        self._client.close()

    def runs(self, names: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
        """Flow runs by name."""
        found: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
        for start in range(0, len(names), 100):
            query = {"flow_runs": {"name": {"any_": list(names[start : start + 100])}}}
            for run in self.pages("/flow_runs/filter", query):
                found[run["name"]].append(run)
        return found

    def run(self, name: str) -> dict[str, Any]:
        """The one flow run of this name."""
        (run,) = self.runs([name])[name]
        return run

    def task_runs(self, flow_run_id: str) -> list[dict[str, Any]]:
        """Its task runs in the order of their starts."""
        runs = self.pages("/task_runs/filter", {"task_runs": {"flow_run_id": {"any_": [flow_run_id]}}})
        return sorted(runs, key=lambda run: (run["start_time"], int(run["dynamic_key"])))

    def artifacts(self, flow_run_ids: Sequence[str]) -> list[dict[str, Any]]:
        """Artifacts of these flow runs."""
        return self.pages("/artifacts/filter", {"artifacts": {"flow_run_id": {"any_": list(flow_run_ids)}}})

    def logs(self, flow_run_ids: Sequence[str]) -> list[dict[str, Any]]:
        """Log lines of these flow runs, oldest first."""
        return self.pages("/logs/filter", {"logs": {"flow_run_id": {"any_": list(flow_run_ids)}}})

    def delete_run(self, flow_run_id: str) -> None:
        """Delete a flow run, as people do in the UI."""
        self._client.delete(f"/flow_runs/{flow_run_id}").raise_for_status()

    def graph(self, flow_run_id: str) -> dict[str, Any]:
        """The graph that the UI draws."""
        answer = self._client.get(f"/flow_runs/{flow_run_id}/graph-v2")
        answer.raise_for_status()
        graph: dict[str, Any] = answer.json()
        return graph

    def count(self, kind: Literal["flow_runs", "task_runs"], name_part: str) -> int:
        """How many there are of a kind, in flow runs whose names contain `name_part`."""
        answer = self._client.post(f"/{kind}/count", json={"flow_runs": {"name": {"like_": name_part}}})
        answer.raise_for_status()
        return int(answer.json())

    def counts(self, name_part: str) -> dict[str, int]:
        """How many of everything there are for the flow runs whose names contain `name_part`."""
        ids = [run["id"] for run in self.pages("/flow_runs/filter", {"flow_runs": {"name": {"like_": name_part}}})]
        found = {"flow_runs": len(ids), "task_runs": self.count("task_runs", name_part), "artifacts": 0, "logs": 0}
        for start in range(0, len(ids), 100):
            found["artifacts"] += len(self.artifacts(ids[start : start + 100]))
            found["logs"] += len(self.logs(ids[start : start + 100]))
        return found

    def pages(self, path: str, query: Mapping[str, Any]) -> list[dict[str, Any]]:
        """All rows of a filter route."""
        rows: list[dict[str, Any]] = []
        while True:
            answer = self._client.post(path, json={**query, "limit": 200, "offset": len(rows)})
            answer.raise_for_status()
            page = answer.json()
            rows += page
            if len(page) < 200:
                return rows


def require_postgres() -> None:
    """Skip without Postgres on 127.0.0.1:5432, but fail where CI=true."""
    reason = _postgres_problem()
    if reason is not None:
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)


def _postgres_problem() -> str | None:
    try:
        socket.create_connection(_POSTGRES, timeout=2).close()
    except OSError as error:
        return f"no PostgreSQL at {_POSTGRES[0]}:{_POSTGRES[1]}: {error}"
    return None


def _sql(statement: str) -> None:
    """Run one statement as a superuser, in a process of its own: asyncpg wants an event loop."""
    host, port = _POSTGRES
    script = (
        "import asyncio, asyncpg, sys\n"
        "async def run():\n"
        f"    connection = await asyncpg.connect(host={host!r}, port={port}, user='root', database='postgres')\n"
        "    await connection.execute(sys.argv[1])\n"
        "    await connection.close()\n"
        "asyncio.run(run())\n"
    )
    subprocess.run([sys.executable, "-c", script, statement], check=True, timeout=30)
