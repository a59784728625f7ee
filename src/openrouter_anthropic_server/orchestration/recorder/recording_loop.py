"""The recorder at work: read, deliver, confirm, acknowledge, tell how it goes; over and over."""

import asyncio
import time
from pathlib import Path
from typing import Any, Literal

from openrouter_anthropic_server.orchestration.recorder.connection import PrefectAddressSource, PrefectConnection
from openrouter_anthropic_server.orchestration.recorder.delivery import Delivery
from openrouter_anthropic_server.orchestration.recorder.intake import Intake
from openrouter_anthropic_server.orchestration.recorder.prefect_api import PrefectApi, PrefectUnavailableError
from openrouter_anthropic_server.orchestration.recorder.state_file import StateFile
from openrouter_anthropic_server.orchestration.spool.reader import Spool
from openrouter_anthropic_server.ports.run_directory import RecorderPhase, RecorderState

Ending = Literal["stop", "deliver", "drain"]
"""Why and how to come to an end: deliver what can be delivered at once; what can be soon; everything."""

_POLL_SECONDS = 0.2
_SIZE_SECONDS = 2.0
_TELL_SECONDS = 1.0
_STOP_SECONDS = 2.0
_DELIVER_SECONDS = 10.0
_LINGER_SECONDS = 1.0  # a process that dies lets go of our pipe and of its spool's lock in any order
_DRAIN_UNREACHABLE_SECONDS = 30.0


class RecordingLoop:
    """Runs until `end` is called and done with; `run` gives the exit code.

    Reading the spool blocks for milliseconds: nobody else uses this event loop.
    """

    def __init__(self, spool_directory: Path, source: PrefectAddressSource, api: PrefectApi, logger: Any) -> None:
        self._log = logger
        self._delivery = Delivery(api, logger)
        self._connection = PrefectConnection(source, api, logger)
        self._intake = Intake(Spool(spool_directory, logger=logger), self._delivery, logger)
        self._state_file = StateFile(spool_directory, logger)
        self._wake = asyncio.Event()
        self._task: asyncio.Task[Any] | None = None
        self._ending: Ending | None = None
        self._ending_since = 0.0
        self._cut: asyncio.TimerHandle | None = None
        self._ticking: asyncio.TimerHandle | None = None
        self._read_last = 0
        self._tried = False
        self._size = 0
        self._size_at = 0.0

    def end(self, ending: Ending) -> None:
        """Come to an end; a second call can only shorten it. Call it in the event loop."""
        if self._ending == "stop":
            return
        if self._cut is not None:
            self._cut.cancel()
        self._ending, self._ending_since = ending, time.monotonic()
        self._wake.set()
        seconds = {"stop": _STOP_SECONDS, "deliver": _DELIVER_SECONDS, "drain": None}[ending]
        if seconds is not None:
            self._cut = asyncio.get_running_loop().call_later(seconds, self._cut_off)

    async def run(self) -> int:
        """Work until the end; 0, or 1 if a drain could not reach Prefect."""
        self._task = asyncio.current_task()
        assert self._task is not None
        code = 0
        self._tick()
        try:
            while not self._is_done():
                busy = await self._turn()
                if self._ending == "drain" and self._unreachable_for() > _DRAIN_UNREACHABLE_SECONDS:
                    self._log.error("recorder_drain_failed", problem=self._connection.problem)
                    code = 1
                    break
                await self._pause(busy)
        except asyncio.CancelledError:  # the time that `end` gave is over
            self._task.uncancel()
        for timer in (self._cut, self._ticking):
            if timer is not None:
                timer.cancel()
        self._task = None
        self._intake.acknowledge(at_once=True)
        self._tell("stopped")
        return code

    async def _turn(self) -> bool:
        """One round; whether the next one has something to do at once."""
        busy = False
        self._read_last = self._intake.read()
        if not self._connection.reachable:
            await self._reconnect()
        if self._connection.reachable:
            busy = await self._deliver()
        self._intake.acknowledge()
        self._tell(self._phase())
        return busy or self._read_last > 0

    async def _reconnect(self) -> None:
        changed = await self._connection.find()
        self._tried = True
        if changed:
            self._delivery.forget_prefect()
        if self._connection.reachable:
            self._delivery.interrupted(memory_gone=self._connection.memory_gone)
            self._connection.memory_gone = False

    async def _deliver(self) -> bool:
        try:
            busy = await self._delivery.round()
        except PrefectUnavailableError as error:
            self._connection.lost(error)
            return False
        self._connection.works()
        return busy

    async def _pause(self, busy: bool) -> None:
        if busy and self._connection.reachable:
            return
        self._wake.clear()
        try:
            async with asyncio.timeout(_POLL_SECONDS):
                await self._wake.wait()
        except TimeoutError:
            pass

    def _is_done(self) -> bool:
        if self._ending is None:
            return False
        if self._ending == "stop" and self._tried and not self._connection.reachable:
            return True
        if self._ending == "deliver" and time.monotonic() - self._ending_since < _LINGER_SECONDS:
            return False
        return self._tried and not self._read_last and not self._delivery.unfinished() and self._intake.is_through()

    def _cut_off(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _unreachable_for(self) -> float:
        return time.monotonic() - self._connection.worked_at

    def _phase(self) -> RecorderPhase:
        if self._connection.reachable:
            return "delivering"
        return "waiting_for_prefect" if self._tried else "starting"

    def _tick(self) -> None:
        """Tell also during a long round, or while Prefect does not answer."""
        self._tell(self._phase())
        self._ticking = asyncio.get_running_loop().call_later(_TELL_SECONDS, self._tick)

    def _tell(self, phase: RecorderPhase) -> None:
        now, address, counts = time.monotonic(), self._connection.address, self._delivery.counts
        if now - self._size_at >= _SIZE_SECONDS:
            self._size, self._size_at = self._intake.size(), now
        oldest = self._delivery.oldest()
        self._state_file.write(
            RecorderState(
                phase=phase,
                prefect_api_url=address.api_url if address else None,
                prefect_ui_url=address.ui_url if address else None,
                prefect_reachable=self._connection.reachable,
                problem=self._connection.problem or self._delivery.problem(),
                backlog=self._delivery.unfinished() + self._intake.unread_runs(self._size),
                lag_seconds=0.0 if oldest is None else max(time.time() - oldest, 0.0),
                recorded=counts.recorded,
                retried=counts.retried,
                dropped=counts.dropped,
                spool_bytes=self._size,
            )
        )
