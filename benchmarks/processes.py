"""Child processes of the benchmark and what Linux tells about them: memory, processor time, who else was busy."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Final

_TICK: Final = os.sysconf("SC_CLK_TCK")
_STOP_SECONDS: Final = 20.0


def free_port() -> int:
    """A TCP port on the loopback interface that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _stat_fields(pid: int) -> list[str]:
    """The fields of /proc/<pid>/stat after the command name (state is the first); empty when the process is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return []
    return text.rpartition(")")[2].split()


def tree(pid: int) -> list[int]:
    """The process and all its descendants."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _stat_fields(int(entry.name))):
            parents[int(entry.name)] = int(fields[1])
    found = [pid]
    for member in found:
        found += [child for child, parent in parents.items() if parent == member]
    return found


def cpu_seconds(pid: int) -> float:
    """Processor time of one process so far, user and system."""
    fields = _stat_fields(pid)
    return (int(fields[11]) + int(fields[12])) / _TICK if fields else 0.0


def memory_kb(pid: int) -> int:
    """Resident memory of one process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


@dataclass(frozen=True, slots=True)
class MachineTime:
    """Processor seconds of the whole machine since it started."""

    total: float
    busy: float

    @classmethod
    def now(cls) -> "MachineTime":
        """From the first line of /proc/stat; time stolen by the hypervisor counts as busy."""
        values = [int(value) / _TICK for value in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
        idle = values[3] + values[4]
        return cls(sum(values), sum(values) - idle)


class Child:
    """A child process that can be paused with everything it started, so that it does not disturb the others' rounds."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        """`log` is named when something goes wrong."""
        self.process = process
        self.pid = process.pid
        self._log = log
        self._started = time.monotonic()

    @classmethod
    def server(cls, arguments: list[str], log: Path, env: Mapping[str, str], python: str = sys.executable) -> "Child":
        """Start `python <arguments>` with its output in `log`, in the folder of the log."""
        with log.open("ab") as output:
            process = subprocess.Popen(
                [python, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=env,
                cwd=log.parent,
            )
        return cls(process, log)

    @classmethod
    def piped(cls, arguments: list[str], log: Path, env: Mapping[str, str]) -> "Child":
        """Start `python <arguments>` with pipes for input and output, its errors in `log`."""
        with log.open("ab") as errors:
            process = subprocess.Popen(
                [sys.executable, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, env=env
            )
        return cls(process, log)

    def _signal(self, number: int) -> None:
        for pid in tree(self.pid):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue

    def pause(self) -> None:
        """Stop the process and its descendants where they are."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let them go on."""
        self._signal(signal.SIGCONT)

    def cpu_seconds(self) -> float:
        """Processor time of the process and its living descendants."""
        return sum(cpu_seconds(pid) for pid in tree(self.pid))

    def wait_until_healthy(self, port: int, seconds: float = 60.0, path: str = "/health") -> float:
        """Poll `GET <path>` until it answers 200; the seconds from the start of the process until then."""
        while (waited := time.monotonic() - self._started) < seconds:
            if self.process.poll() is not None:
                raise RuntimeError(f"exit code {self.process.returncode}; see {self._log}")
            if _is_healthy(port, path):
                return time.monotonic() - self._started
            time.sleep(0.005)
        raise RuntimeError(f"not healthy after {waited:.0f} s; see {self._log}")

    def listener(self, port: int) -> int:
        """The process of the tree that listens on `port`: the one whose memory and time count."""
        sockets = _listening_sockets(port)
        for pid in tree(self.pid):
            if sockets & _open_sockets(pid):
                return pid
        return self.pid

    def stop(self) -> None:
        """SIGTERM, then SIGKILL for whatever of its tree remains."""
        if self.process.poll() is not None:
            return
        self.resume()
        members = tree(self.pid)
        self.process.terminate()
        try:
            self.process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._kill(members)
            self.process.wait()

    def _kill(self, members: list[int]) -> None:
        for pid in {*members, *tree(self.pid)}:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue


def _is_healthy(port: int, path: str) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=1)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def _listening_sockets(port: int) -> set[str]:
    """The inodes, as /proc/<pid>/fd shows them, of the sockets that listen on an IPv4 port."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    listening = "0A"
    return {f"socket:[{line[9]}]" for line in lines if line[3] == listening and int(line[1].split(":")[1], 16) == port}


def _open_sockets(pid: int) -> set[str]:
    found = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found.add(str(entry.readlink()))
        except OSError:
            continue
    return found
