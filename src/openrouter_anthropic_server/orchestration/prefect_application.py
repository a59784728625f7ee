"""Prefect's server as an application under uvicorn; importing this takes seconds and 150 MB."""

import asyncio
import gc
import os
import socket
from collections.abc import Generator
from contextlib import contextmanager

import uvicorn
from prefect.server.api.server import create_app

from openrouter_anthropic_server.orchestration.priority import lower_session

_NICENESS = 10
_TRIES = 20
_RETRY_SECONDS = 0.2
_GRACE_SECONDS = 2
_KEEP_ALIVE_SECONDS = 75
"""Longer than any client keeps a connection, so that none is closed under a request."""


class PrefectServer(uvicorn.Server):
    """Prefect's API and UI; set `should_exit` to stop it."""

    def __init__(self) -> None:
        super().__init__(
            uvicorn.Config(
                create_app(final=True),
                log_config=None,  # Prefect has set up logging
                access_log=False,
                timeout_graceful_shutdown=_GRACE_SECONDS,
                timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            )
        )

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave the handlers of signals as they are."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to serve; from then on give way to others. Before that, people wait for it."""
        await super().startup(sockets)
        gc.collect()
        gc.freeze()  # what is there by now stays for good and need not be collected
        gc.enable()
        for _ in range(_TRIES):
            if lower_session(os.getpid(), _NICENESS):
                break
            await asyncio.sleep(_RETRY_SECONDS)
