"""Child processes are kept running, are stopped in order, and end with their owner however it ends."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import structlog
from structlog.testing import LogCapture

from openrouter_anthropic_server.orchestration import child
from openrouter_anthropic_server.orchestration.child import ChildCommand
from openrouter_anthropic_server.orchestration.children import ChildProcesses
from tests.server_process import SOURCES
from tests.waiting import is_alive, wait_for

CHILD = """
import os, signal, sys, time
name, directory, drain = sys.argv[1], sys.argv[2], float(sys.argv[3])
def tell(what):
    with open(f"{directory}/events", "a") as file:
        file.write(f"{name} {what} {os.getpid()} {time.monotonic()}\\n")
def on_sigterm(*_):
    tell("sigterm")
    sys.exit(0)
signal.signal(signal.SIGTERM, on_sigterm)
tell("started")
sys.stdin.buffer.read()
tell("lifeline")
time.sleep(drain)
tell("drained")
"""
"""A child that notes in a file what happens to it; it lives until its lifeline ends and for `drain` seconds more."""

OWNER = """
import sys, time, structlog
from pathlib import Path
from openrouter_anthropic_server.orchestration.child import ChildCommand
from openrouter_anthropic_server.orchestration.children import ChildProcesses
def command(name, drain, **more):
    return ChildCommand(name, (sys.executable, "-c", Path(sys.argv[1]).read_text(), name, sys.argv[2], drain), **more)
first, second = command("first", "1.0", holds=("second",)), command("second", "0")
ChildProcesses([first, second], structlog.get_logger()).start()
time.sleep(60)
"""

Events = list[tuple[str, str, int, float]]


class Family:
    """Children whose doings are noted in `directory`, and what their supervisor logged."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.log = LogCapture()
        self._running: list[ChildProcesses] = []

    def command(self, name: str, drain: float = 0.0, **more: Any) -> ChildCommand:
        """A well-behaved child."""
        return ChildCommand(name, (sys.executable, "-c", CHILD, name, str(self.directory), str(drain)), **more)

    def start(self, *commands: ChildCommand) -> ChildProcesses:
        """Start these; they are stopped after the test."""
        children = ChildProcesses(commands, structlog.wrap_logger(None, processors=[self.log]))
        self._running.append(children)
        children.start()
        return children

    def stop(self) -> None:
        """Stop what still runs."""
        for children in self._running:
            children.stop()

    def events(self, what: str | None = None) -> Events:
        """What the children noted: name, event, process id, time."""
        path = self.directory / "events"
        lines = path.read_text().splitlines() if path.exists() else []
        events = [(name, event, int(pid), float(at)) for name, event, pid, at in map(str.split, lines)]
        return [event for event in events if what in (None, event[1])]

    def logged(self, event: str) -> list[dict[str, Any]]:
        """The supervisor's log lines of one kind."""
        return [dict(line) for line in self.log.entries if line["event"] == event]


@pytest.fixture(name="family")
def _family(tmp_path: Path) -> Iterator[Family]:
    family = Family(tmp_path)
    yield family
    family.stop()


def test_they_start_in_reverse_order_and_stop_in_order(family: Family) -> None:
    children = family.start(family.command("recorder"), family.command("prefect"))
    wait_for(lambda: len(family.events("started")) == 2)

    children.stop()

    assert [line["child"] for line in family.logged("child_started")] == ["prefect", "recorder"]
    assert [name for name, *_ in family.events("sigterm")] == ["recorder", "prefect"]
    assert [(line["child"], line["exit_code"]) for line in family.logged("child_ended")] == [
        ("recorder", 0),
        ("prefect", 0),
    ]
    assert not any(is_alive(pid) for _, _, pid, _ in family.events("started"))


def test_a_killed_child_is_started_again(family: Family) -> None:
    children = family.start(family.command("recorder"))
    first = wait_for(lambda: family.events("started"))[0][2]

    os.kill(first, signal.SIGKILL)
    wait_for(lambda: len(family.events("started")) == 2)

    assert children.pid("recorder") == family.events("started")[1][2] != first
    (ended,) = family.logged("child_ended")
    assert (ended["child"], ended["pid"], ended["signal"], ended["again_in_seconds"]) == (
        "recorder",
        first,
        "Killed",
        0.5,
    )
    assert ended["log_level"] == "warning"


def test_one_that_dies_at_once_is_started_less_and_less_often(family: Family) -> None:
    family.start(ChildCommand("hopeless", (sys.executable, "-c", "raise SystemExit(3)")))

    wait_for(lambda: len(family.logged("child_ended")) >= 3)

    ended = family.logged("child_ended")
    assert [line["again_in_seconds"] for line in ended[:3]] == [0.5, 1.0, 2.0]
    assert ended[0]["exit_code"] == 3


def test_after_a_long_life_the_wait_is_short_again(family: Family, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "_HEALTHY_SECONDS", 0.0)
    family.start(ChildCommand("mortal", (sys.executable, "-c", "")))

    wait_for(lambda: len(family.logged("child_ended")) >= 3)

    ended = family.logged("child_ended")
    assert [line["again_in_seconds"] for line in ended[:3]] == [0.5, 0.5, 0.5]


def test_one_that_ignores_sigterm_is_killed(family: Family) -> None:
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(60)"
    output = family.directory / "output"
    children = family.start(ChildCommand("deaf", (sys.executable, "-c", deaf), stop_seconds=0.3, output=output))
    wait_for(lambda: output.exists() and output.read_text())
    began = time.monotonic()

    children.stop()

    assert 0.3 <= time.monotonic() - began < 3.0
    assert family.logged("child_ended")[-1]["signal"] == "Killed"


def test_stopping_twice_or_from_several_threads_or_unstarted_is_harmless(family: Family) -> None:
    descriptors = len(os.listdir("/proc/self/fd"))
    children = family.start(family.command("recorder", holds=("prefect",)), family.command("prefect"))
    wait_for(lambda: len(family.events("started")) == 2)
    threads = [threading.Thread(target=children.stop) for _ in range(3)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    children.stop()
    ChildProcesses([family.command("never")], structlog.get_logger()).stop()

    assert len(family.logged("child_ended")) == 2
    assert len(os.listdir("/proc/self/fd")) == descriptors


def test_after_a_stop_nothing_is_started_any_more(family: Family) -> None:
    children = ChildProcesses([family.command("late")], structlog.get_logger())
    children.stop()

    children.start()
    time.sleep(0.5)

    assert family.events() == []


def own_family(directory: Path) -> subprocess.Popen[bytes]:
    """A process of its own with two children: `first` drains for a second and holds the lifeline of `second`."""
    script = directory / "child.py"
    script.write_text(CHILD)
    return subprocess.Popen(
        [sys.executable, "-c", OWNER, str(script), str(directory)],
        env={"PYTHONPATH": str(SOURCES), "PATH": os.environ["PATH"]},
        stdout=subprocess.DEVNULL,
    )


@pytest.mark.parametrize("with_restart", [False, True], ids=["first", "restarted"])
def test_children_outlive_a_killed_owner_only_until_they_are_done(family: Family, with_restart: bool) -> None:
    owner = own_family(family.directory)
    try:
        wait_for(lambda: len(family.events("started")) == 2)
        if with_restart:  # the new one must hold the other's lifeline too
            pids = {name: pid for name, _, pid, _ in family.events("started")}
            os.kill(pids["first"], signal.SIGKILL)
            wait_for(lambda: len(family.events("started")) == 3)
    finally:
        owner.kill()
        owner.wait()
    wait_for(lambda: len(family.events("drained")) == 2)

    ends = {(name, event): at for name, event, _, at in family.events()}
    assert ends["second", "lifeline"] >= ends["first", "drained"] - 0.05
    assert ends["first", "drained"] - ends["first", "lifeline"] >= 1.0
    wait_for(lambda: not any(is_alive(pid) for _, _, pid, _ in family.events("started")))


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_they_are_out_of_the_terminals_reach_and_give_way(family: Family) -> None:
    family.start(family.command("recorder", niceness=5))
    pid = wait_for(lambda: family.events("started"))[0][2]

    assert os.getsid(pid) == pid
    assert os.getpriority(os.PRIO_PROCESS, pid) == min(os.getpriority(os.PRIO_PROCESS, 0) + 5, 19)
    session = Path(f"/proc/{pid}/autogroup")
    if session.exists():  # the scheduler shares out time by sessions: there a process's own niceness is not enough
        wait_for(lambda: session.read_text().split()[-1] == "5", 2.0)


def test_output_goes_to_a_file_that_does_not_grow_for_ever(family: Family) -> None:
    output = family.directory / "logs" / "child.log"
    output.parent.mkdir()
    output.write_bytes(b"x" * (5 * 2**20 + 1))
    code = "import sys; print('said'); print('complained', file=sys.stderr)"

    family.start(ChildCommand("talker", (sys.executable, "-c", code), output=output))
    (ended,) = wait_for(lambda: family.logged("child_ended"))

    assert sorted(output.read_text().split()) == ["complained", "said"]
    assert (output.parent / "child.log.1").stat().st_size == 5 * 2**20 + 1
    assert ended["output"] == str(output)


def test_what_cannot_be_started_is_told_and_tried_again(family: Family) -> None:
    in_the_way = family.directory / "file"
    in_the_way.write_text("")
    family.start(family.command("recorder", output=in_the_way / "child.log"))
    (ended, *_) = wait_for(lambda: family.logged("child_ended"))

    in_the_way.unlink()
    wait_for(lambda: family.events("started"))

    assert str(in_the_way) in ended["problem"]


def test_the_environment_is_what_was_asked_for(family: Family) -> None:
    output = family.directory / "output"
    code: Sequence[str] = (sys.executable, "-c", "import os; print(os.environ.get('A'), os.environ.get('HOME'))")

    family.start(ChildCommand("child", tuple(code), output=output, environment={"A": "1"}))
    wait_for(lambda: family.logged("child_ended"))

    assert output.read_text().splitlines()[0] == "1 None"
