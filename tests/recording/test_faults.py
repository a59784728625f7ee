"""Every request is one run in Prefect, whatever dies meanwhile."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.recording.prefect_server import PrefectServer
from tests.recording.recorded_server import (
    RecordedServer,
    assert_whole,
    body,
    recorded_server,
    states,
    wait_for_final,
    wait_for_state,
)
from tests.upstreams.answers import Answer, ApiError

pytestmark = pytest.mark.timeout(240)

STEPS = (7,)
"""Task runs of a request on the messages wire, streamed or not."""
OUTAGE_SECONDS = 30.0


@pytest.fixture(scope="module")
def prefect() -> Iterator[PrefectServer]:
    """One server for all tests here that do not hurt it."""
    server = PrefectServer("sqlite").start()
    yield server
    server.stop()


def test_prefect_killed_for_half_a_minute_under_load_loses_no_run() -> None:
    prefect = PrefectServer("sqlite").start()
    try:
        with recorded_server(prefect) as recorded:
            with _load(recorded, per_second=5) as asked:
                time.sleep(2)
                prefect.kill()
                time.sleep(OUTAGE_SECONDS)
                assert recorded.detailed()["recorder"]["phase"] == "waiting_for_prefect"
                prefect.start()
                time.sleep(2)
            assert len(asked) > OUTAGE_SECONDS * 4
            assert set(wait_for_final(recorded.reader, asked, 90).values()) == {"COMPLETED"}
            assert_whole(recorded.reader, asked, STEPS)
    finally:
        prefect.stop()


def test_a_recorder_killed_again_and_again_makes_each_run_once(prefect: PrefectServer) -> None:
    with recorded_server(prefect) as recorded:
        with _load(recorded, per_second=10) as asked:
            for pause in (0.3, 0.1, 0.7, 0.4, 0.2):
                recorded.kill_recorder()
                time.sleep(pause)
        assert set(wait_for_final(recorded.reader, asked, 90).values()) == {"COMPLETED"}
        assert_whole(recorded.reader, asked, STEPS)


def test_the_open_stream_of_a_killed_server_ends_as_crashed(prefect: PrefectServer) -> None:
    with recorded_server(prefect) as recorded:
        done = recorded.ask_many(10)
        recorded.upstream.reply(Answer(pause_within=30))
        with _open_stream(recorded) as request_id:
            wait_for_state(recorded.reader, request_id, "RUNNING", 10)
            os.kill(recorded.server.pid, signal.SIGKILL)
            assert wait_for_final(recorded.reader, [*done, request_id], 30)[request_id] == "CRASHED"
        assert {states(recorded.reader, done)[name] for name in done} == {"COMPLETED"}
        assert_whole(recorded.reader, done, STEPS)


def test_the_open_stream_of_a_killed_worker_process_ends_as_crashed_while_the_others_serve(
    prefect: PrefectServer,
) -> None:
    with recorded_server(prefect, "--workers", "2") as recorded:
        recorded.upstream.reply(Answer(pause_within=30))
        with _open_stream(recorded) as request_id:
            wait_for_state(recorded.reader, request_id, "RUNNING", 15)
            os.kill(_owner(recorded.spool, request_id), signal.SIGKILL)
            assert wait_for_final(recorded.reader, [request_id], 30)[request_id] == "CRASHED"
        assert wait_for_final(recorded.reader, recorded.ask_many(4), 30)


def test_a_client_that_leaves_makes_a_cancelled_run(prefect: PrefectServer) -> None:
    with recorded_server(prefect) as recorded:
        recorded.upstream.reply(Answer(pause_within=30))
        with _open_stream(recorded) as request_id:
            wait_for_state(recorded.reader, request_id, "RUNNING", 10)
        assert wait_for_final(recorded.reader, [request_id], 20)[request_id] == "CANCELLED"


def test_a_failed_request_is_a_failed_run_with_the_kind_of_error(prefect: PrefectServer) -> None:
    with recorded_server(prefect) as recorded:
        recorded.upstream.reply(ApiError(429, "Slow down, secret detail", "rate_limit_error"))
        request_id = recorded.ask()
        assert wait_for_final(recorded.reader, [request_id], 20)[request_id] == "FAILED"
        run = recorded.reader.run(request_id)
        assert run["state"]["message"].startswith("RateLimitError")
        assert "secret detail" not in str(run)


def test_requests_go_on_when_the_disk_of_the_spool_is_full_and_are_recorded_once_there_is_room(
    prefect: PrefectServer, small_disk: Path
) -> None:
    prefect.pause()
    try:
        small = {"SPOOL_DIR": str(small_disk / "spool"), "RECORD_CONTENT": "true"}
        with recorded_server(prefect, **small) as recorded:
            asked = recorded.ask_many(300, "a long text " * 3_000)
            spool = recorded.detailed()["spool"]
            assert "No space left" in spool["problem"]
            assert "spool_unavailable" in recorded.server.log()
            assert _spooled(small_disk / "spool") < set(asked)
            prefect.resume()
            assert set(wait_for_final(recorded.reader, asked, 120).values()) == {"COMPLETED"}
            assert recorded.detailed()["spool"]["dropped"] == 0
    finally:
        prefect.resume()


@pytest.mark.parametrize("shift", ["+1h", "-1h"])
def test_a_clock_that_jumps_loses_and_doubles_nothing(prefect: PrefectServer, tmp_path: Path, shift: str) -> None:
    library, clock = _fake_clock(), tmp_path / "clock"
    clock.write_text("+0")
    faked = {"LD_PRELOAD": library, "FAKETIME_TIMESTAMP_FILE": str(clock), "FAKETIME_CACHE_DURATION": "1"}
    with recorded_server(prefect, **faked, DONT_FAKE_MONOTONIC="1") as recorded:
        before = recorded.ask_many(5)
        clock.write_text(shift)
        time.sleep(2)
        after = recorded.ask_many(5)
        assert set(wait_for_final(recorded.reader, [*before, *after], 40).values()) == {"COMPLETED"}
        assert_whole(recorded.reader, [*before, *after], STEPS)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 12 MB."""
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(tmp_path)], capture_output=True, text=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip(f"cannot mount a small file system: {mounted.stderr.strip()}")
    yield tmp_path
    subprocess.run(["umount", "--lazy", str(tmp_path)], check=True)


@contextmanager
def _load(recorded: RecordedServer, per_second: int) -> Iterator[list[str]]:
    """Requests at a steady pace, half of them streams, until the block ends; all were answered."""
    asked: list[str] = []
    stop = threading.Event()

    def send() -> None:
        while not stop.wait(1 / per_second):
            asked.append(recorded.ask(stream=len(asked) % 2 == 0))

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield asked
    finally:
        stop.set()
        thread.join()


@contextmanager
def _open_stream(recorded: RecordedServer) -> Iterator[str]:
    """A stream that has begun and does not end; its request id. Leaving the block leaves the stream."""
    url = f"{recorded.server.url}/v1/messages"
    with httpx.Client(timeout=60) as client, client.stream("POST", url, json=body(stream=True)) as answer:
        yield str(answer.headers["request-id"])


def _owner(spool: Path, request_id: str) -> int:
    """The process whose spool holds the run."""
    for segment in spool.glob("*/*.segment"):
        if request_id.encode() in segment.read_bytes():
            return int(segment.parent.name.split("-")[1])
    raise AssertionError(f"{request_id} is in no segment")


def _spooled(spool: Path) -> set[str]:
    """Names of the runs whose end is in the spool."""
    found = set()
    for segment in spool.glob("*/*.segment"):
        for line in segment.read_bytes().split(b"\n"):
            if b'"kind":"ended"' in line:
                found.add(line.split(b'"name":"', 1)[1].split(b'"', 1)[0].decode())
    return found


def _fake_clock() -> str:
    """The library that shifts a process's wall clock."""
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    if not found:
        reason = "libfaketime is not installed (Debian package libfaketime)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return str(found[0])
