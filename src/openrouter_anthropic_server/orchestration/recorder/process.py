"""The recorder as a process: one per spool directory, ended by signals or by the end of its parent."""

import asyncio
import fcntl
import os
import signal
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from openrouter_anthropic_server.orchestration.recorder.connection import PrefectAddressSource
from openrouter_anthropic_server.orchestration.recorder.prefect_api import PrefectApi
from openrouter_anthropic_server.orchestration.recorder.recording_loop import Ending, RecordingLoop

_LOCK = "recorder.lock"
_STANDBY_SECONDS = 1.0
_STDIN = 0


@dataclass(frozen=True, slots=True)
class RecorderOptions:
    """What the recorder is told.

    `api_url` None: the address is in `prefect_directory`/server.json; `ui_url` None: it follows from the API's.
    `headers` go with every request (authorization). `lifeline`: standard input is a pipe that ends with the
    parent. `drain`: deliver everything that is there and end.
    """

    spool_directory: Path
    api_url: str | None
    ui_url: str | None
    prefect_directory: Path
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    lifeline: bool = False
    drain: bool = False


def run_recorder(options: RecorderOptions, logger: Any) -> int:
    """Record until told to end; the exit code. Blocks; call it in the main thread.

    0 after an end that was asked for; 1 for a drain that could not begin or could not reach Prefect.
    """
    return asyncio.run(_Process(options, logger).run())


class _Process:
    def __init__(self, options: RecorderOptions, logger: Any) -> None:
        self._options = options
        self._log = logger
        self._told = asyncio.Event()
        self._ending: Ending | None = "drain" if options.drain else None
        self._loop: RecordingLoop | None = None
        self._trouble: str | None = None

    async def run(self) -> int:
        self._listen()
        lock = await self._lock()
        if lock is None:
            return 1 if self._ending == "drain" else 0
        try:
            return await self._record()
        finally:
            os.close(lock)

    async def _record(self) -> int:
        options = self._options
        source = PrefectAddressSource(
            options.api_url, options.ui_url, options.prefect_directory, alone=not options.lifeline
        )
        api = PrefectApi("", options.headers)
        try:
            self._loop = RecordingLoop(options.spool_directory, source, api, self._log)
            running = self._loop
            if self._ending is not None:
                running.end(self._ending)
            self._log.info("recorder_started", spool=str(options.spool_directory))
            code = await running.run()
            self._log.info("recorder_stopped")
            return code
        finally:
            await api.close()

    def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._end, "stop")
        if self._options.lifeline:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent tells us
            watch = threading.Thread(target=_wait_for_end, args=(loop, self._end), name="lifeline", daemon=True)
            watch.start()
        else:
            loop.add_signal_handler(signal.SIGINT, self._end, "stop")

    def _end(self, ending: Ending) -> None:
        self._ending = ending
        self._told.set()
        if self._loop is not None:
            self._loop.end(ending)

    async def _lock(self) -> int | None:
        """The descriptor of the lock, once it is ours; None if the end came first."""
        while True:
            lock, problem = _try_lock(self._options.spool_directory)
            if lock is not None:
                return lock
            if problem != self._trouble:
                self._trouble = problem
                self._log.warning("recorder_waits", reason=problem)
            if self._ending is not None:
                if self._ending == "drain":
                    self._log.error("recorder_drain_failed", problem=problem)
                return None
            with suppress(TimeoutError):
                async with asyncio.timeout(_STANDBY_SECONDS):
                    await self._told.wait()


def _try_lock(directory: Path) -> tuple[int | None, str]:
    """The lock's descriptor, or None and why not."""
    try:
        directory.mkdir(0o700, parents=True, exist_ok=True)
        descriptor = os.open(directory / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        return None, f"the spool directory {directory} cannot be used: {error}"
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        if isinstance(error, BlockingIOError):
            return None, f"another recorder works on {directory}"
        return None, f"the spool directory {directory} cannot be used: {error}"
    return descriptor, ""


def _wait_for_end(loop: asyncio.AbstractEventLoop, end: Callable[[Ending], None]) -> None:
    """Blocks until standard input ends: then the parent has."""
    with suppress(OSError):
        while os.read(_STDIN, 4096):
            pass
    with suppress(RuntimeError):  # the event loop is closed already
        loop.call_soon_threadsafe(end, "deliver")
