"""One backend in use: the application in front of its fake upstream, and a client for it."""

import gc
from dataclasses import dataclass
from typing import Any

import anthropic
import httpx

from tests.conformance.backends import Backend
from tests.conformance.inprocess import Application, LoopThread
from tests.upstreams.received import Received
from tests.upstreams.server import FakeUpstream


@dataclass(frozen=True, slots=True)
class Station:
    """An open backend."""

    backend: Backend
    application: Application
    upstream: FakeUpstream
    client: anthropic.Anthropic
    http: httpx.Client

    @property
    def url(self) -> str:
        """Base URL for clients."""
        return self.application.url

    @property
    def last(self) -> Received:
        """The newest request that reached the upstream."""
        return self.upstream.last

    def ask(self, prompt: object = "Say hello.", **more: Any) -> dict[str, Any]:
        """Arguments of the SDK for a request with one user turn."""
        request = {"model": self.backend.model, "max_tokens": 2048, "messages": [{"role": "user", "content": prompt}]}
        return request | more

    def close(self) -> None:
        """End application and fake."""
        self.client.close()
        self.http.close()
        self.application.stop()
        self.upstream.stop()


def open_station(loop: LoopThread, backend: Backend) -> Station:
    """Start fake and application of a backend."""
    upstream = backend.upstream().start()
    try:
        application = Application(loop, backend.settings(upstream.base_url)).start()
    except BaseException:
        upstream.stop()
        raise
    client = anthropic.Anthropic(
        base_url=application.url,
        api_key="any-key",
        max_retries=0,
        timeout=20.0,
        _strict_response_validation=True,
    )
    return Station(backend, application, upstream, client, httpx.Client(timeout=20.0))


class Stations:
    """Stations by their backend, opened on first use."""

    def __init__(self) -> None:
        self._loop = LoopThread()
        self._open: dict[str, Station] = {}
        self._collector = gc.get_threshold()

    def of(self, backend: Backend) -> Station:
        """The station of a backend, its fake reset."""
        station = self._open.get(backend.name)
        if station is None:
            station = self._open[backend.name] = open_station(self._loop, backend)
        station.upstream.reset()
        return station

    def close(self) -> None:
        """End them all."""
        for station in self._open.values():
            station.close()
        self._loop.close()
        gc.unfreeze()  # an application tunes the collector for a process of its own
        gc.set_threshold(*self._collector)
