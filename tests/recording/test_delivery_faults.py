"""Prefect fails in every way it can: no run is lost, none is there twice, and a problem is told in one line."""

import asyncio
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest
import structlog

from openrouter_anthropic_server.orchestration.recorder import confirmation, recording_loop, sending
from openrouter_anthropic_server.orchestration.recorder.connection import PrefectAddressSource
from openrouter_anthropic_server.orchestration.recorder.delivery import Delivery
from openrouter_anthropic_server.orchestration.recorder.prefect_api import PrefectApi, PrefectUnavailableError
from openrouter_anthropic_server.orchestration.recorder.recording_loop import RecordingLoop
from openrouter_anthropic_server.orchestration.recorder.run_work import Ticket
from openrouter_anthropic_server.ports.run_records import ParentStep, RunRecord, StepRecord
from tests.recording.fault_proxy import FaultKind, FaultProxy, Hits
from tests.recording.prefect_server import PrefectReader, PrefectServer, PrefectServers
from tests.recording.recorder_process import RecorderProcess
from tests.recording.run_records import finished_run, running_run, write_finished

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.blocking_allowed("the recorder's event loop is its own, so it reads files there"),
]


@pytest.fixture(name="proxy")
def _proxy(sqlite_prefect: PrefectServer) -> Iterator[FaultProxy]:
    proxy = FaultProxy(sqlite_prefect.url).start()
    yield proxy
    proxy.stop()


@pytest.fixture(name="prefix")
def _prefix() -> str:
    return f"fault{token_hex(3)}"


def drain(spool: Path, api_url: str, timeout_seconds: float = 30.0) -> int:
    """Deliver everything, in this process; the exit code."""

    async def run() -> int:
        api = PrefectApi("", timeout_seconds=timeout_seconds)
        loop = RecordingLoop(spool, PrefectAddressSource(api_url, None, spool), api, structlog.get_logger())
        loop.end("drain")
        try:
            return await loop.run()
        finally:
            await api.close()

    return asyncio.run(run())


def state_in(spool: Path) -> dict[str, Any]:
    """What the recorder last wrote of itself."""
    state: dict[str, Any] = json.loads((spool / "recorder.json").read_text())
    return state


def each_once(paths: Sequence[str]) -> Hits:
    """Hits the first request to each path."""
    left = set(paths)

    def hits(_method: str, path: str, _body: bytes) -> bool:
        if path not in left:
            return False
        left.remove(path)
        return True

    return hits


def whole(runs: int) -> dict[str, int]:
    """What `finished_run`s leave in Prefect."""
    return {"flow_runs": runs, "task_runs": 6 * runs, "artifacts": runs, "logs": 4 * runs}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of three runs after the first request to each of some paths failed."""

    exit_code: int
    faults: int
    held: dict[str, int]


_FAILURES: dict[FaultKind, Sequence[str]] = {
    "cut_after": ("/flow_runs/", "/artifacts/", "/logs/"),
    "cut_before": ("/artifacts/", "/events"),
    "hang_after": ("/artifacts/", "/logs/"),
    "busy": ("/flows/", "/flow_runs/", "/artifacts/", "/logs/", "/events", "/task_runs/count"),
    "gone_503": ("/artifacts/",),
    "too_many_429": ("/artifacts/",),
    "broken_500": ("/flow_runs/", "/logs/"),
    "html_200": ("/logs/",),
}


@pytest.fixture(name="outcomes", scope="module")
def _outcomes(prefect_servers: PrefectServers, tmp_path_factory: pytest.TempPathFactory) -> Mapping[FaultKind, Outcome]:
    """All failures at once, each with a recorder, a spool and a way to the server of its own."""
    server, directory = prefect_servers.get("sqlite"), tmp_path_factory.mktemp("faults")
    reader = PrefectReader(server)

    def outcome(kind: FaultKind) -> Outcome:
        proxy, prefix = FaultProxy(server.url).start(), f"{kind}{token_hex(3)}"
        write_finished(directory / kind, [f"{prefix}-{number}" for number in range(3)])
        proxy.inject(kind, each_once(_FAILURES[kind]))
        # Those without an answer are waited for; the others may have to wait for each other.
        exit_code = drain(directory / kind, proxy.api_url, timeout_seconds=2.0 if kind == "hang_after" else 30.0)
        proxy.stop()
        return Outcome(exit_code, proxy.faults, reader.counts(prefix))

    try:
        with ThreadPoolExecutor(len(_FAILURES)) as pool:
            return dict(zip(_FAILURES, pool.map(outcome, _FAILURES), strict=True))
    finally:
        reader.close()


@pytest.mark.parametrize("kind", _FAILURES)
def test_requests_that_fail_lose_and_double_nothing(outcomes: Mapping[FaultKind, Outcome], kind: FaultKind) -> None:
    outcome = outcomes[kind]

    assert (outcome.exit_code, outcome.held) == (0, whole(3))
    assert outcome.faults == len(_FAILURES[kind])


def test_a_recorder_that_dies_after_any_of_its_requests_leaves_no_trace(
    sqlite_prefect: PrefectServer, held: PrefectReader, prefix: str
) -> None:
    """One family of runs per crash point: the first try ends after its n-th request, the second one finishes all."""
    points = 16
    families = [_family(f"{prefix}-{point:02}") for point in range(points)]
    proxies = [FaultProxy(sqlite_prefect.url).start() for _ in families]

    async def die_everywhere() -> None:
        await asyncio.gather(*map(_deliver_until_death, proxies, families, range(points)))

    try:
        asyncio.run(die_everywhere())
    finally:
        for proxy in proxies:
            proxy.stop()
    assert all(proxy.faults for proxy in proxies[:12]), "some crash points were not reached"
    assert held.counts(prefix)["task_runs"] < 8 * points
    asyncio.run(_deliver(sqlite_prefect.api_url, [record for family in families for record in family], suspect=True))

    assert held.counts(prefix) == {
        "flow_runs": 2 * points,
        "task_runs": 8 * points,
        "artifacts": 2 * points,
        "logs": 4 * points,
    }


def _family(name: str) -> list[RunRecord]:
    """A run of seven steps whose last one is a subflow of one step."""
    parent = finished_run(name)
    child = RunRecord(f"{name}-6", parent.started, "inner", parent.ended, "Completed", parent=ParentStep(name, 6))
    child.steps = [StepRecord(0, "inside", parent.started, parent.started + 0.1, "Completed")]
    parent.steps.append(
        StepRecord(6, "inner", parent.started, parent.ended, "Completed", upstream=(5,), child=child.name)
    )
    return [child, parent]


async def _deliver_until_death(proxy: FaultProxy, records: list[RunRecord], requests: int) -> None:
    """Deliver, but after so many requests every further one is done and not answered."""
    proxy.inject("cut_after", lambda *_: len(proxy.requests) > requests)
    with suppress(PrefectUnavailableError):
        await _deliver(proxy.api_url, records)


async def _deliver(api_url: str, records: list[RunRecord], *, suspect: bool = False) -> None:
    """Deliver until all is confirmed."""
    api = PrefectApi(api_url)
    delivery = Delivery(api, structlog.get_logger())
    for record in records:
        delivery.ended(record, Ticket(), suspect=suspect)
    deadline = time.monotonic() + 60
    try:
        while delivery.unfinished():
            assert time.monotonic() < deadline
            if not await delivery.round():
                await asyncio.sleep(0.05)
    finally:
        await api.close()


def test_a_server_that_comes_late_and_goes_gets_everything(
    proxy: FaultProxy, held: PrefectReader, tmp_path: Path, prefix: str
) -> None:
    spool = tmp_path / "spool"
    proxy.refuse()
    write_finished(spool, [f"{prefix}-a{number}" for number in range(3)])
    recorder = RecorderProcess(spool, proxy.api_url).start()
    waiting = recorder.until(lambda state: state["phase"] == "waiting_for_prefect")
    assert (waiting["prefect_reachable"], waiting["backlog"]) == (False, 3)
    assert proxy.api_url in waiting["problem"]
    assert waiting["lag_seconds"] > 0

    proxy.accept()
    recorder.until(lambda state: state["recorded"] == 3)
    proxy.refuse()
    write_finished(spool, [f"{prefix}-b{number}" for number in range(3)])
    recorder.until(lambda state: state["phase"] == "waiting_for_prefect" and state["backlog"] == 3)
    proxy.accept()
    done = recorder.until(lambda state: state["recorded"] == 6)

    assert (done["phase"], done["problem"], done["dropped"]) == ("delivering", None, 0)
    assert recorder.stop() == 0
    assert held.counts(prefix) == whole(6)
    assert recorder.log().count("prefect_not_reached") <= 4, "a line per change, not per try"


def test_task_runs_that_a_killed_server_had_only_in_memory_are_sent_again(
    sqlite_prefect: PrefectServer, held: PrefectReader, proxy: FaultProxy, tmp_path: Path, prefix: str
) -> None:
    spool = tmp_path / "spool"
    write_finished(spool, [f"{prefix}-{number}" for number in range(10)])
    recorder = RecorderProcess(spool, proxy.api_url).start()
    deadline = time.monotonic() + 20
    while ("POST", "/events") not in proxy.requests:
        assert time.monotonic() < deadline
        time.sleep(0.002)
    sqlite_prefect.kill()
    sqlite_prefect.start()

    state = recorder.until(lambda state: state["recorded"] == 10, 60)

    assert (state["dropped"], state["backlog"]) == (0, 0)
    assert state["retried"] > 0
    assert recorder.stop() == 0
    assert held.counts(prefix) == whole(10)


def test_an_address_without_a_prefect_api_is_told_and_drops_nothing(
    proxy: FaultProxy, held: PrefectReader, tmp_path: Path, prefix: str
) -> None:
    spool, wrong = tmp_path / "spool", proxy.api_url.removesuffix("/api")
    write_finished(spool, [f"{prefix}-{number}" for number in range(2)])
    recorder = RecorderProcess(spool, wrong).start()
    state = recorder.until(lambda state: state["phase"] == "waiting_for_prefect")
    assert recorder.stop() == 0
    said = f"PREFECT_API_URL {wrong}: answers 404 at /health, which is no Prefect API; the address must end in /api"
    assert state["problem"] == said
    assert (state["backlog"], state["dropped"]) == (2, 0)

    proxy.inject("html_200")
    recorder.with_address(proxy.api_url).start()
    said = f"PREFECT_API_URL {proxy.api_url}: answers something else at /health, which is no Prefect API"
    recorder.until(lambda state: state["problem"] == said)

    proxy.heal()
    recorder.until(lambda state: state["recorded"] == 2)
    assert recorder.stop() == 0
    assert held.counts(prefix) == whole(2)


def test_a_run_on_which_prefect_always_fails_is_given_up_while_others_arrive(
    proxy: FaultProxy, held: PrefectReader, tmp_path: Path, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "_HOLD_SECONDS", (0.01, 0.1))
    monkeypatch.setattr(sending, "_POISON_SECONDS", 0.2)
    monkeypatch.setattr(sending, "SETTLE_SECONDS", 0.05)
    poison = f"{prefix}-poison".encode()
    proxy.inject("broken_500", lambda _method, path, body: path == "/flow_runs/" and poison in body)
    write_finished(tmp_path / "spool", [f"{prefix}-poison", f"{prefix}-1", f"{prefix}-2"])

    assert drain(tmp_path / "spool", proxy.api_url) == 0

    assert state_in(tmp_path / "spool")["dropped"] == 1
    assert held.counts(prefix) == whole(2)


async def test_a_run_that_somebody_deletes_is_there_again_at_its_end(
    sqlite_prefect: PrefectServer, held: PrefectReader, prefix: str
) -> None:
    api = PrefectApi(sqlite_prefect.api_url)
    delivery = Delivery(api, structlog.get_logger())
    delivery.begun(running_run(prefix))
    deadline = time.monotonic() + 20
    while held.count("task_runs", prefix) < 3:
        assert time.monotonic() < deadline
        await delivery.round()
        await asyncio.sleep(0.1)
    held.delete_run(held.run(prefix)["id"])

    delivery.ended(finished_run(prefix, flow="stream_message"), Ticket())
    while delivery.unfinished():
        assert time.monotonic() < deadline
        await delivery.round()
        await asyncio.sleep(0.1)
    await api.close()

    assert held.counts(prefix) == whole(1)


def test_task_runs_that_never_arrive_do_not_hold_up_the_spool_for_ever(
    proxy: FaultProxy, held: PrefectReader, tmp_path: Path, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(confirmation, "_OVERDUE_SECONDS", 0.05)
    monkeypatch.setattr(confirmation, "_FIRST_LOOK_SECONDS", 0.1)
    monkeypatch.setattr(confirmation, "_NEXT_LOOK_SECONDS", 0.1)
    sent: list[str] = []

    def is_event(_method: str, path: str, body: bytes) -> bool:
        if path == "/events":
            sent.extend(event["id"] for event in json.loads(body))
        return path == "/events"

    proxy.inject("swallowed", is_event)
    spool = tmp_path / "spool"
    write_finished(spool, [f"{prefix}-lost"])

    assert drain(spool, proxy.api_url) == 0

    state = state_in(spool)
    assert (state["dropped"], state["recorded"], state["backlog"]) == (1, 0, 0)
    assert proxy.faults == 5
    assert len(set(sent)) == len(sent) == 5 * 6, "a server passes over ids that it has seen before"
    assert held.counts(prefix) == {"flow_runs": 1, "task_runs": 0, "artifacts": 1, "logs": 4}


def test_a_drain_without_prefect_gives_up(tmp_path: Path, prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording_loop, "_DRAIN_UNREACHABLE_SECONDS", 0.5)
    write_finished(tmp_path / "spool", [f"{prefix}-0"])

    assert drain(tmp_path / "spool", "http://127.0.0.1:9/api") == 1
