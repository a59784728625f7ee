"""Runs the application under uvicorn, and the child processes that record its runs, until a signal stops it."""

import asyncio
import multiprocessing
import os
import signal
import socket
import threading
from collections.abc import Callable

import uvicorn
from uvicorn.supervisors import Multiprocess

from openrouter_anthropic_server.app import create_app
from openrouter_anthropic_server.observability.log_writer import LogWriter
from openrouter_anthropic_server.observability.logs import configure_logging
from openrouter_anthropic_server.orchestration.children import ChildProcesses
from openrouter_anthropic_server.orchestration.dashboard_line import dashboard_line, say
from openrouter_anthropic_server.orchestration.recording_processes import OwnPrefect, no_processes, recording_processes
from openrouter_anthropic_server.orchestration.run_logs import note_for_run
from openrouter_anthropic_server.settings import (
    Settings,
    client_address,
    environment_without_settings,
    export_overrides,
    load_settings,
)
from openrouter_anthropic_server.wiring import capability_table, chosen_backend, recording_problem

_GRACE_SECONDS = 5
_STANDARD_ERROR = 2
_READY_SECONDS = 0.2
_SECONDS_A_DAY = 86_400


def serve(settings: Settings, *, workers: int = 1) -> int:
    """Serve until stopped; returns the exit code. Raises `SettingError` for a file that a setting names."""
    capability_table(settings)
    writer = _open_log(settings, shared=workers > 1 or settings.recording.recording)
    told, processes = _open_recording(settings)

    def stop_recording() -> None:
        processes.stop()
        writer.flush()

    def on_listening(port: int) -> None:
        export_overrides(settings, port)
        _announce(settings, port, told)
        if workers == 1:
            processes.start()

    try:
        if workers > 1:
            return _serve_many(settings, workers, on_listening, processes.start)
        server = _OneProcess(_config(settings), on_listening, stop_recording)
        server.config.app = create_app(settings, on_stop=writer.flush)
        server.run()
        return 0 if server.started else 1
    finally:
        stop_recording()
        writer.close()


def worker_application() -> object:
    """The application in a worker process: its settings come from the environment."""
    settings = load_settings()
    writer = _open_log(settings, shared=True)
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    return create_app(settings, on_stop=writer.flush)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)


def _serve_many(
    settings: Settings, workers: int, on_listening: Callable[[int], None], on_ready: Callable[[], None]
) -> int:
    config = _config(settings)
    listening = config.bind_socket()
    on_listening(listening.getsockname()[1])
    config.app, config.factory, config.workers = f"{__name__}:worker_application", True, workers
    _ManyProcesses(config, [listening], on_ready).run()
    return 0


class _OneProcess(uvicorn.Server):
    """Tells the port once it listens, and calls `on_stopped` when the application has stopped."""

    def __init__(
        self, config: uvicorn.Config, on_listening: Callable[[int], None], on_stopped: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._on_listening = on_listening
        self._on_stopped = on_stopped

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_listening(self.servers[0].sockets[0].getsockname()[1])

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets)
        # Here, not after `run`: that ends with the signal that stopped us, and so the process.
        await asyncio.to_thread(self._on_stopped)


class _ManyProcesses(Multiprocess):
    """Calls `on_ready` when the first worker answers."""

    def __init__(self, config: uvicorn.Config, sockets: list[socket.socket], on_ready: Callable[[], None]) -> None:
        super().__init__(config, sockets)
        self._on_ready: Callable[[], None] | None = on_ready

    def keep_subprocess_alive(self) -> None:
        super().keep_subprocess_alive()
        if self._on_ready and any(process.is_ready(_READY_SECONDS) for process in self.processes):
            self._on_ready()
            self._on_ready = None


def _open_recording(settings: Settings) -> tuple[str | None, ChildProcesses]:
    """What people are told about recording at the start, if that is known already, and the processes that do it."""
    if not settings.recording.recording:
        return "Recording is off.", no_processes()
    problem = recording_problem(settings)
    if problem is not None:
        return f"Recording is off: {problem}", no_processes()
    prefect = settings.prefect
    if prefect.api_url is not None:
        return dashboard_line(prefect.ui_address or prefect.api_url), recording_processes(None)
    return None, recording_processes(
        OwnPrefect(
            settings.recording.prefect_path,
            prefect.port,
            retention_seconds=prefect.retention_days * _SECONDS_A_DAY,
            environment=environment_without_settings(),
            ui_url=prefect.ui_url,
        )
    )


def _announce(settings: Settings, port: int, *more: str | None) -> None:
    backend = chosen_backend(settings)
    address = client_address(settings.server.host, port)
    token = "YOUR_SERVER_API_KEY" if settings.security.server_api_keys else "any"
    lines = [f"Anthropic API:  {address}   (backend: {backend})"]
    if backend == "DEMO":
        lines.append(
            "Answers come from the offline demo. For real models set OPENROUTER_API_KEY (and no PROXY_BACKEND)."
        )
    lines.append(f"Claude Code:    ANTHROPIC_BASE_URL={address} ANTHROPIC_AUTH_TOKEN={token} claude")
    say(*lines, *filter(None, more))


def _config(settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        "",
        host=settings.server.host,
        port=settings.server.port,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        timeout_keep_alive=75,
    )


def _open_log(settings: Settings, *, shared: bool = False) -> LogWriter:
    writer = LogWriter(_STANDARD_ERROR, shared=shared)
    configure_logging(settings.log.level, settings.log.format, writer, processors=[note_for_run])
    return writer
