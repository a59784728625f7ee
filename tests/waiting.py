"""Waiting for what another process does, and looking at processes from outside."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

_T = TypeVar("_T")


def wait_for(condition: Callable[[], _T], seconds: float = 30.0) -> _T:
    """Wait until something is true, and give it."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
    return found


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and that nobody has asked after counts as gone. Linux only."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def processes_about(directory: Path) -> dict[int, str]:
    """Living processes with `directory` in their command line or environment: id and command line. Linux only."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            line, environment = (entry / "cmdline").read_bytes(), (entry / "environ").read_bytes()
        except OSError:
            continue
        pid = int(entry.name)
        if str(directory).encode() in line + environment and is_alive(pid):
            found[pid] = line.replace(b"\0", b" ").decode(errors="replace").strip()
    return found
