"""The processes beside the API: a recorder and Prefect's server, there while the API is and no longer."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import orjson
import pytest

from openrouter_anthropic_server.orchestration.server_address import read_address
from tests.embedded_prefect import copy_home, get_json, prefect_home, wait_until_healthy
from tests.server_process import ServerProcess, free_port, run_command
from tests.waiting import is_alive, processes_about, wait_for

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif(sys.platform != "linux", reason="looks at processes through /proc"),
]

__all__ = ["prefect_home"]  # the fixture

DASHBOARD = re.compile(r"^Dashboard:      (http://127\.0\.0\.1:\d+)(   \(starting\))?$", re.MULTILINE)


class Recording:
    """A demo server with recording on."""

    def __init__(self, data: Path, *arguments: str, **env: str) -> None:
        self.data = data
        self.prefect_port = int(env.setdefault("PREFECT_PORT", str(free_port())))
        settings = {"PROXY_BACKEND": "DEMO", "RECORDING": "on", "DATA_DIR": str(data)}
        self.server = ServerProcess({**settings, **env}, arguments)

    def __enter__(self) -> "Recording":
        self.server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.stop()

    def dashboard(self) -> tuple[str, bool]:
        """The address that was printed last, and whether it was said to be starting."""
        found = wait_for(lambda: DASHBOARD.findall(self.server.log()))
        return found[-1][0], bool(found[-1][1])

    def prefect(self) -> str:
        """The address of the UI, once Prefect answers; it is as printed."""
        address = wait_for(lambda: read_address(self.data / "prefect"))
        assert address is not None
        wait_until_healthy(address.api_url)
        assert self.dashboard()[0] == address.ui_url
        return address.ui_url

    def children(self, part: str) -> list[int]:
        """Process ids of children of this server whose command line has `part` in it."""
        return [pid for pid, line in processes_about(self.data).items() if part in line and _parent(pid) == self.pid]

    def child(self, part: str) -> int:
        """The one child, once it is there."""
        (pid,) = wait_for(lambda: self.children(part))
        return pid

    def events(self, name: str) -> list[dict[str, object]]:
        """Log lines of one kind."""
        lines = [line for line in self.server.log().splitlines() if line.startswith("{")]
        return [event for event in map(orjson.loads, lines) if event["event"] == name]

    def answer(self) -> httpx.Response:
        """Answer of one request."""
        body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
        return httpx.post(f"{self.server.url}/v1/messages", json=body, timeout=10)

    @property
    def pid(self) -> int:
        """Process id of the server."""
        return self.server.pid


PACKAGE = "openrouter_anthropic_server"
RECORDER, PREFECT = "recorder --child", "embedded_server"


@pytest.fixture(scope="module", name="recording")
def _recording(prefect_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recording]:
    """A server that has just started; its preferred port for Prefect is taken."""
    data = copy_home(prefect_home, tmp_path_factory.mktemp("shared"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with Recording(data, PREFECT_PORT=str(port), OPENROUTER_API_KEY="not-for-prefect") as recording:
            yield recording


def test_the_api_answers_before_prefect_does_and_the_dashboard_is_told(recording: Recording) -> None:
    assert recording.answer().status_code == 200
    address, starting = recording.dashboard()
    with pytest.raises(httpx.ReadTimeout):
        httpx.get(f"{address}/api/health", timeout=0.3)

    assert starting
    assert int(address.rpartition(":")[2]) > recording.prefect_port
    wait_until_healthy(f"{address}/api")
    assert get_json(f"{address}/ui-settings")["api_url"] == f"{address}/api"


def test_the_banner_comes_first_and_every_other_line_is_an_event(recording: Recording) -> None:
    recording.dashboard()
    lines = [line for line in recording.server.log().splitlines() if not line.startswith("{")]

    assert [line.partition(":")[0] for line in lines] == [
        "Anthropic API",
        lines[1].partition(":")[0],  # where the demo's answers come from
        "Claude Code",
        "Dashboard",
    ]


def test_a_request_becomes_a_run_soon(recording: Recording) -> None:
    address = recording.prefect()
    query = {"flow_runs": {"name": {"any_": [recording.answer().headers["request-id"]]}}}

    def runs() -> list[dict[str, object]]:
        found: list[dict[str, object]] = httpx.post(f"{address}/api/flow_runs/filter", json=query, timeout=10).json()
        return found

    assert [run["state_type"] for run in wait_for(runs, 30.0)] == ["COMPLETED"]


def test_prefect_gets_none_of_our_keys_and_gives_way(recording: Recording) -> None:
    recording.prefect()
    prefect, recorder = recording.child(PREFECT), recording.child(RECORDER)
    environment = Path(f"/proc/{prefect}/environ").read_bytes()
    own = os.getpriority(os.PRIO_PROCESS, recording.pid)

    assert b"not-for-prefect" not in environment
    assert b"DATA_DIR" not in environment
    assert os.getpriority(os.PRIO_PROCESS, recorder) == min(own + 5, 19)
    assert os.getpriority(os.PRIO_PROCESS, prefect) == min(own + 10, 19)
    session = Path(f"/proc/{prefect}/autogroup")
    assert not session.exists() or session.read_text().split()[-1] == "10"


def test_the_recorder_does_without_the_web_stack_and_prefect() -> None:
    """It reads its settings and delivers; 80 MB and a second of imports are not needed for that."""
    heavy = "{'fastapi', 'starlette', 'prefect', 'litellm', 'uvicorn'}"
    code = (
        f"import {PACKAGE}.cli, {PACKAGE}.orchestration.recorder_command as _, sys; print({heavy} & set(sys.modules))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)

    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize("part", [RECORDER, PREFECT])
def test_a_killed_child_is_back_soon_and_the_api_does_not_notice(recording: Recording, part: str) -> None:
    recording.prefect()
    killed = recording.child(part)

    os.kill(killed, signal.SIGKILL)
    successor = wait_for(lambda: [pid for pid in recording.children(part) if pid != killed])

    assert recording.answer().status_code == 200
    assert is_alive(successor[0])
    assert [(event["pid"], event["signal"]) for event in recording.events("child_ended")][-1] == (killed, "Killed")
    recording.prefect()


def test_a_second_server_shares_prefect_and_takes_over_until_it_is_killed(recording: Recording) -> None:
    address = recording.prefect()
    with Recording(recording.data, PREFECT_PORT=str(free_port())) as second:
        assert second.dashboard() == (address, False)
        assert second.answer().status_code == 200
        first = [recording.pid, recording.child(PREFECT), recording.child(RECORDER)]

        began = time.monotonic()
        recording.server.stop()

        assert time.monotonic() - began < 12.0
        assert not any(is_alive(pid) for pid in first)
        second.child(RECORDER)
        assert second.prefect() == f"http://127.0.0.1:{second.prefect_port}"
        assert second.answer().status_code == 200

        os.kill(second.pid, signal.SIGKILL)
        wait_for(lambda: not processes_about(recording.data), 15.0)
    assert not (recording.data / "prefect" / "server.json").exists()


def test_several_workers_have_one_set_of_children_and_all_end_with_sigterm(tmp_path: Path) -> None:
    with Recording(tmp_path / "data", "--workers", "2") as many:
        address, starting = many.dashboard()
        children = [many.child(PREFECT), many.child(RECORDER)]
        assert many.answer().status_code == 200
        code = many.server.stop()

    assert code in (0, -signal.SIGTERM)
    assert starting
    assert address
    assert len(children) == 2
    # Python's own tracker of resources ends a moment after the process that it belongs to.
    wait_for(lambda: not processes_about(tmp_path / "data"), 5.0)


@pytest.mark.parametrize("arguments", [[], ["--workers", "2"]], ids=["one", "workers"])
def test_nothing_outlives_a_killed_server(tmp_path: Path, arguments: list[str]) -> None:
    with Recording(tmp_path / "data", *arguments, PREFECT_API_URL="http://127.0.0.1:9/api") as recording:
        recording.child(RECORDER)

        os.kill(recording.pid, signal.SIGKILL)

        wait_for(lambda: not processes_about(tmp_path / "data"), 15.0)


def test_a_prefect_of_the_operators_own_is_named_and_none_is_started(tmp_path: Path) -> None:
    with Recording(tmp_path / "data", PREFECT_API_URL="http://127.0.0.1:9/prefect/api/") as recording:
        recording.child(RECORDER)

        assert "\nDashboard:      http://127.0.0.1:9/prefect\n" in recording.server.log()
        assert recording.children(PREFECT) == []
        assert recording.answer().status_code == 200


@pytest.mark.parametrize("env", [{"PREFECT_API_URL": "http://127.0.0.1:9/api"}, {}], ids=["other", "own"])
def test_the_ui_is_named_as_people_open_it(tmp_path: Path, env: dict[str, str]) -> None:
    with Recording(tmp_path / "data", PREFECT_UI_URL="https://prefect.example", **env) as recording:
        wait_for(lambda: "\nDashboard:      https://prefect.example" in recording.server.log())


def test_recording_off_starts_nothing_and_says_so(tmp_path: Path) -> None:
    with Recording(tmp_path / "data", RECORDING="off") as recording:
        assert recording.answer().status_code == 200
        time.sleep(1.0)

        assert "\nRecording is off.\n" in recording.server.log()
        assert list(processes_about(tmp_path / "data")) == [recording.pid]
    assert not {"spool", "prefect"} & {path.name for path in (tmp_path / "data").iterdir()}


@pytest.mark.parametrize("setting", ["DATA_DIR", "SPOOL_DIR"])
def test_a_directory_that_cannot_be_used_is_told_in_a_line_and_requests_are_served(
    tmp_path: Path, setting: str
) -> None:
    (tmp_path / "file").write_text("")
    unusable = tmp_path / "file" / "below"
    with Recording(tmp_path / "data", **{setting: str(unusable)}) as recording:
        assert recording.answer().status_code == 200
        (line,) = [line for line in recording.server.log().splitlines() if line.startswith("Recording is off")]

        assert setting in line
        assert str(unusable) in line
        assert recording.children(RECORDER) == recording.children(PREFECT) == []


def test_a_prefect_that_cannot_start_is_told_with_its_log_and_requests_are_served(tmp_path: Path) -> None:
    (tmp_path / "data" / "prefect" / "prefect.db").mkdir(parents=True)
    with Recording(tmp_path / "data") as recording:
        (ended, *_) = wait_for(lambda: recording.events("child_ended"), 60.0)

        assert recording.answer().status_code == 200
        assert (ended["child"], ended["level"]) == ("prefect", "warning")
        assert "unable to open database file" in Path(str(ended["output"])).read_text()


def test_the_recorder_alone_says_what_it_does(tmp_path: Path) -> None:
    env = {"DATA_DIR": str(tmp_path / "data"), "PREFECT_API_URL": "http://127.0.0.1:9/api"}

    done = run_command(["recorder", "--drain"], env)

    assert done.stdout == f"Delivering the runs of {tmp_path}/data/spool to http://127.0.0.1:9/api\n"
    assert "Traceback" not in done.stderr


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0
