"""One child process: started, watched, started again when it dies, and stopped."""

import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from structlog.typing import FilteringBoundLogger

from openrouter_anthropic_server.orchestration.priority import lower_process, lower_session

_FIRST_DELAY_SECONDS = 0.5
_LONGEST_DELAY_SECONDS = 30.0
_HEALTHY_SECONDS = 60.0
_KILL_SECONDS = 5.0
_LOG_BYTES = 5 * 2**20


@dataclass(frozen=True, slots=True)
class ChildCommand:
    """What to run, and how.

    The child's standard input is its lifeline: a pipe on which nothing ever arrives, and which ends when every
    process that holds the other end has gone. `holds` names the children whose lifelines it holds too.
    `niceness` is added to our own; a child that `lowers_itself` lowers its session's priority when it thinks fit
    (see `priority`). `output` is a file for all that it prints, at most 5 MB (and the 5 MB before);
    None: where we print. `environment` is the whole of it; None: ours.
    """

    name: str
    command: tuple[str, ...]
    niceness: int = 0
    lowers_itself: bool = False
    stop_seconds: float = 5.0
    holds: tuple[str, ...] = ()
    output: Path | None = None
    environment: Mapping[str, str] | None = None


@dataclass(slots=True)
class Child:
    """A command, and the process that runs it now, if one does. Its owner calls `tick` several times a second."""

    command: ChildCommand
    lifeline: int
    kept_open: tuple[int, ...]
    logger: FilteringBoundLogger
    process: subprocess.Popen[bytes] | None = None
    _started: float = 0.0
    _due: float = 0.0
    _delay: float = _FIRST_DELAY_SECONDS
    _session_is_nice: bool = False

    def tick(self) -> None:
        """Start it if it is time to; notice its death."""
        now = time.monotonic()
        if self.process is None:
            if now >= self._due:
                self._start(now)
        elif self.process.poll() is not None:
            self._died(now)
        elif not self._session_is_nice:
            self._lower_session()

    def stop(self) -> None:
        """SIGTERM, then SIGKILL if it takes too long; returns when it has gone."""
        process, self.process = self.process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(self.command.stop_seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(_KILL_SECONDS)
        self.logger.info("child_ended", child=self.command.name, pid=process.pid, **_outcome(process.returncode))

    def _start(self, now: float) -> None:
        try:
            self.process = self._spawned()
        except OSError as error:
            self._try_again(now, problem=f"{error.strerror}: {error.filename}")
            return
        self._started = now
        self._lower_session()
        self.logger.info("child_started", child=self.command.name, pid=self.process.pid)

    def _spawned(self) -> subprocess.Popen[bytes]:
        with ExitStack() as stack:
            output = None
            if self.command.output is not None:
                output = stack.enter_context(_fresh(self.command.output).open("ab"))
            process = subprocess.Popen(
                self.command.command,
                stdin=self.lifeline,
                stdout=output,
                stderr=output,
                env=self.command.environment,
                pass_fds=self.kept_open,
                start_new_session=True,
            )
        lower_process(process.pid, self.command.niceness)
        return process

    def _lower_session(self) -> None:
        assert self.process is not None
        self._session_is_nice = self.command.lowers_itself or lower_session(self.process.pid, self.command.niceness)

    def _died(self, now: float) -> None:
        assert self.process is not None
        pid, code = self.process.pid, self.process.returncode
        self.process = None
        lived = now - self._started
        if lived >= _HEALTHY_SECONDS:
            self._delay = _FIRST_DELAY_SECONDS
        self._try_again(now, pid=pid, lived_seconds=round(lived, 1), **_outcome(code))

    def _try_again(self, now: float, **why: str | int | float) -> None:
        if self.command.output is not None:
            why["output"] = str(self.command.output)
        self.logger.warning("child_ended", child=self.command.name, again_in_seconds=self._delay, **why)
        self._due = now + self._delay
        self._delay = min(self._delay * 2, _LONGEST_DELAY_SECONDS)


def _outcome(code: int) -> dict[str, str | int]:
    return {"signal": signal.strsignal(-code) or -code} if code < 0 else {"exit_code": code}


def _fresh(path: Path) -> Path:
    """The file to append to; what has grown too long is put aside."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > _LOG_BYTES:
        path.replace(path.with_name(f"{path.name}.1"))
    return path
