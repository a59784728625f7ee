"""The recorder as a process: signals, lifeline, stand-by, the embedded server's address, an unusable directory."""

import asyncio
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from secrets import token_hex

import pytest
import structlog

from openrouter_anthropic_server.orchestration.recorder import recording_loop
from openrouter_anthropic_server.orchestration.recorder.connection import PrefectAddressSource
from openrouter_anthropic_server.orchestration.recorder.prefect_api import PrefectApi
from openrouter_anthropic_server.orchestration.recorder.recording_loop import RecordingLoop
from tests.recording.prefect_server import PrefectReader, PrefectServer
from tests.recording.recorder_process import RecorderProcess
from tests.recording.run_records import finished_run, running_run, spool_writer, write_finished
from tests.waiting import wait_for

pytestmark = pytest.mark.timeout(120)

_NOWHERE = "http://127.0.0.1:9/api"


@pytest.fixture(name="recorders")
def _recorders() -> Iterator[list[RecorderProcess]]:
    """Recorders that end with the test."""
    started: list[RecorderProcess] = []
    yield started
    for recorder in started:
        recorder.kill()


@pytest.fixture(name="start")
def _start(tmp_path: Path, recorders: list[RecorderProcess]) -> Callable[..., RecorderProcess]:
    def start(api_url: str | None, **options: object) -> RecorderProcess:
        recorders.append(RecorderProcess(tmp_path / "spool", api_url, **options))
        return recorders[-1].start()

    return start


Start = Callable[..., RecorderProcess]


def test_the_end_of_the_lifeline_marks_what_was_open_as_crashed_and_ends_the_recorder(
    sqlite_prefect: PrefectServer, held: PrefectReader, tmp_path: Path, start: Start
) -> None:
    name = f"life{token_hex(3)}"
    recorder = start(sqlite_prefect.api_url, lifeline=True)
    with spool_writer(tmp_path / "spool") as writer:
        writer.begun(running_run(f"{name}-open"))
        writer.ended(finished_run(f"{name}-ended"))
        wait_for(lambda: held.count("flow_runs", name) == 2)
        assert held.run(f"{name}-open")["state_type"] == "RUNNING"
        recorder.close_lifeline()

    assert recorder.wait() == 0

    assert held.run(f"{name}-open")["state_type"] == "CRASHED"
    assert recorder.state()["phase"] == "stopped"


@pytest.mark.blocking_allowed("the recorder's event loop is its own, so it reads files there")
def test_a_lifeline_that_ends_without_prefect_ends_the_recorder_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording_loop, "_DELIVER_SECONDS", 1.0)
    write_finished(tmp_path / "spool", [f"life{token_hex(3)}"])

    async def record() -> int:
        api = PrefectApi("")
        source = PrefectAddressSource(_NOWHERE, None, tmp_path)
        loop = RecordingLoop(tmp_path / "spool", source, api, structlog.get_logger())
        loop.end("deliver")
        try:
            return await loop.run()
        finally:
            await api.close()

    begun = time.monotonic()
    assert asyncio.run(record()) == 0

    assert time.monotonic() - begun < 5
    state = json.loads((tmp_path / "spool" / "recorder.json").read_text())
    assert (state["phase"], state["backlog"]) == ("stopped", 1)


def test_ctrl_c_is_the_parents_business_where_there_is_a_lifeline(tmp_path: Path, start: Start) -> None:
    recorder = start(_NOWHERE, lifeline=True)
    recorder.until(lambda state: state["phase"] == "waiting_for_prefect")

    recorder.signal(signal.SIGINT)
    time.sleep(0.3)

    assert recorder.process is not None
    assert recorder.process.poll() is None
    assert recorder.stop() == 0


def test_ctrl_c_ends_a_recorder_of_its_own(start: Start) -> None:
    recorder = start(_NOWHERE)
    recorder.until(lambda state: state["phase"] == "waiting_for_prefect")

    recorder.signal(signal.SIGINT)

    assert recorder.wait() == 0


def test_a_signal_ends_it_soon_and_keeps_the_rest_for_the_next_one(
    sqlite_prefect: PrefectServer, held: PrefectReader, tmp_path: Path, start: Start
) -> None:
    name = f"signal{token_hex(3)}"
    write_finished(tmp_path / "spool", [f"{name}-{count}" for count in range(150)])
    recorder = start(sqlite_prefect.api_url)
    wait_for(lambda: held.count("flow_runs", name) > 5)
    begun = time.monotonic()

    assert recorder.stop() == 0
    assert time.monotonic() - begun < 4
    assert recorder.state()["phase"] == "stopped"
    assert held.count("flow_runs", name) < 150


def test_a_second_recorder_stands_by_until_the_first_is_gone(sqlite_prefect: PrefectServer, start: Start) -> None:
    first = start(sqlite_prefect.api_url)
    first.until(lambda state: state["phase"] == "delivering")
    second = start(sqlite_prefect.api_url)
    wait_for(lambda: "another recorder works on" in second.log())
    drain = start(sqlite_prefect.api_url, drain=True)
    assert drain.wait() == 1

    first.kill()

    second.until_started()
    assert second.log().count("recorder_waits") == 2  # one of them of the drain: they share a file
    assert second.stop() == 0


def test_the_address_of_the_embedded_server_is_read_when_it_appears_and_again_when_it_changes(
    sqlite_prefect: PrefectServer, tmp_path: Path, start: Start
) -> None:
    directory = tmp_path / "prefect"
    directory.mkdir()
    recorder = start(None)
    waiting = recorder.until(lambda state: state["phase"] == "waiting_for_prefect")
    assert waiting["prefect_api_url"] is None
    assert "not up yet" in waiting["problem"]

    (directory / "server.json").write_text("{")  # being written
    time.sleep(0.3)
    (directory / "server.json").write_text(json.dumps({"api_url": _NOWHERE, "ui_url": "http://ui:1", "pid": 1}))
    recorder.until(lambda state: state["prefect_api_url"] == _NOWHERE)
    ui_url = "http://dashboard.example"
    address = {"api_url": sqlite_prefect.api_url, "ui_url": ui_url, "pid": 2}
    (directory / "server.json").write_text(json.dumps(address))

    state = recorder.until(lambda state: state["phase"] == "delivering")
    assert (state["prefect_api_url"], state["prefect_ui_url"]) == (sqlite_prefect.api_url, ui_url)
    assert recorder.stop() == 0


def test_an_unusable_spool_directory_is_told_and_tried_again(
    sqlite_prefect: PrefectServer, tmp_path: Path, start: Start
) -> None:
    spool = tmp_path / "spool"
    spool.write_text("a file where the directory should be")
    recorder = start(sqlite_prefect.api_url)
    wait_for(lambda: "cannot be used" in recorder.log())

    spool.unlink()

    recorder.until(lambda state: state["phase"] == "delivering")
    assert recorder.log().count("recorder_waits") == 1
    assert recorder.stop() == 0


def test_a_damaged_line_is_counted_and_the_rest_delivered(
    sqlite_prefect: PrefectServer, held: PrefectReader, tmp_path: Path, start: Start
) -> None:
    name = f"damaged{token_hex(3)}"
    write_finished(tmp_path / "spool", [f"{name}-{count}" for count in range(3)])
    (segment,) = (path for path in (tmp_path / "spool").glob("*/*.segment") if path.stat().st_size > 100)
    data = bytearray(segment.read_bytes())
    lines = bytes(data).split(b"\n")
    at = len(b"\n".join(lines[:3])) + 50  # within the end of the second run
    data[at] ^= 1
    segment.write_bytes(data)

    recorder = start(sqlite_prefect.api_url, drain=True)

    assert recorder.wait() == 0
    state = recorder.state()
    assert state["dropped"] == 1
    assert {run["name"]: run["state_type"] for run in held.pages("/flow_runs/filter", _named(name))} == {
        f"{name}-0": "COMPLETED",
        f"{name}-1": "CRASHED",
        f"{name}-2": "COMPLETED",
    }
    assert "spool_lines_corrupt" in recorder.log()


def test_an_idle_recorder_costs_next_to_nothing(sqlite_prefect: PrefectServer, tmp_path: Path, start: Start) -> None:
    with spool_writer(tmp_path / "spool"):
        recorder = start(sqlite_prefect.api_url)
        recorder.until(lambda state: state["phase"] == "delivering")
        time.sleep(0.5)
        assert recorder.process is not None
        before = _cpu_seconds(recorder.process.pid)
        time.sleep(2)
        used = _cpu_seconds(recorder.process.pid) - before
        assert recorder.stop() == 0

    assert used / 2 < 0.02, "of a core; on a quiet machine it is a quarter of that"


def _named(part: str) -> dict[str, object]:
    return {"flow_runs": {"name": {"like_": part}}}


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
