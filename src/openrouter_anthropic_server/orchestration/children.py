"""The child processes of a server: kept running while it serves, ended with it, however it ends."""

import os
import threading
from collections.abc import Callable, Sequence

from structlog.typing import FilteringBoundLogger

from openrouter_anthropic_server.orchestration.child import Child, ChildCommand

_TICK_SECONDS = 0.2
_JOIN_SECONDS = 10.0


class ChildProcesses:
    """Children that one thread starts, watches and restarts.

    They are started in reverse order and stopped in order. Each ends by itself when we die without having
    stopped it, because that ends its lifeline. `on_tick` is called with this object several times a second, in
    the same thread.
    """

    def __init__(
        self,
        commands: Sequence[ChildCommand],
        logger: FilteringBoundLogger,
        on_tick: Callable[["ChildProcesses"], None] = lambda _: None,
    ) -> None:
        self._commands = commands
        self._logger = logger
        self._on_tick = on_tick
        self._children: list[Child] = []
        self._pipes: list[int] = []
        self._stopping = threading.Event()
        self._stopped = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="children", daemon=True)

    def start(self) -> None:
        """Start them, soon; once."""
        if not self._commands or self._stopping.is_set():
            return
        lifelines = {command.name: os.pipe() for command in self._commands}
        self._pipes = [end for ends in lifelines.values() for end in ends]
        self._children = [
            Child(
                command,
                lifeline=lifelines[command.name][0],
                kept_open=tuple(lifelines[name][1] for name in command.holds),
                logger=self._logger,
            )
            for command in self._commands
        ]
        self._thread.start()

    def stop(self) -> None:
        """Stop them, and return when all have gone; again: nothing happens."""
        self._stopping.set()
        with self._stopped:
            if self._thread.ident is not None:
                self._thread.join(_JOIN_SECONDS)
            for child in self._children:
                child.stop()
            self._children = []
            for end in self._pipes:
                os.close(end)
            self._pipes = []

    def pid(self, name: str) -> int | None:
        """The process id of a child; None while it does not run."""
        for child in self._children:
            if child.command.name == name and child.process is not None:
                return child.process.pid
        return None

    def _run(self) -> None:
        while not self._stopping.is_set():
            for child in reversed(self._children):
                if not self._stopping.is_set():
                    child.tick()
            self._on_tick(self)
            self._stopping.wait(_TICK_SECONDS)
