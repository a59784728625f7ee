"""Runs the application under uvicorn until a signal stops it."""

import socket
import sys

import uvicorn
from uvicorn.supervisors import Multiprocess

from openrouter_anthropic_server.app import create_app
from openrouter_anthropic_server.observability.log_writer import LogWriter
from openrouter_anthropic_server.observability.logs import configure_logging
from openrouter_anthropic_server.settings import Settings, client_address, export_overrides, load_settings
from openrouter_anthropic_server.wiring import chosen_backend

_GRACE_SECONDS = 5
_STANDARD_ERROR = 2


def serve(settings: Settings, *, workers: int = 1) -> int:
    """Serve until stopped; returns the exit code."""
    if workers > 1:
        return _serve_many(settings, workers)
    writer = _open_log(settings)
    try:
        server = _AnnouncingServer(_config(settings), settings)
        server.config.app = create_app(settings, on_stop=writer.flush)
        server.run()
        return 0 if server.started else 1
    finally:
        writer.close()


def worker_application() -> object:
    """The application in a worker process: its settings come from the environment."""
    settings = load_settings()
    writer = _open_log(settings, shared=True)
    return create_app(settings, on_stop=writer.flush)


class _AnnouncingServer(uvicorn.Server):
    """Says where it listens once it does."""

    def __init__(self, config: uvicorn.Config, settings: Settings) -> None:
        super().__init__(config)
        self._settings = settings

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            _announce(self._settings, self.servers[0].sockets[0].getsockname()[1])


def _announce(settings: Settings, port: int) -> None:
    backend = chosen_backend(settings)
    address = client_address(settings.server.host, port)
    token = "YOUR_SERVER_API_KEY" if settings.security.server_api_keys else "any"
    lines = [f"Anthropic API:  {address}   (backend: {backend})"]
    if backend == "DEMO":
        lines.append(
            "Answers come from the offline demo. For real models set OPENROUTER_API_KEY (and no PROXY_BACKEND)."
        )
    lines.append(f"Claude Code:    ANTHROPIC_BASE_URL={address} ANTHROPIC_AUTH_TOKEN={token} claude")
    try:
        print("\n".join(lines), file=sys.stdout, flush=True)  # noqa: T201
    except OSError:
        return  # nobody reads standard output


def _serve_many(settings: Settings, workers: int) -> int:
    config = _config(settings)
    listening = config.bind_socket()
    port = listening.getsockname()[1]
    export_overrides(settings, port)
    _announce(settings, port)
    config.app, config.factory, config.workers = f"{__name__}:worker_application", True, workers
    Multiprocess(config, [listening]).run()
    return 0


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
    configure_logging(settings.log.level, settings.log.format, writer)
    return writer
