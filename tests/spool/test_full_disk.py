"""A full disk, a read-only disk, a limit on file sizes: counted exactly, and over as soon as there is room."""

import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from openrouter_anthropic_server.orchestration.spool.reader import Spool, SpooledEntry
from openrouter_anthropic_server.orchestration.spool.writer import SpoolWriter
from tests.spool.records import CapturedLog, dropped_counts, ended_numbers, read_all, run_record, wait_until

ROOT = Path(__file__).parents[2]
MEGABYTE = 1 << 20
NO_LIMIT = 1 << 30

Mount = Callable[[str], Path]


@pytest.fixture(name="mount")
def _mount(tmp_path: Path) -> Iterator[Mount]:
    """Mounts a file system in memory, with the given options; skips where that is not allowed."""
    with ExitStack() as stack:

        def mount(options: str) -> Path:
            path = tmp_path / "disk"
            path.mkdir()
            command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(path)]
            try:
                done = subprocess.run(command, capture_output=True, text=True, check=False)
            except FileNotFoundError:
                pytest.skip("there is no `mount` here")
            if done.returncode:
                pytest.skip(f"a small file system cannot be mounted: {done.stderr.strip()}")
            stack.callback(subprocess.run, ["umount", "--lazy", str(path)], check=True)
            return path

        yield mount


@pytest.fixture(name="log")
def _log() -> CapturedLog:
    return CapturedLog()


def fill(path: Path, *, but: int = 0) -> Path:
    """Fill the disk of `path` with one file, all `but` so many bytes."""
    disk = os.statvfs(path)
    filler = path / "filler"
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, disk.f_bavail * disk.f_frsize - but)
    return filler


def free_bytes(path: Path) -> int:
    disk = os.statvfs(path)
    return disk.f_bavail * disk.f_frsize


def everything(directory: Path) -> list[SpooledEntry]:
    return [entry for spool in Spool(directory).writers() for entry in read_all(spool)]


def test_disk_that_is_full_from_the_start(mount: Mount, log: CapturedLog) -> None:
    disk = mount("size=32m")
    filler = fill(disk, but=64 << 10)
    writer = SpoolWriter(disk / "spool", max_bytes=NO_LIMIT, logger=log.logger)
    wait_until(lambda: writer.problem)
    assert writer.problem == f"SPOOL_DIR {disk / 'spool'} cannot be written: No space left on device"
    for number in range(20_000):  # 40 MB, of which 8 MiB wait in memory, and then as many bare ends as 1 MiB takes
        writer.ended(run_record(number))
    dropped = writer.dropped
    assert 0 < dropped < 20_000
    assert log.events() == ["spool_unavailable"]

    filler.unlink()
    wait_until(lambda: not writer.congested)
    writer.ended(run_record(20_000))
    writer.close()

    entries = everything(disk / "spool")
    assert ended_numbers(entries) == [*range(20_000 - dropped), 20_000]
    assert dropped_counts(entries) == [dropped] == [writer.dropped]
    assert log.events() == ["spool_unavailable", "spool_recovered"]
    assert log.entries[1]["dropped"] == dropped


def test_disk_that_fills_up_while_runs_are_written_and_is_emptied_by_reading(mount: Mount, log: CapturedLog) -> None:
    """A volume for the spool alone that is smaller than SPOOL_MAX_MB: the recorder still finds room for its cursor."""
    disk = mount("size=24m")
    writer = SpoolWriter(disk / "spool", max_bytes=NO_LIMIT, logger=log.logger)
    number = 0
    while writer.dropped < 100:
        if writer.congested and not writer.problem:
            wait_until(lambda: writer.problem or not writer.congested)
        writer.ended(run_record(number))
        number += 1
    assert free_bytes(disk) < 6 * MEGABYTE

    entries: list[SpooledEntry] = []
    [spool] = Spool(disk / "spool").writers()
    deadline = time.monotonic() + 30
    while writer.congested or writer.problem:
        assert time.monotonic() < deadline
        if read := spool.read():
            entries += read
            spool.acknowledge(read[-1].end, None)
        time.sleep(0.01)
    writer.ended(run_record(number))
    writer.close()
    entries += read_all(spool)

    dropped = writer.dropped
    assert ended_numbers(entries) == [*range(number - dropped), number]
    assert sum(dropped_counts(entries)) == dropped
    assert spool.finished()


def test_cursor_finds_no_room(mount: Mount, log: CapturedLog) -> None:
    disk = mount("size=16m")
    writer = SpoolWriter(disk / "spool", max_bytes=NO_LIMIT, logger=log.logger)
    for number in range(10):
        writer.ended(run_record(number))
    wait_until(lambda: not writer.congested)
    [spool] = Spool(disk / "spool").writers()
    entries = spool.read()
    spool.acknowledge(entries[2].end, "old")
    writer.close()
    filler = fill(disk)

    with pytest.raises(OSError, match="No space left"):
        spool.acknowledge(entries[4].end, "new" * 4_000)
    spool.rewind()
    assert ended_numbers(spool.read()) == [5, 6, 7, 8, 9]
    [restarted] = Spool(disk / "spool").writers()
    assert restarted.saved == "old"
    assert ended_numbers(restarted.read()) == [3, 4, 5, 6, 7, 8, 9]

    filler.unlink()
    spool.acknowledge(entries[4].end, "new")
    [restarted] = Spool(disk / "spool").writers()
    assert restarted.saved == "new"


def test_read_only_disk(mount: Mount, log: CapturedLog) -> None:
    disk = mount("size=16m,ro")
    writer = SpoolWriter(disk / "spool", max_bytes=NO_LIMIT, logger=log.logger)
    wait_until(lambda: writer.problem)
    assert writer.problem == f"SPOOL_DIR {disk / 'spool'} cannot be written: Read-only file system"
    writer.ended(run_record(0))

    subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
    wait_until(lambda: not writer.congested)
    writer.close()
    assert ended_numbers(everything(disk / "spool")) == [0]


def test_limit_on_the_size_of_files(tmp_path: Path) -> None:
    """Needs no rights: the process may not make a file as large as a segment, and later it may."""
    script = f"run({str(tmp_path / 'spool')!r})"
    source = f"from tests.spool.test_full_disk import write_under_a_limit as run; {script}"
    done = subprocess.run(
        [sys.executable, "-c", source],
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT}/src:{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    dropped = int(done.stdout)
    entries = everything(tmp_path / "spool")
    assert 0 < dropped < 20_000
    assert ended_numbers(entries) == list(range(20_000 - dropped))
    assert dropped_counts(entries) == [dropped]


def write_under_a_limit(directory: str) -> None:
    """Run in a process of its own: print how many runs were dropped."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (MEGABYTE, hard))
    log = CapturedLog()
    writer = SpoolWriter(Path(directory), max_bytes=NO_LIMIT, logger=log.logger)
    wait_until(lambda: writer.problem)
    for number in range(20_000):
        writer.ended(run_record(number))
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    wait_until(lambda: not writer.congested)
    writer.close()
    assert log.events() == ["spool_unavailable", "spool_recovered"]
    sys.stdout.write(str(writer.dropped))
