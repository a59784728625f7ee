"""The child process that runs Prefect's own server, on SQLite, for as long as somebody holds its lifeline.

Its standard input is that lifeline: at its end, as with SIGTERM, the server stops within five seconds. One
server per directory: a second process stands by until the first has gone.
"""

import argparse
import errno
import fcntl
import gc
import os
import signal
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from openrouter_anthropic_server.orchestration.prefect_environment import prefect_environment
from openrouter_anthropic_server.orchestration.server_address import ServerAddress, remove_address, write_address

if TYPE_CHECKING:
    from openrouter_anthropic_server.orchestration.prefect_application import PrefectServer

_PORTS_TRIED = 100
_BACKLOG = 2_048
_STOP_SECONDS = 4.5


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until told to stop."""
    options = _options(arguments)
    directory: Path = options.directory.resolve()
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.chdir(directory)  # Prefect reads the `.env` and the project files of the directory it runs in
    ending = _Ending(directory)
    with _held(directory / "lock"), _listening(options.port) as listener:
        address = ServerAddress.on_port(listener.getsockname()[1], options.ui_url)
        write_address(directory, address)
        try:
            _configure(directory, address, options.retention_seconds)
            ending.server = _prefect_server()
            ending.server.run([listener])
        finally:
            remove_address(directory)
    if not ending.server.started:
        raise SystemExit("Prefect's server did not start")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--directory", type=Path, required=True, help="where the server's files are")
    parser.add_argument("--port", type=int, default=4200, help="first port to try")
    parser.add_argument("--ui-url", help="the UI as people open it, if that is not here")
    parser.add_argument("--retention-seconds", type=float, default=7 * 86_400.0, help="how long runs are kept")
    return parser.parse_args(arguments)


class _Ending:
    """Ends the process: in order once it serves, at once before that."""

    def __init__(self, directory: Path) -> None:
        self.server: PrefectServer | None = None
        self._directory = directory
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, self._on_sigterm)
        threading.Thread(target=self._follow_lifeline, name="lifeline", daemon=True).start()

    def _on_sigterm(self, _signal: int, _frame: FrameType | None) -> None:
        if self.server is None or not self.server.started:
            self._end_now()  # perhaps in the middle of a migration: the next start takes it up again
            return
        self.server.should_exit = True
        late = threading.Timer(_STOP_SECONDS, self._end_now)
        late.daemon = True
        late.start()

    def _end_now(self) -> None:
        remove_address(self._directory)
        os._exit(0)

    def _follow_lifeline(self) -> None:
        while os.read(0, 1_024):
            pass
        main_thread = threading.main_thread().ident
        assert main_thread is not None
        signal.pthread_kill(main_thread, signal.SIGTERM)


@contextmanager
def _held(path: Path) -> Iterator[None]:
    """Hold the lock of `path`; while somebody else does, wait."""
    with path.open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _listening(first: int) -> Iterator[socket.socket]:
    """The first free port from `first` on, open at once: who comes early waits for the answer."""
    for port in range(first, min(first + _PORTS_TRIED, 65_536)):
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind(("127.0.0.1", port))
                listener.listen(_BACKLOG)
            except OSError as error:
                if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                    raise
                continue
            yield listener
            return
    raise SystemExit(f"no free port from {first} on")


def _configure(directory: Path, address: ServerAddress, retention_seconds: float) -> None:
    """Set the environment: Prefect takes its settings from nowhere else."""
    inherited = os.environ  # noqa: TID251 - this process is there to hand it to Prefect
    environment = prefect_environment(
        inherited, directory=directory, ui_url=address.ui_url, retention_seconds=retention_seconds
    )
    inherited.clear()
    inherited.update(environment)


def _prefect_server() -> "PrefectServer":
    gc.disable()  # until it serves: collecting during the imports and migrations takes a tenth of the start
    from openrouter_anthropic_server.orchestration.prefect_application import PrefectServer  # noqa: PLC0415

    return PrefectServer()


if __name__ == "__main__":
    main()
