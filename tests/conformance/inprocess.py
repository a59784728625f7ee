"""The real application on a real port, in this process: its runs end up in memory, where tests can read them."""

import asyncio
import threading
import time
from collections.abc import Coroutine, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import pytest
import uvicorn

from openrouter_anthropic_server.app import create_app
from openrouter_anthropic_server.ports.run_records import RunRecord
from openrouter_anthropic_server.settings import load_settings
from tests.env_example import names_in

_ENV_EXAMPLE = Path(__file__).parents[2] / ".env.example"

_START_SECONDS = 20.0
_RECORD_SECONDS = 5.0


class KeptRuns:
    """A sink of run records that keeps the ended ones by their name, the request id."""

    def __init__(self) -> None:
        self._ended: dict[str, RunRecord] = {}
        self._arrival = threading.Condition()

    def begun(self, record: RunRecord) -> None:
        """Nothing to keep yet."""

    def ended(self, record: RunRecord) -> None:
        """Keep it."""
        with self._arrival:
            self._ended[record.name] = record
            self._arrival.notify_all()

    def of(self, request_id: str) -> RunRecord:
        """The run of a request that was answered; a stream's run ends a moment after its last byte."""
        with self._arrival:
            ended = self._arrival.wait_for(lambda: request_id in self._ended, _RECORD_SECONDS)
            assert ended, f"no run of {request_id} within {_RECORD_SECONDS} s"
            return self._ended[request_id]


class LoopThread:
    """One event loop in a thread of its own; every application of a test run lives in it."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True, name="applications")
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, Any], timeout: float = _START_SECONDS) -> Any:
        """What `work` returns; raises what it raises."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout)

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Start `work` and leave it running."""
        asyncio.run_coroutine_threadsafe(work, self._loop)

    def close(self) -> None:
        """End the thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_START_SECONDS)
        self._loop.close()


class Application:
    """One running application; `env` holds all of its settings."""

    def __init__(self, loop: LoopThread, env: Mapping[str, str]) -> None:
        self._loop = loop
        self.runs = KeptRuns()
        with pytest.MonkeyPatch.context() as patch:
            for name in names_in(_ENV_EXAMPLE):
                patch.delenv(name, raising=False)
            for name, value in (_DEFAULTS | dict(env)).items():
                patch.setenv(name, value)
            self._app = create_app(load_settings(env_file=None))
        self._server = uvicorn.Server(
            uvicorn.Config(
                self._app,
                host="127.0.0.1",
                port=0,
                http="httptools",
                ws="none",
                lifespan="on",
                log_config=None,
                access_log=False,
                timeout_graceful_shutdown=2,
            )
        )
        self._ended = threading.Event()

    def start(self) -> Self:
        """Serve until `stop`."""
        self._loop.begin(self._serve())
        deadline = time.monotonic() + _START_SECONDS
        while not self._server.started:
            if self._ended.is_set() or time.monotonic() > deadline:
                raise RuntimeError("the application did not start")
            time.sleep(0.005)
        state = self._app.state.router
        state.services = replace(state.open_services(), runs=self.runs)
        return self

    def stop(self) -> None:
        """End it, with what its lifespan opened."""
        self._server.should_exit = True
        self._ended.wait(_START_SECONDS)

    @property
    def url(self) -> str:
        """Base URL for clients."""
        port = self._server.servers[0].sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{port}"

    async def _serve(self) -> None:
        try:
            await self._server.serve()
        finally:
            self._ended.set()


_DEFAULTS = {"RECORDING": "off", "PING_INTERVAL_SECONDS": "5", "UPSTREAM_TIMEOUT_SECONDS": "10"}
