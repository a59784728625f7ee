"""Measures each scenario and each parameter over each backend once; whoever asks again gets what was seen."""

import logging
from collections.abc import Callable
from typing import TypeVar

import anthropic
import structlog

from tests.conformance.backends import BACKENDS, REFUSED, Backend
from tests.conformance.probe import Handling, handling
from tests.conformance.rows import Api, Row
from tests.conformance.scenarios import Scenario
from tests.conformance.stations import Stations


def backends_of(api: Api) -> list[Backend]:
    """The backends that take parameters in the form of this API."""
    return [backend for backend in BACKENDS if backend.is_provider or api != "OpenAI's form"]


_ASKS = frozenset({"call_backend", "open_stream"})
"""Steps in which the upstream is asked."""

Seen = TypeVar("Seen")


class Measurements:
    """What was seen so far; `close` ends what was started for it."""

    def __init__(self) -> None:
        self._log = structlog.get_config()
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
        self.stations = Stations()
        self._seen: dict[tuple[str, str], object] = {}

    def scenario(self, backend: Backend, name: str, scenario: Scenario) -> str:
        """How a scenario ended; raises what it raised. `REFUSED` is a 400 of ours: the upstream was not asked."""
        return self._once((backend.name, name), lambda: self._ended(backend, scenario))

    def parameter(self, backend: Backend, row: Row) -> Handling:
        """What became of a parameter."""
        return self._once((backend.name, row.id), lambda: handling(self.stations.of(backend), row))

    def _once(self, key: tuple[str, str], measure: Callable[[], Seen]) -> Seen:
        if key not in self._seen:
            try:
                self._seen[key] = measure()
            except Exception as error:
                self._seen[key] = error
        found = self._seen[key]
        if isinstance(found, Exception):
            raise found
        return found  # type: ignore[return-value]

    def _ended(self, backend: Backend, scenario: Scenario) -> str:
        station = self.stations.of(backend)
        try:
            return scenario(station)
        except anthropic.BadRequestError as error:
            run = station.application.runs.of(error.response.headers["request-id"])
            if not _ASKS.isdisjoint(step.name for step in run.steps):
                raise
            return REFUSED

    def close(self) -> None:
        """End all applications and fakes."""
        self.stations.close()
        structlog.configure(**self._log)
