"""A person's way: a request through the real server, then its run in a real browser on the embedded Prefect's UI."""

import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.recording.recorded_server import body
from tests.server_process import ServerProcess, free_port

pytestmark = [pytest.mark.timeout(180), pytest.mark.blocking_allowed("a browser is driven with blocking calls")]

_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SCREENSHOT = Path(__file__).parents[2] / "build" / "run-in-prefect.png"
"""Written by every run of the test; the documentation shows a copy."""


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    """A demo server with its own Prefect, both up."""
    running = ServerProcess({"RECORDING": "on", "PROXY_BACKEND": "DEMO", "PREFECT_PORT": str(free_port())}).start()
    _wait_for(lambda: _detailed(running)["prefect"]["reachable"])
    yield running
    running.stop()


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    """A page of a headless Chromium."""
    chromium = shutil.which("chromium")
    if chromium is None:
        reason = "Chromium is not installed (Debian package chromium)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    expect.set_options(timeout=30_000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(_FLAGS))
        yield browser.new_page(viewport={"width": 1500, "height": 1000})
        browser.close()


@pytest.fixture(scope="module")
def request_id(server: ServerProcess) -> str:
    """A streamed request whose run is in Prefect."""
    headers = {"x-session-id": "session-of-the-browser-test", "user-agent": "claude-cli/2.1.329 (external, cli)"}
    answer = httpx.post(f"{server.url}/v1/messages", json=body(stream=True), headers=headers, timeout=30)
    assert answer.status_code == 200
    found = str(answer.headers["request-id"])
    _wait_until_recorded(server, found)
    return found


def test_the_printed_address_leads_to_the_run_with_its_timeline(
    server: ServerProcess, request_id: str, page: Page
) -> None:
    page.goto(_dashboard(server))
    _open_run(page, server, request_id)
    expect(page.get_by_text(request_id).first).to_be_visible()
    expect(page.get_by_text("Completed").first).to_be_visible()
    expect(page.get_by_text("stream:true")).to_be_visible()
    expect(page.get_by_text("7 Task runs")).to_be_visible()
    page.wait_for_timeout(1500)  # the timeline is drawn on a canvas: nothing in the page tells when
    SCREENSHOT.parent.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOT)


def test_the_task_runs_tab_names_the_steps(server: ServerProcess, request_id: str, page: Page) -> None:
    _open_run(page, server, request_id)
    page.get_by_text("Task Runs", exact=True).first.click()
    for step in (
        "validate_request",
        "resolve_model",
        "apply_parameters",
        "open_stream",
        "relay_stream",
        "account_usage",
    ):
        expect(page.get_by_text(step).first).to_be_visible()


def test_the_artifacts_tab_shows_tokens_and_time_to_first_token(
    server: ServerProcess, request_id: str, page: Page
) -> None:
    _open_run(page, server, request_id)
    page.get_by_text("Artifacts", exact=True).first.click()
    page.locator("a[href*='/artifacts/artifact/']").first.click()
    expect(page.get_by_text("Time to first token")).to_be_visible()
    expect(page.get_by_text("Tokens out")).to_be_visible()


def test_the_logs_tab_holds_lines_of_the_request(server: ServerProcess, request_id: str, page: Page) -> None:
    _open_run(page, server, request_id)
    page.get_by_text("Logs", exact=True).first.click()
    expect(page.get_by_text("INFO").first).to_be_visible()


def test_the_session_link_filters_by_its_tag(server: ServerProcess, request_id: str, page: Page) -> None:
    other = httpx.post(f"{server.url}/v1/messages", json=body(), timeout=30).headers["request-id"]
    _wait_until_recorded(server, other)
    listed = httpx.get(f"{server.url}/runs", params={"session": "session-of-the-browser-test"}, timeout=20).json()
    assert [run["name"] for run in listed["runs"]] == [request_id]
    page.goto(listed["ui_url"])
    expect(page.get_by_text(request_id).first).to_be_visible()
    expect(page.get_by_text(other)).to_have_count(0)


def _open_run(page: Page, server: ServerProcess, request_id: str) -> None:
    """Follow `/runs/{id}` into Prefect; as a person would, again if Prefect is too busy to be asked."""

    def arrived() -> bool:
        answer = page.goto(f"{server.url}/runs/{request_id}")
        return answer is not None and answer.ok

    _wait_for(arrived)


def _dashboard(server: ServerProcess) -> str:
    found = re.search(r"Dashboard:\s+(http://\S+)", server.log())
    assert found, server.log()
    return found.group(1)


def _wait_until_recorded(server: ServerProcess, request_id: str) -> None:
    """Wait until `/runs/{id}` leads somewhere and all of it has arrived."""
    _wait_for(lambda: httpx.get(f"{server.url}/runs/{request_id}", timeout=10).status_code == 307)
    _wait_for(lambda: _detailed(server)["recorder"]["backlog"] == 0)


def _detailed(server: ServerProcess) -> dict[str, Any]:
    answer: dict[str, Any] = httpx.get(f"{server.url}/health/detailed", timeout=10).json()
    return answer


def _wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 90
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.2)
