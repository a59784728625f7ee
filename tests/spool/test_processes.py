"""Several processes write to one spool, are killed at any moment, and nothing that was written is lost or doubled."""

import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from openrouter_anthropic_server.orchestration.spool.reader import Spool, SpooledEntry, WriterSpool
from tests.spool.records import ended_numbers, read_all, wait_until

ROOT = Path(__file__).parents[2]
ROUNDS = 15

Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture(name="directory")
def _directory(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture(name="start")
def _start(directory: Path) -> Iterator[Start]:
    """Starts a writing process; what still runs at the end is killed."""
    with ExitStack() as stack:

        def start(*, count: int = 0, content_bytes: int = 0, max_mb: int = 256) -> "subprocess.Popen[bytes]":
            arguments = (str(directory), str(max_mb << 20), str(count), str(content_bytes))
            command = [sys.executable, "-m", "tests.spool.writing_process", *arguments]
            process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, env={"PYTHONPATH": f"{ROOT}/src"})
            stack.enter_context(process)
            stack.callback(process.kill)
            return process

        yield start


def printed(process: "subprocess.Popen[bytes]") -> list[int]:
    """The numbers that a process printed whole before it ended."""
    assert process.stdout is not None
    return [int(line) for line in process.stdout.read().split(b"\n")[:-1]]


@pytest.mark.parametrize("content_bytes", [0, 150_000], ids=["small", "large"])
def test_every_run_written_before_a_kill_can_be_read(directory: Path, start: Start, content_bytes: int) -> None:
    chance = random.Random(content_bytes)
    spool = Spool(directory)
    known: set[str] = set()
    for _ in range(ROUNDS):
        process = start(content_bytes=content_bytes, max_mb=1024)
        assert process.stdout is not None
        first = process.stdout.readline()
        time.sleep(chance.uniform(0, 0.1))
        process.kill()
        numbers = [int(first), *printed(process)]
        process.wait()
        [writer] = [writer for writer in spool.writers() if writer.name not in known]
        known.add(writer.name)

        read = ended_numbers(read_all(writer))
        assert read in (numbers, [*numbers, numbers[-1] + 1])  # it may have died before it could print the last
        assert writer.corrupt <= 1
        assert writer.finished()
        writer.remove()
    assert spool.writers() == []
    assert spool.size() == 0


def test_several_processes_write_while_their_spools_are_read_and_removed(directory: Path, start: Start) -> None:
    """The recorder's rounds: read some, forget some, acknowledge some, remove what is finished."""
    count, processes = 1500, 3
    running = [start(count=count, max_mb=16) for _ in range(processes)]  # segments of 1 MiB
    chance = random.Random(1)
    spool = Spool(directory)
    delivered: dict[str, list[SpooledEntry]] = {}
    deadline = time.monotonic() + 50
    while any(process.poll() is None for process in running) or spool.writers():
        assert time.monotonic() < deadline
        for writer in spool.writers():
            entries = delivered.setdefault(writer.name, [])
            deliver(writer, entries, chance)
            if writer.finished():
                writer.remove()
        time.sleep(0.01)

    assert [process.wait() for process in running] == [0] * processes
    assert [ended_numbers(entries) for entries in delivered.values()] == [list(range(count))] * processes
    assert all(len(entries) == 2 * count for entries in delivered.values())
    assert spool.size() == 0


def deliver(writer: WriterSpool, entries: list[SpooledEntry], chance: random.Random) -> None:
    """Deliver a part of what there is; the rest is read again in the next round."""
    read = writer.read(limit=200)
    part = read if chance.random() < 0.7 else read[: len(read) // 2]
    entries += part
    if part:
        writer.acknowledge(part[-1].end, len(entries))
    if len(part) < len(read):
        writer.rewind()


def test_another_reader_goes_on_at_the_cursor_while_the_writer_lives(directory: Path, start: Start) -> None:
    process = start(count=400, max_mb=16)
    entries: list[SpooledEntry] = []
    wait_until(lambda: Spool(directory).writers())
    while process.poll() is None:
        [writer] = Spool(directory).writers()  # as after a restart of the recorder
        assert writer.saved == (len(entries) or None)
        if read := writer.read(limit=50):
            entries += read
            writer.acknowledge(read[-1].end, len(entries))
        time.sleep(0.002)
    [writer] = Spool(directory).writers()
    entries += read_all(writer)

    assert printed(process) == ended_numbers(entries) == list(range(400))
    assert writer.finished()
