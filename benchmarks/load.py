"""The load generator: raw HTTP/1.1 over keep-alive connections, in its own process.

It reads one job per line (JSON) from standard input and writes one result per line to standard output.
"""

import asyncio
import gc
import re
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Final, Literal, cast

import orjson
import uvloop

from benchmarks.http_reader import ResponseReader
from benchmarks.report import percentile

Kind = Literal["closed", "open", "probe"]
_STAMP: Final = re.compile(rb"@(\d+\.\d{6})@")
_GRACE_SECONDS: Final = 20.0  # for requests still under way when the time of a job is up


@dataclass(frozen=True, slots=True)
class Job:
    """What to send and how.

    `closed`: every connection sends the next request when it has the answer, for `seconds`. `open`: `connections`
    streams begin over `seconds`, one request each. `probe`: one request, its body comes back.
    """

    kind: Kind
    port: int
    request: str
    connections: int = 1
    seconds: float = 0.0
    stream: bool = False


@dataclass(slots=True)
class Result:
    """Times in milliseconds. `completed` counts the answers that were right and came within the time of the job."""

    completed: int = 0
    failed: int = 0
    seconds: float = 0.0
    median: float = 0.0
    p95: float = 0.0
    p99: float = 0.0
    longest: float = 0.0
    first_byte: float = 0.0
    slowest_stream: float = 0.0
    stamps: int = 0
    failures: list[str] = field(default_factory=list)
    body: str = ""


def _is_right(reader: ResponseReader, stream: bool) -> bool:
    if reader.status != 200:
        return False
    return b'"message_stop"' in reader.body[-200:] if stream else reader.body[-1:] == b"}"


class _Client(asyncio.Protocol):
    """One connection: sends a request, tells `finished` about the answer, and sends again while that says so."""

    def __init__(self, job: Job, finished: Callable[["_Client"], bool], progress: Callable[["_Client"], None]) -> None:
        self._request = job.request.encode()
        self._stream = job.stream
        self._finished = finished
        self._progress = progress
        self._transport: asyncio.Transport | None = None
        self.reader = ResponseReader()
        self.began = self.first_byte = self.ended = 0.0
        self.problem = ""
        self.closed = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._send()

    def _send(self) -> None:
        assert self._transport is not None
        self.first_byte = 0.0
        self.began = time.monotonic()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        done = self.reader.feed(data)
        if self.reader.fresh:
            self._note_progress()
        if not done:
            return
        self.ended = time.monotonic()
        self.problem = "" if _is_right(self.reader, self._stream) else self._describe()
        if self._finished(self):
            self._send()
        else:
            assert self._transport is not None
            self._transport.close()

    def _note_progress(self) -> None:
        if not self.first_byte:
            self.first_byte = time.monotonic()
        self._progress(self)

    def _describe(self) -> str:
        return f"{self.reader.status} {self.reader.body[-300:].decode(errors='replace')}"

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.closed.done():
            self.closed.set_result(None)


class _Tally:
    """Counts answers and keeps their times."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.result = Result()
        self.began = time.monotonic()
        self.deadline = self.began + job.seconds
        self.times: list[float] = []
        self.first_bytes: list[float] = []
        self.connected: list[asyncio.Future[None]] = []

    def judge(self, client: _Client) -> None:
        """Count one answer."""
        if client.problem:
            self.fail(client.problem)
        elif self.job.kind == "open" or client.ended <= self.deadline:
            self.result.completed += 1
            self.times.append((client.ended - client.began) * 1000)
            self.first_bytes.append((client.first_byte - client.began) * 1000)

    def fail(self, problem: str) -> None:
        """Count a failure; the first few are told."""
        self.result.failed += 1
        if len(self.result.failures) < 3:
            self.result.failures.append(problem)

    def finished(self, client: _Client) -> bool:
        """Judge the answer and say whether to send another."""
        self.judge(client)
        return client.ended < self.deadline and not client.problem

    async def connect(self, progress: Callable[[_Client], None]) -> None:
        """Open one connection, which begins to send at once."""
        loop = asyncio.get_running_loop()
        finish = self.finished if self.job.kind == "closed" else self._finish_once
        try:
            _, client = await loop.create_connection(
                lambda: _Client(self.job, finish, progress), "127.0.0.1", self.job.port
            )
        except OSError as problem:
            self.fail(f"no connection: {problem}")
        else:
            self.connected.append(client.closed)

    def _finish_once(self, client: _Client) -> bool:
        self.judge(client)
        return False

    async def wait(self, seconds: float) -> None:
        """Wait until every connection has closed; those that have not by then are failures."""
        if not self.connected:
            return
        _, waiting = await asyncio.wait(self.connected, timeout=seconds)
        for _ in waiting:
            self.fail("no complete answer in time")

    def summary(self) -> Result:
        """The result with its percentiles."""
        result = self.result
        result.seconds = self.job.seconds or time.monotonic() - self.began
        if self.times:
            _fill_times(result, self.times)
            result.first_byte = percentile(self.first_bytes, 0.5)
        return result


def _fill_times(result: Result, times: list[float]) -> None:
    result.median = percentile(times, 0.5)
    result.p95 = percentile(times, 0.95)
    result.p99 = percentile(times, 0.99)
    result.longest = max(times)


def _ignore(client: _Client) -> None:
    """No interest in progress."""


async def run_closed(job: Job) -> Result:
    """A closed loop over all connections until the time is up."""
    tally = _Tally(job)
    await asyncio.gather(*(tally.connect(_ignore) for _ in range(job.connections)))
    await tally.wait(job.seconds + _GRACE_SECONDS)
    return tally.summary()


async def run_open(job: Job) -> Result:
    """Many streams at once; the times are the delays of their events between the upstream and here."""
    tally = _Tally(job)
    delays: dict[_Client, list[float]] = {}
    announced = False

    def progress(client: _Client) -> None:
        nonlocal announced
        now = time.monotonic()
        mine = delays.setdefault(client, [])
        mine += [(now - float(stamp)) * 1000 for stamp in _STAMP.findall(client.reader.fresh)]
        if len(delays) == job.connections and not announced and not tally.result.completed:
            announced = True
            _write({"event": "all open"})

    for _ in range(job.connections):
        await tally.connect(progress)
        await asyncio.sleep(job.seconds / job.connections)
    await tally.wait(_GRACE_SECONDS + 20)
    result = tally.summary()
    every = [delay for stream in delays.values() for delay in stream]
    if every:
        result.stamps = len(every)
        _fill_times(result, every)
        result.slowest_stream = max(percentile(stream, 0.5) for stream in delays.values() if stream)
    return result


async def run_probe(job: Job) -> Result:
    """One request; the result holds the body."""
    tally = _Tally(job)
    bodies: list[bytes] = []
    await tally.connect(lambda client: bodies.append(client.reader.fresh))
    await tally.wait(_GRACE_SECONDS)
    result = tally.summary()
    result.completed = 1 - min(result.failed, 1)
    result.body = b"".join(bodies).decode(errors="replace")
    return result


_RUNNERS: Final = {"closed": run_closed, "open": run_open, "probe": run_probe}


def _write(value: object) -> None:
    sys.stdout.buffer.write(orjson.dumps(value) + b"\n")
    sys.stdout.buffer.flush()


def main() -> None:
    """Run the jobs that come in, one after the other, until standard input ends."""
    for line in sys.stdin.buffer:
        job = Job(**orjson.loads(line))
        gc.collect()
        gc.freeze()
        gc.disable()
        _write(asdict(uvloop.run(_RUNNERS[job.kind](job))))
        gc.enable()


if __name__ == "__main__":
    main()
