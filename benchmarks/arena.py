"""Starts the contenders, the fake upstream and the load generator, and measures one contender at a time.

A contender is the upstream itself (`direct`), the `pass-through`, or the server on one wire (`messages`, `chat`).
The server records its runs for a Prefect that is down; `messages-off` does not record, `messages-live` has its
own Prefect server, and so for `chat`. `chat-litellm` is the server over LiteLLM, `litellm-proxy` LiteLLM's own proxy.
"""

import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import orjson

from benchmarks import litellm_proxy
from benchmarks.load import Job, Kind, Result
from benchmarks.payloads import HEADERS, PATH
from benchmarks.processes import Child, MachineTime, cpu_seconds, free_port, memory_kb

_ROOT: Final = Path(__file__).resolve().parents[1]
DIRECT: Final = "direct"
LITELLM: Final = "chat-litellm"
LITELLM_PROXY: Final = "litellm-proxy"
PASSTHROUGH: Final = "pass-through"


@dataclass(frozen=True, slots=True)
class Load:
    """What one measurement sends, over how many connections."""

    body: bytes
    connections: int = 1
    stream: bool = False

    def request(self, port: int, prefix: str = "") -> str:
        """The text of the HTTP/1.1 request."""
        headers = {"host": f"127.0.0.1:{port}", **HEADERS, "content-length": str(len(self.body))}
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"POST {prefix}{PATH} HTTP/1.1\r\n{head}\r\n{self.body.decode()}"


@dataclass(frozen=True, slots=True)
class Sample:
    """One round of one contender. `cpu_us` is the processor time of its API process per answer, in microseconds."""

    result: Result
    cpu_us: float

    @property
    def rate(self) -> float:
        """Complete answers per second."""
        return self.result.completed / self.result.seconds


class Contender:
    """One server process (or none, for the upstream itself) and where it listens."""

    def __init__(self, name: str, port: int, child: Child | None, ready_after: float = 0.0) -> None:
        """`ready_after`: seconds from its start to the first 200."""
        self.name = name
        self.port = port
        self.child = child
        self.ready_after = ready_after
        self.pid = child.listener(port) if child else 0
        self.verified = False

    def cpu_seconds(self) -> float:
        """Processor time of the process that answers."""
        return cpu_seconds(self.pid) if self.pid else 0.0

    def memory_kb(self) -> int:
        """Resident memory of the process that answers."""
        return memory_kb(self.pid)

    def settled_memory_kb(self) -> int:
        """The same once it stays within 1 MB for 2 s (at most 20 s later): what is loaded in the background counts."""
        seen = [self.memory_kb()]
        while len(seen) < 40 and (len(seen) < 5 or max(seen[-5:]) - min(seen[-5:]) > 1024):
            time.sleep(0.5)
            seen.append(self.memory_kb())
        return seen[-1]


class Arena:
    """Everything that runs. Contenders start on first use and are paused while another is measured."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        """Starts the upstream and the load generator; `stack` stops whatever is started."""
        self._folder = folder
        self._stack = stack
        self._contenders: dict[str, Contender] = {}
        self._children: list[Child] = []
        self._machine = MachineTime.now()
        self._own_before = self._own_seconds()
        self._upstream_port = free_port()
        upstream = self._start("upstream", ["-m", "benchmarks.upstream", "--port", str(self._upstream_port)])
        upstream.wait_until_healthy(self._upstream_port)
        self._contenders[DIRECT] = Contender(DIRECT, self._upstream_port, None)
        self._load = Child.piped(["-m", "benchmarks.load"], folder / "load.log", self._env({}))
        self._adopt(self._load)

    def _env(self, extra: Mapping[str, str]) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
        return {**kept, "HOME": str(self._folder), "PYTHONPATH": f"{_ROOT}:{_ROOT / 'src'}", **extra}

    def _adopt(self, child: Child) -> None:
        self._children.append(child)
        self._stack.callback(child.stop)

    def _start(self, name: str, arguments: list[str], settings: Mapping[str, str] | None = None) -> Child:
        folder = self._folder / name
        folder.mkdir(exist_ok=True)
        child = Child.server(arguments, folder / "output.log", self._env(settings or {}) | {"HOME": str(folder)})
        self._adopt(child)
        return child

    def _launch(self, name: str, settings: Mapping[str, str]) -> Contender:
        port = free_port()
        base = f"http://127.0.0.1:{self._upstream_port}/api"
        if name == LITELLM_PROXY:
            return self._launch_proxy(port, base)
        if name == PASSTHROUGH:
            arguments = ["-m", "benchmarks.passthrough", "--port", str(port), "--upstream", base]
            child = self._start(name, arguments)
        else:
            arguments = ["-m", "openrouter_anthropic_server", "serve", "--port", str(port)]
            child = self._start(name, arguments, {**self._settings(name, base), **settings})
        ready_after = child.wait_until_healthy(port)
        return Contender(name, port, child, ready_after)

    def _launch_proxy(self, port: int, base: str) -> Contender:
        folder = self._folder / LITELLM_PROXY
        folder.mkdir(exist_ok=True)
        arguments = litellm_proxy.arguments(folder, port, base)
        env = self._env(litellm_proxy.SETTINGS) | {"HOME": str(folder), "PYTHONPATH": ""}
        child = Child.server(arguments, folder / "output.log", env, python=litellm_proxy.installed_python())
        self._adopt(child)
        return Contender(LITELLM_PROXY, port, child, child.wait_until_healthy(port, 120.0, "/health/liveliness"))

    def start_child(self, name: str, arguments: list[str], settings: Mapping[str, str]) -> Child:
        """Start another process that a case needs; it is stopped with the rest."""
        return self._start(name, arguments, settings)

    def _settings(self, name: str, base: str) -> dict[str, str]:
        wire, _, recording = name.partition("-")
        data = Path(tempfile.mkdtemp(dir=self._folder, prefix="data-"))
        return _recording(recording) | {
            "PROXY_BACKEND": "LITELLM_OPENROUTER" if name == LITELLM else "OPENROUTER",
            "OPENROUTER_API_KEY": "bench",
            "OPENROUTER_BASE_URL": f"{base}/v1",
            "OPENROUTER_WIRE": wire,
            "LOG_LEVEL": "info",
            "DATA_DIR": str(data),
        }

    def contender(self, name: str) -> Contender:
        """The contender of that name, started if need be."""
        if name not in self._contenders:
            self.alone(None)
            self._contenders[name] = self._launch(name, {})
        return self._contenders[name]

    @contextmanager
    def fresh(self, name: str, settings: Mapping[str, str] | None = None) -> Iterator[Contender]:
        """A new process of that contender, alone on the machine, stopped afterwards; `settings` win over its own."""
        self.alone(None)
        contender = self._launch(name, settings or {})
        try:
            yield contender
        finally:
            assert contender.child is not None
            contender.child.stop()

    def alone(self, name: str | None) -> None:
        """Pause every contender but this one."""
        for other in self._contenders.values():
            if other.child is None:
                continue
            if other.name == name:
                other.child.resume()
            else:
                other.child.pause()

    def measure(self, name: str, load: Load, seconds: float) -> Sample:
        """One round: only this contender runs, under this load."""
        contender = self.contender(name)
        self.alone(name)
        return self.measure_contender(contender, load, seconds)

    def measure_contender(self, contender: Contender, load: Load, seconds: float) -> Sample:
        """One round against a process that is running already."""
        before = contender.cpu_seconds()
        self.send(contender, load, "closed", seconds)
        result = self.finish()
        used = contender.cpu_seconds() - before
        return Sample(result, used * 1e6 / max(result.completed, 1))

    def send(self, contender: Contender, load: Load, kind: Kind, seconds: float = 0.0) -> None:
        """Hand the load generator a job."""
        request = load.request(contender.port, "/api" if contender.name == DIRECT else "")
        job = Job(kind, contender.port, request, load.connections, seconds, load.stream)
        pipe = self._load.process.stdin
        assert pipe is not None
        pipe.write(orjson.dumps(asdict(job)) + b"\n")
        pipe.flush()

    def finish(self) -> Result:
        """Wait for the result of the job sent last. A wrong answer ends the benchmark: its times would mean nothing."""
        answer = self.next_line()
        while "event" in answer:
            answer = self.next_line()
        result = Result(**answer)  # type: ignore[arg-type]
        if result.failed or not result.completed:
            raise RuntimeError(f"{result.failed} wrong answers, {result.completed} right ones: {result.failures}")
        return result

    def wait_until_all_open(self) -> None:
        """Wait for the load generator to say that all its streams are open at once."""
        answer = self.next_line()
        if "event" not in answer:
            raise RuntimeError(f"the streams were never all open at once: {answer['failures']}")

    def next_line(self) -> dict[str, object]:
        """The next line of the load generator: a result, or an event before it."""
        pipe = self._load.process.stdout
        assert pipe is not None
        line = pipe.readline()
        if not line:
            raise RuntimeError(f"the load generator ended; see {self._folder / 'load.log'}")
        answer: dict[str, object] = orjson.loads(line)
        return answer

    def _own_seconds(self) -> float:
        """Of this process, of its children that have ended, and of the trees that live."""
        spent = os.times()
        ended = spent.children_user + spent.children_system
        return spent.user + spent.system + ended + sum(child.cpu_seconds() for child in self._children)

    def foreign_share(self) -> float:
        """The share of the machine that processes other than ours have used since the arena opened."""
        now = MachineTime.now()
        busy = now.busy - self._machine.busy - (self._own_seconds() - self._own_before)
        return max(busy, 0.0) / max(now.total - self._machine.total, 1e-9)


def _recording(kind: str) -> dict[str, str]:
    if kind == "off":
        return {"RECORDING": "off"}
    if kind == "live":
        return {"PREFECT_PORT": str(free_port())}
    return {"PREFECT_API_URL": f"http://127.0.0.1:{free_port()}/api"}


@contextmanager
def open_arena() -> Iterator[Arena]:
    """An arena in a temporary folder; everything is stopped and removed at the end."""
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder, ExitStack() as stack:
        yield Arena(Path(folder), stack)
