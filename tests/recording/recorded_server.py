"""The real server with recording on, and what its Prefect says about the requests that were sent."""

import json
import os
import signal
import time
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.recording.prefect_server import PrefectReader, PrefectServer
from tests.server_process import UPSTREAM_KEY, ServerProcess
from tests.upstreams.server import FakeOpenRouter

FINAL = frozenset(("COMPLETED", "FAILED", "CANCELLED", "CRASHED"))
MESSAGES_MODEL = "anthropic/claude-sonnet-4.5"
CHAT_MODEL = "openai/gpt-5"


def body(text: str = "Say hello", *, model: str = MESSAGES_MODEL, stream: bool = False) -> dict[str, Any]:
    """A small request."""
    return {"model": model, "max_tokens": 64, "stream": stream, "messages": [{"role": "user", "content": text}]}


@dataclass(slots=True)
class RecordedServer:
    """A server whose runs go to `prefect`, in front of a fake OpenRouter."""

    server: ServerProcess
    upstream: FakeOpenRouter
    reader: PrefectReader
    client: httpx.Client
    killed: set[int] = field(default_factory=set)

    def ask(self, text: str = "Say hello", *, model: str = MESSAGES_MODEL, stream: bool = False) -> str:
        """Send one request and read its whole answer; its request id."""
        answer = self.client.post(f"{self.server.url}/v1/messages", json=body(text, model=model, stream=stream))
        return str(answer.headers["request-id"])

    def ask_many(self, count: int, text: str = "Say hello") -> list[str]:
        """Send `count` requests over some connections, every other one for a stream; their request ids."""
        with ThreadPoolExecutor(8) as pool:
            return list(pool.map(lambda number: self.ask(text, stream=number % 2 == 0), range(count)))

    def detailed(self) -> dict[str, Any]:
        """What `/health/detailed` says."""
        answer: dict[str, Any] = httpx.get(f"{self.server.url}/health/detailed", timeout=10).json()
        return answer

    def recorder_pid(self) -> int | None:
        """The recorder's process id; None before the first one has said anything."""
        state = self.spool / "recorder.json"
        return int(json.loads(state.read_text())["pid"]) if state.exists() else None

    @property
    def spool(self) -> Path:
        """The directory of the spool."""
        return self.server.directory / "data" / "spool"

    def kill_recorder(self) -> None:
        """SIGKILL for the recorder, as soon as there is one that was not killed here before."""
        deadline = time.monotonic() + 20
        while (pid := self.recorder_pid()) is None or pid in self.killed:
            assert time.monotonic() < deadline, "no new recorder"
            time.sleep(0.05)
        self.killed.add(pid)
        os.kill(pid, signal.SIGKILL)


@contextmanager
def recorded_server(prefect: PrefectServer, *arguments: str, **env: str) -> Iterator[RecordedServer]:
    """A running server that records into `prefect`; `arguments` are added to its command line."""
    settings = {
        "RECORDING": "on",
        "PREFECT_API_URL": prefect.api_url,
        "PROXY_BACKEND": "OPENROUTER",
        "OPENROUTER_API_KEY": UPSTREAM_KEY,
    }
    upstream = FakeOpenRouter().start()
    reader = PrefectReader(prefect)
    server = ServerProcess({**settings, "OPENROUTER_BASE_URL": upstream.base_url, **env}, arguments)
    try:
        with httpx.Client(timeout=30) as client:
            yield RecordedServer(server.start(), upstream, reader, client)
    finally:
        server.stop()
        upstream.stop()
        reader.close()


def states(reader: PrefectReader, names: Sequence[str]) -> dict[str, str]:
    """State types by run name, of those runs that are there; two of one name are an error."""
    found = reader.runs(names)
    doubled = [name for name, runs in found.items() if len(runs) > 1]
    assert not doubled, f"runs that are there more than once: {doubled[:5]}"
    return {name: runs[0]["state_type"] for name, runs in found.items() if runs}


def wait_for_final(reader: PrefectReader, names: Collection[str], seconds: float) -> dict[str, str]:
    """Wait until all of `names` are in a final state; their states."""
    deadline = time.monotonic() + seconds
    while True:
        seen = _try_states(reader, list(names))
        missing = [name for name in names if seen.get(name) not in FINAL]
        if not missing:
            return seen
        if time.monotonic() > deadline:
            raise TimeoutError(f"{len(missing)} of {len(names)} runs are missing or not final: {missing[:5]}")
        time.sleep(0.5)


def wait_for_state(reader: PrefectReader, name: str, state: str, seconds: float) -> None:
    """Wait until a run is there in this state."""
    deadline = time.monotonic() + seconds
    while (seen := _try_states(reader, [name]).get(name)) != state:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{name} is {seen}, not {state}")
        time.sleep(0.2)


def wait_for_steps(reader: PrefectReader, name: str, count: int, seconds: float = 15) -> list[dict[str, Any]]:
    """Wait until a run has `count` task runs; they."""
    deadline = time.monotonic() + seconds
    while True:
        runs = reader.runs([name])[name]
        steps = reader.task_runs(runs[0]["id"]) if runs else []
        if len(steps) >= count:
            return steps
        if time.monotonic() > deadline:
            raise TimeoutError(f"{name} has {len(steps)} task runs instead of {count}")
        time.sleep(0.3)


def wait_for_artifacts(reader: PrefectReader, name: str, count: int, seconds: float = 15) -> list[dict[str, Any]]:
    """Wait until a run has `count` artifacts, which come a moment after its final state; they."""
    deadline = time.monotonic() + seconds
    while len(artifacts := reader.artifacts([reader.run(name)["id"]])) < count:
        assert time.monotonic() < deadline, f"{name} has {len(artifacts)} artifacts instead of {count}"
        time.sleep(0.2)
    return artifacts


def assert_whole(reader: PrefectReader, names: Sequence[str], steps_each: Collection[int]) -> None:
    """Each run is there once, with its task runs and one artifact; waits for what is still on its way."""
    by_id = {runs[0]["id"]: name for name, runs in reader.runs(names).items()}
    assert len(by_id) == len(names)
    deadline = time.monotonic() + 20
    while wrong := _wrong_counts(reader, by_id, steps_each) or _without_one_artifact(reader, by_id):
        assert time.monotonic() < deadline, f"task runs or artifacts per run: {wrong}"
        time.sleep(0.5)


def _wrong_counts(reader: PrefectReader, by_id: dict[str, str], allowed: Collection[int]) -> dict[str, int]:
    counts = dict.fromkeys(by_id, 0)
    ids = list(by_id)
    for start in range(0, len(ids), 50):
        chosen = {"task_runs": {"flow_run_id": {"any_": ids[start : start + 50]}}}
        for row in reader.pages("/task_runs/filter", chosen):
            counts[row["flow_run_id"]] += 1
    return {by_id[run]: count for run, count in counts.items() if count not in allowed}


def _without_one_artifact(reader: PrefectReader, by_id: dict[str, str]) -> dict[str, int]:
    ids = list(by_id)
    rows = [row for start in range(0, len(ids), 50) for row in reader.artifacts(ids[start : start + 50])]
    counts = Counter(row["flow_run_id"] for row in rows)
    return {by_id[run]: counts[run] for run in ids if counts[run] != 1}


def _try_states(reader: PrefectReader, names: list[str]) -> dict[str, str]:
    try:
        return states(reader, names)
    except (httpx.TransportError, httpx.HTTPStatusError):  # a killed or busy Prefect
        return {}
