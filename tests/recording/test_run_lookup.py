"""Runs are found in a real Prefect: by request id, by session, by people in a browser."""

import os
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect, sync_playwright

from openrouter_anthropic_server.errors import UpstreamError
from openrouter_anthropic_server.orchestration.recorder import payloads
from openrouter_anthropic_server.orchestration.run_lookup import PrefectRunDirectory
from openrouter_anthropic_server.orchestration.run_summaries import tagged_runs_address
from openrouter_anthropic_server.ports.run_directory import RecorderState
from openrouter_anthropic_server.settings.recording import prefect_headers
from tests.api.calls import assert_error
from tests.recording.prefect_server import PrefectServer
from tests.recording.recorded_server import RecordedServer, body, recorded_server, wait_for_final
from tests.recording.run_records import finished_run
from tests.server_process import run_command

pytestmark = pytest.mark.timeout(180)

_FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking")


@pytest.fixture(scope="module", name="prefect")
def _prefect() -> Iterator[PrefectServer]:
    server = PrefectServer("sqlite").start()
    yield server
    server.stop()


@pytest.fixture(scope="module", name="recorded")
def _recorded(prefect: PrefectServer) -> Iterator[RecordedServer]:
    with recorded_server(prefect) as recorded:
        yield recorded


@pytest.fixture(name="directory")
async def _directory(prefect: PrefectServer, tmp_path: Path) -> AsyncIterator[PrefectRunDirectory]:
    directory = PrefectRunDirectory(tmp_path / "recorder.json", api_url=prefect.api_url, ui_url=None, headers={})
    yield directory
    await directory.aclose()


def delivering(server: PrefectServer) -> RecorderState:
    """What the directory tells while all is well."""
    return RecorderState("delivering", prefect_api_url=server.api_url, prefect_ui_url=server.url)


class Prefect:
    """Makes flow runs as the recorder does."""

    def __init__(self, server: PrefectServer) -> None:
        self._http = httpx.Client(base_url=server.api_url, timeout=30)
        self._flow = self.post("/flows/", {"name": "create-message"})["id"]

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        response = self._http.post(path, json=body)
        response.raise_for_status()
        answer: dict[str, Any] = response.json()
        return answer

    def add(self, name: str, session: str, ended: float, **changes: Any) -> str:
        record = finished_run(name, ended=ended)
        record.tags = [f"session:{session}", "class:main"]
        return str(self.post("/flow_runs/", payloads.flow_run(record, self._flow) | changes)["id"])

    def close(self) -> None:
        self._http.close()


@pytest.fixture(scope="module", name="prefect_runs")
def _prefect_runs(prefect: PrefectServer) -> Iterator[Prefect]:
    runs = Prefect(prefect)
    yield runs
    runs.close()


async def test_a_run_is_found_by_its_request_id(
    prefect: PrefectServer, prefect_runs: Prefect, directory: PrefectRunDirectory
) -> None:
    flow_run_id = prefect_runs.add("req_found", "s-found", 1000.0)

    assert await directory.address("req_found", delivering(prefect)) == f"{prefect.url}/runs/flow-run/{flow_run_id}"
    assert await directory.address("req_other", delivering(prefect)) is None


async def test_runs_of_a_session_are_those_of_its_tag_in_their_true_order(
    prefect: PrefectServer, prefect_runs: Prefect, directory: PrefectRunDirectory
) -> None:
    for name, session, ended in (("req_b", "s-1", 2000.0), ("req_c", "s-1", 3000.0), ("req_a", "s-1", 1000.0)):
        prefect_runs.add(name, session, ended)
    prefect_runs.add("req_of_another", "s-10", 1500.0)

    found = await directory.session("s-1", delivering(prefect))

    assert [run.name for run in found] == ["req_a", "req_b", "req_c"]
    first = found[0]
    assert (first.state, first.flow, first.duration_seconds) == ("Completed", "create_message", 0.6)
    assert first.started == pytest.approx(999.4)
    assert first.facts["input_tokens"] == 120
    assert first.facts["cost"] == 0.0012
    assert first.facts["stream"] is False
    assert first.facts["request_class"] == "main"


async def test_a_long_session_is_whole(
    prefect: PrefectServer, prefect_runs: Prefect, directory: PrefectRunDirectory
) -> None:
    for number in range(203):
        prefect_runs.add(f"req_{number:04}", "s-long", 1000.0 + number)

    found = await directory.session("s-long", delivering(prefect))

    assert [run.name for run in found] == [f"req_{number:04}" for number in range(203)]


async def test_an_unknown_session_has_no_runs(prefect: PrefectServer, directory: PrefectRunDirectory) -> None:
    assert await directory.session("nobody's", delivering(prefect)) == []


async def test_an_open_run_is_listed_without_a_duration(
    prefect: PrefectServer, prefect_runs: Prefect, directory: PrefectRunDirectory
) -> None:
    running = {"state": {"type": "RUNNING"}, "labels": {"started": "2026-11-21T00:00:00+00:00"}}
    prefect_runs.add("req_open", "s-open", 1000.0, **running)

    (run,) = await directory.session("s-open", delivering(prefect))

    assert (run.state, run.duration_seconds, run.facts) == ("Running", None, {"request_class": "main"})


@pytest.mark.parametrize("version", ["", "/v2"], ids=["older-ui", "newer-ui"])
@pytest.mark.blocking_allowed("a browser is driven with blocking calls")
def test_the_list_of_a_session_shows_its_runs_only(prefect: PrefectServer, prefect_runs: Prefect, version: str) -> None:
    session = f"s & browser{version[1:]}"
    now = time.time()
    prefect_runs.add(f"req_listed{version[1:]}", session, now)
    prefect_runs.add(f"req_unlisted{version[1:]}", "s-else", now)

    address = tagged_runs_address(prefect.url + version, f"session:{session}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(_FLAGS))
        page = browser.new_page()
        page.goto(address)
        expect(page.get_by_text(f"req_listed{version[1:]}").first).to_be_visible(timeout=20_000)
        expect(page.get_by_text(f"req_unlisted{version[1:]}")).to_have_count(0)
        browser.close()


async def test_a_prefect_with_a_password_is_asked_with_it(tmp_path: Path) -> None:
    server = PrefectServer("sqlite", {"PREFECT_SERVER_API_AUTH_STRING": "admin:pass"}).start()
    try:
        for auth, allowed in (("admin:pass", True), ("admin:wrong", False)):
            directory = PrefectRunDirectory(
                tmp_path / "none", api_url=server.api_url, ui_url=None, headers=prefect_headers(None, auth)
            )
            if allowed:
                assert await directory.address("req_1", delivering(server)) is None
            else:
                with pytest.raises(UpstreamError, match="refuses the key"):
                    await directory.address("req_1", delivering(server))
            await directory.aclose()
    finally:
        server.stop()


@pytest.fixture(scope="module", name="listed")
def _listed(recorded: RecordedServer) -> list[str]:
    """Two requests of one session, in Prefect."""
    headers = {"x-claude-code-session-id": "s-served"}
    names = []
    for stream in (True, False):
        answer = httpx.post(f"{recorded.server.url}/v1/messages", json=body(stream=stream), headers=headers, timeout=30)
        names.append(str(answer.headers["request-id"]))
    wait_for_final(recorded.reader, names, 30)
    return names


def test_the_server_leads_from_a_request_id_to_its_run(recorded: RecordedServer, listed: list[str]) -> None:
    answer = httpx.get(f"{recorded.server.url}/runs/{listed[0]}")

    assert answer.status_code == 307
    assert answer.headers["location"].endswith(f"/runs/flow-run/{recorded.reader.run(listed[0])['id']}")
    assert answer.headers["request-id"].startswith("req_")
    page = httpx.get(answer.headers["location"], headers={"accept": "text/html"})
    assert (page.status_code, page.headers["content-type"].partition(";")[0]) == (200, "text/html")


def test_a_run_that_nobody_knows_may_be_on_its_way(recorded: RecordedServer, listed: list[str]) -> None:
    answer = httpx.get(f"{recorded.server.url}/runs/req_0123456789abcdef01234567")

    assert_error(answer, 404, "not_found_error", "it may still be on its way")


def test_the_server_lists_a_session_with_totals(recorded: RecordedServer, listed: list[str]) -> None:
    answer = httpx.get(f"{recorded.server.url}/runs", params={"session": "s-served"}).json()

    assert [run["name"] for run in answer["runs"]] == listed
    first, second = answer["runs"]
    assert first["facts"]["first_token_ms"] > 0
    assert answer["totals"]["runs"] == 2
    assert answer["totals"]["input_tokens"] == first["facts"]["input_tokens"] + second["facts"]["input_tokens"]
    assert answer["totals"]["cost"] == pytest.approx(2 * first["facts"]["cost"])
    assert answer["session"] == "s-served"


def test_the_command_prints_the_session(recorded: RecordedServer, listed: list[str], prefect: PrefectServer) -> None:
    done = run_command(["runs", "session", "s-served"], {"PORT": str(recorded.server.port)})

    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [name in line for name, line in zip(listed, lines[1:3], strict=True)] == [True, True]
    assert lines[3].startswith("total")
    assert "2 runs" in lines[3]
    assert "$0.0008" in lines[3]
    assert lines[4].startswith(f"In Prefect: {prefect.url}/runs?tag=session%3As-served")


def test_health_and_metrics_tell_that_runs_arrive(recorded: RecordedServer, listed: list[str]) -> None:
    deadline = time.monotonic() + 10
    while (found := recorded.detailed())["recorder"]["recorded"] < len(listed):
        assert time.monotonic() < deadline, found
        time.sleep(0.2)

    assert found["status"] == "ok"
    assert found["prefect"]["reachable"] is True
    metrics = httpx.get(f"{recorded.server.url}/metrics").text
    assert "openrouter_anthropic_server_prefect_reachable 1.0" in metrics


def chromium() -> str:
    """Where the browser is; without one skip, but fail where CI=true."""
    found = shutil.which("chromium")
    if found is None:
        reason = "Chromium is not installed (Debian package chromium)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return found
