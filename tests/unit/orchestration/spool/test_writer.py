"""Writing to a spool: order, size, progress, and what happens when there is no room."""

import asyncio
import errno
import os
import shutil
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from openrouter_anthropic_server.orchestration.spool.reader import Spool, SpooledEntry, WriterSpool
from openrouter_anthropic_server.orchestration.spool.segments import segment_bytes, spool_bytes
from openrouter_anthropic_server.orchestration.spool.writer import SpoolWriter
from openrouter_anthropic_server.ports.run_records import RunRecord, StepRecord
from tests.spool.records import CapturedLog, dropped_counts, ended_numbers, read_all, run_record, wait_until

OpenWriter = Callable[..., SpoolWriter]

KEEPER = "spool-keeper"
MEGABYTE = 1 << 20


def only_writer(directory: Path) -> WriterSpool:
    [spool] = Spool(directory).writers()
    return spool


def everything(directory: Path) -> list[SpooledEntry]:
    """All entries of all writers, the oldest writer's first."""
    return [entry for spool in Spool(directory).writers() for entry in read_all(spool)]


def write(writer: SpoolWriter, numbers: range, **options: Any) -> None:
    """Begin and end runs, at the pace of the disk."""
    for number in numbers:
        if writer.congested and writer.problem is None:
            wait_until(lambda: not writer.congested or writer.problem)
        record = run_record(number, **options)
        writer.begun(RunRecord(record.name, record.started))
        writer.ended(record)


async def watched(writer: SpoolWriter, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(writer.watch(), seconds)


def test_what_is_written_can_be_read_at_once_and_in_order(directory: Path, open_writer: OpenWriter) -> None:
    writer = open_writer()
    wait_until(lambda: writer.path)
    record = run_record(1)
    writer.begun(RunRecord("req_000001", record.started))
    writer.ended(record)
    wait_until(lambda: not writer.congested)
    spool = only_writer(directory)

    entries = spool.read()

    assert [entry.entry.kind for entry in entries] == ["begun", "ended"]
    assert entries[0].entry.run == RunRecord("req_000001", record.started)
    assert entries[1].entry.run == record
    assert not spool.finished()
    assert writer.path == directory / spool.name


def test_records_from_before_the_disk_was_ready_come_first(directory: Path, open_writer: OpenWriter) -> None:
    writer = open_writer()
    write(writer, range(100))
    writer.close()

    assert ended_numbers(read_all(only_writer(directory))) == list(range(100))


def test_many_segments_keep_everything_in_order(directory: Path, open_writer: OpenWriter) -> None:
    writer = open_writer(4 * MEGABYTE)  # segments of 256 KiB
    write(writer, range(1200))
    writer.close()
    spool = only_writer(directory)

    entries = read_all(spool)

    assert entries[-1].end.segment > 5
    assert ended_numbers(entries) == list(range(1200))
    assert writer.dropped == spool.corrupt == 0
    assert spool.finished()


@pytest.mark.parametrize("support", ["none", "not-of-this-file-system"])
def test_room_can_be_reserved_without_the_system_call_for_it(
    directory: Path, open_writer: OpenWriter, monkeypatch: pytest.MonkeyPatch, support: str
) -> None:
    def refuse(*_: int) -> None:
        raise OSError(errno.EOPNOTSUPP, "not supported")

    if support == "none":
        monkeypatch.delattr(os, "posix_fallocate", raising=False)  # as on macOS
    else:
        monkeypatch.setattr(os, "posix_fallocate", refuse, raising=False)
    writer = open_writer(4 * MEGABYTE)
    write(writer, range(300))
    wait_until(lambda: not writer.congested)
    assert all(path.stat().st_blocks * 512 >= path.stat().st_size for path in directory.rglob("*.segment"))
    writer.close()

    assert ended_numbers(everything(directory)) == list(range(300))


def test_close_gives_back_what_was_reserved_and_ends_the_spool(directory: Path, open_writer: OpenWriter) -> None:
    writer = open_writer()
    write(writer, range(3))
    wait_until(lambda: spool_bytes(directory) >= 8 * MEGABYTE)  # one in use, one ready
    writer.close()

    assert spool_bytes(directory) < 10_000
    spool = only_writer(directory)
    assert len(spool.read()) == 6
    assert not spool.read()
    assert spool.finished()


def test_runs_that_end_after_close_are_counted(directory: Path, open_writer: OpenWriter) -> None:
    writer = open_writer()
    write(writer, range(1))
    writer.close()
    write(writer, range(1, 3))
    writer.close()

    assert writer.dropped == 2
    assert ended_numbers(everything(directory)) == [0]


def test_keeper_thread_ends_with_close(open_writer: OpenWriter) -> None:
    writer = open_writer()
    assert KEEPER in {thread.name for thread in threading.enumerate()}
    writer.close()

    assert KEEPER not in {thread.name for thread in threading.enumerate()}


def test_idle_keeper_sleeps(directory: Path, open_writer: OpenWriter) -> None:
    if not Path("/proc/self/task").exists():
        pytest.skip("the system does not tell how often a thread woke up")
    writer = open_writer()
    write(writer, range(1))
    wait_until(lambda: spool_bytes(directory) == 8 * MEGABYTE)  # one segment in use, one ready
    [keeper] = [thread for thread in threading.enumerate() if thread.name == KEEPER]

    def switches() -> int:
        text = Path(f"/proc/self/task/{keeper.native_id}/status").read_text()
        return int(text.partition("\nvoluntary_ctxt_switches:")[2].split()[0])

    time.sleep(0.3)
    before = switches()
    time.sleep(1.5)
    assert switches() == before


async def test_event_loop_is_never_blocked(directory: Path, open_writer: OpenWriter) -> None:
    """Blockbuster raises at any call that could wait for the disk."""
    writer = open_writer(4 * MEGABYTE)
    for number in range(600):
        writer.begun(RunRecord(f"req_{number:06d}", 0))
        writer.ended(run_record(number))
        if number % 20 == 0:
            await asyncio.sleep(0.002)
    await asyncio.to_thread(writer.close)

    entries = await asyncio.to_thread(everything, directory)
    assert ended_numbers(entries) == list(range(600))


async def test_progress_of_long_runs_is_written_when_their_steps_change(
    directory: Path, open_writer: OpenWriter
) -> None:
    writer = open_writer()
    still, moving, over = (
        RunRecord(name, 0, steps=[StepRecord(0, "first", 0)]) for name in ("still", "moving", "over")
    )
    for record in (still, moving, over):
        writer.begun(record)
    assert writer.open_runs == 3
    writer.ended(over)
    over.steps[0].ended = 1
    moving.steps[0].ended = 1
    await watched(writer, 2.5)
    moving.steps.append(StepRecord(1, "second", 1))
    await watched(writer, 1.5)
    await watched(writer, 1.5)
    late = RunRecord("late", 0)
    writer.begun(late)
    late.steps.append(StepRecord(0, "first", 0))
    await watched(writer, 0.5)
    await asyncio.to_thread(writer.close)

    entries = await asyncio.to_thread(everything, directory)
    progress = [entry.entry.run for entry in entries if entry.entry.kind == "progress"]
    assert [(run.name, len(run.steps)) for run in progress if run] == [("moving", 1), ("moving", 2)]
    assert writer.open_runs == 3


async def test_watching_many_open_runs_is_cheap(directory: Path, open_writer: OpenWriter) -> None:
    writer = open_writer()
    records = [replace(run_record(number), ended=None) for number in range(1000)]
    for record in records:
        writer.begun(record)
    await asyncio.sleep(1)
    before = time.thread_time()
    await watched(writer, 1.3)

    assert time.thread_time() - before < 0.05
    for record in records:
        record.steps.pop()
    await watched(writer, 1.9)
    await asyncio.to_thread(writer.close)
    entries = await asyncio.to_thread(everything, directory)
    names = [entry.entry.run.name for entry in entries if entry.entry.kind == "progress" and entry.entry.run]
    assert names == [record.name for record in records]


def test_what_cannot_be_encoded_does_not_reach_the_request(directory: Path, open_writer: OpenWriter) -> None:
    writer = open_writer()
    bad = replace(
        run_record(0), tags=["model:\ud800"], facts=cast("Any", {"n": 2**80, "x": float("nan"), "o": object()})
    )
    writer.begun(bad)
    writer.ended(bad)
    write(writer, range(1, 2))
    writer.close()

    entries = everything(directory)
    assert ended_numbers(entries) == [0, 1]
    assert entries[1].entry.run is not None
    assert entries[1].entry.run.tags == ["model:?"]


def test_large_line_gets_a_segment_of_its_own(directory: Path, open_writer: OpenWriter) -> None:
    writer = open_writer(64 * MEGABYTE)  # segments of 4 MiB
    write(writer, range(2))
    large = run_record(2, content={"request": "x" * (20 * MEGABYTE)})
    writer.ended(large)
    write(writer, range(3, 5))
    writer.close()

    entries = everything(directory)
    assert ended_numbers(entries) == list(range(5))
    assert entries[4].entry.run == large
    assert writer.dropped == 0


@pytest.mark.parametrize("wait", [True, False], ids=["with-a-segment-ready", "at-the-start"])
def test_large_line_that_does_not_fit_is_written_without_its_content(
    directory: Path, open_writer: OpenWriter, log: CapturedLog, wait: bool
) -> None:
    writer = open_writer(2 * MEGABYTE)
    if wait:
        write(writer, range(1))
        wait_until(lambda: not writer.congested)
    record = run_record(1, content={"request": "x" * (3 * MEGABYTE)})
    writer.ended(record)
    write(writer, range(2, 3))
    writer.close()

    runs = [entry.entry.run for entry in everything(directory) if entry.entry.kind == "ended"]
    assert [run.name for run in runs if run] == (["req_000000"] if wait else []) + ["req_000001", "req_000002"]
    small = runs[-2]
    assert small is not None
    assert small.content is None
    assert small.logs[:-1] == record.logs
    assert small.logs[-1].level == "WARNING"
    assert "content is not recorded" in small.logs[-1].message
    assert record.content
    assert (writer.dropped, writer.problem, log.entries) == (0, None, [])


def test_large_line_without_content_that_does_not_fit_is_cut_to_the_least(
    directory: Path, open_writer: OpenWriter
) -> None:
    writer = open_writer(MEGABYTE)
    writer.ended(run_record(0, notes=200_000))
    write(writer, range(1, 3))
    wait_until(lambda: not writer.congested)
    writer.close()

    entries = everything(directory)
    assert ended_numbers(entries) == [0, 1, 2]
    assert dropped_counts(entries) == []
    assert writer.dropped == 0
    run = entries[0].entry.run
    assert run is not None
    assert (run.state, run.steps, run.notes) == ("Failed", [], [])
    assert "not recorded" in run.logs[0].message


def test_at_the_limit_new_runs_are_dropped_until_the_recorder_makes_room(
    directory: Path, open_writer: OpenWriter, log: CapturedLog
) -> None:
    limit = 2 * MEGABYTE
    writer = open_writer(limit)
    write(writer, range(9_000))  # 20 MB: the limit, then the 8 MiB that wait in memory, then the rest
    assert writer.problem is not None
    assert str(directory) in writer.problem
    assert "SPOOL_MAX_MB=2" in writer.problem
    dropped = writer.dropped
    assert dropped > 1_000
    assert limit - 2 * segment_bytes(limit) < spool_bytes(directory) <= limit
    spool = only_writer(directory)

    entries: list[SpooledEntry] = []
    deadline = time.monotonic() + 40
    while writer.congested or writer.problem:
        assert time.monotonic() < deadline
        entries += read_all(spool)
        spool.acknowledge(entries[-1].end, None)
        time.sleep(0.02)
    write(writer, range(9_000, 9_010))
    writer.close()
    entries += read_all(spool)

    kept = 9_000 - dropped
    assert ended_numbers(entries) == [*range(kept), *range(9_000, 9_010)]  # the newest were dropped
    assert dropped_counts(entries) == [dropped]
    assert writer.dropped == dropped
    assert log.events()[:1] == ["spool_unavailable"]
    assert log.events()[-1] == "spool_recovered"
    assert spool.finished()


def test_several_writers_share_the_limit(directory: Path, open_writer: OpenWriter) -> None:
    limit = 2 * MEGABYTE
    writers = [open_writer(limit) for _ in range(4)]
    for writer in writers:
        write(writer, range(1_200))
    wait_until(lambda: all(writer.problem for writer in writers))

    assert spool_bytes(directory) <= limit
    assert limit - 2 * segment_bytes(limit) < spool_bytes(directory)
    assert [spool.name for spool in Spool(directory).writers()] == sorted(
        writer.path.name for writer in writers if writer.path
    )


def test_file_in_place_of_the_directory_is_a_problem_until_it_is_gone(
    directory: Path, open_writer: OpenWriter, log: CapturedLog
) -> None:
    directory.write_bytes(b"")
    writer = open_writer()
    write(writer, range(5))
    wait_until(lambda: writer.problem)
    time.sleep(2.2)  # it tried again

    assert writer.problem == f"SPOOL_DIR {directory} cannot be written: File exists"
    assert log.events() == ["spool_unavailable"]
    assert log.entries[0]["problem"] == writer.problem
    directory.unlink()
    wait_until(lambda: writer.problem is None)
    assert log.events() == ["spool_unavailable", "spool_recovered"]
    writer.close()
    assert ended_numbers(everything(directory)) == list(range(5))
    assert writer.dropped == 0


def test_close_with_a_problem_counts_what_waited(directory: Path, open_writer: OpenWriter) -> None:
    directory.write_bytes(b"")
    writer = open_writer()
    write(writer, range(5))
    writer.close()

    assert writer.dropped == 5


@pytest.mark.parametrize("name", ["x\0y", "f/below-a-file", "x" * 300])
def test_impossible_directory_is_a_problem_and_no_error(tmp_path: Path, log: CapturedLog, name: str) -> None:
    (tmp_path / "f").write_bytes(b"")
    writer = SpoolWriter(tmp_path / name, max_bytes=MEGABYTE, logger=log.logger)
    wait_until(lambda: writer.problem)
    write(writer, range(1))
    writer.close()

    assert "SPOOL_DIR" in log.entries[0]["problem"]
    assert writer.dropped == 1


def remove(directory: Path) -> None:
    """Remove it for good, though the keeper may be at work in it."""
    while directory.exists():
        shutil.rmtree(directory, ignore_errors=True)


async def test_removed_directory_is_replaced(directory: Path, open_writer: OpenWriter, log: CapturedLog) -> None:
    writer = open_writer()
    writer.ended(run_record(0))
    await asyncio.to_thread(wait_until, lambda: spool_bytes(directory) == 8 * MEGABYTE)  # nothing left to reserve
    old = writer.path
    await asyncio.to_thread(remove, directory)
    writer.ended(run_record(1))  # gone with the directory
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        watching = group.create_task(writer.watch())
        await asyncio.to_thread(wait_until, lambda: writer.path not in (None, old))
        watching.cancel()
    writer.ended(run_record(2))
    await asyncio.to_thread(writer.close)

    assert ended_numbers(await asyncio.to_thread(everything, directory)) == [2]
    assert log.events() == ["spool_directory_lost"]


def test_later_directory_sorts_later_when_the_clock_jumps_back(
    directory: Path, open_writer: OpenWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = open_writer(4 * MEGABYTE)
    write(writer, range(100))
    wait_until(lambda: writer.path and not writer.congested)
    first = writer.path
    yesterday = time.time() - 86_400
    with monkeypatch.context() as patch:
        patch.setattr(time, "time", lambda: yesterday)
        assert first is not None
        (first / "lock").unlink()  # nobody holds the directory any more: the writer begins another one
        write(writer, range(100, 1_000))
        wait_until(lambda: writer.path != first)
        write(writer, range(1_000, 1_100))
        writer.close()

    assert writer.path is None
    numbers = ended_numbers(everything(directory))
    assert numbers == sorted(numbers)
    assert len(list(directory.iterdir())) == 2


def test_files_are_the_owners_only_and_the_lock_is_not_inherited(directory: Path, open_writer: OpenWriter) -> None:
    writer = open_writer()
    write(writer, range(1))
    wait_until(lambda: writer.path and not writer.congested)
    assert writer.path is not None

    assert directory.stat().st_mode & 0o077 == writer.path.stat().st_mode & 0o077 == 0
    assert all(path.stat().st_mode & 0o077 == 0 for path in writer.path.iterdir())
    lock = os.stat(writer.path / "lock")
    held = []
    for descriptor in range(3, 1_000):
        with suppress(OSError):
            if os.path.samestat(os.fstat(descriptor), lock):
                held.append(os.get_inheritable(descriptor))
    assert held == [False]
