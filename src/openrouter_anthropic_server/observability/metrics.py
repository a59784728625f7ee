"""The server's figures in Prometheus's text form, from a registry of its own."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

CONTENT_TYPE = CONTENT_TYPE_LATEST
"""The `content-type` of what `exposition` returns."""

_PREFIX = "openrouter_anthropic_server"


@dataclass(frozen=True, slots=True)
class RecordingFigures:
    """How recording fares now. `spool_dropped` and `open_runs` are of this process, the rest is the recorder's."""

    recorder_up: bool
    prefect_reachable: bool
    backlog: int
    lag_seconds: float
    recorded: int
    retried: int
    dropped: int
    spool_bytes: int
    spool_max_bytes: int
    spool_dropped: int
    open_runs: int


class _Figure(NamedTuple):
    """One family: the field it comes from, its name in Prometheus without the prefix, and its help text."""

    family: type[GaugeMetricFamily | CounterMetricFamily]
    field: str
    name: str
    meaning: str


_FIGURES = (
    _Figure(GaugeMetricFamily, "recorder_up", "recorder_up", "Whether the recorder runs (1) or not (0)."),
    _Figure(
        GaugeMetricFamily,
        "prefect_reachable",
        "prefect_reachable",
        "Whether the recorder reaches Prefect (1) or not (0).",
    ),
    _Figure(
        GaugeMetricFamily,
        "backlog",
        "backlog_records",
        "Run records in the spool that are not confirmed in Prefect yet.",
    ),
    _Figure(
        GaugeMetricFamily,
        "lag_seconds",
        "lag_seconds",
        "Age in seconds of the oldest record that is not confirmed yet.",
    ),
    _Figure(GaugeMetricFamily, "spool_bytes", "spool_bytes", "Size in bytes of the spool of all server processes."),
    _Figure(
        GaugeMetricFamily,
        "spool_max_bytes",
        "spool_max_bytes",
        "Size in bytes of the spool beyond which records are dropped.",
    ),
    _Figure(GaugeMetricFamily, "open_runs", "open_runs", "Runs of this server process that have begun and not ended."),
    _Figure(CounterMetricFamily, "recorded", "runs_recorded", "Runs that the recorder has brought into Prefect whole."),
    _Figure(CounterMetricFamily, "retried", "runs_retried", "Deliveries to Prefect that the recorder tried again."),
    _Figure(
        CounterMetricFamily,
        "dropped",
        "runs_dropped",
        "Run records lost: they found no room in the spool, or Prefect refused them for good.",
    ),
    _Figure(
        CounterMetricFamily,
        "spool_dropped",
        "spool_dropped",
        "Run records of this server process that found no room in the spool.",
    ),
)


def exposition(figures: RecordingFigures) -> bytes:
    """The figures, and those of this process (memory, CPU time, open files). Reads files: call it in a thread."""
    registry = CollectorRegistry(auto_describe=False)
    ProcessCollector(namespace=_PREFIX, registry=registry)
    registry.register(_Recording(figures))
    return generate_latest(registry)


class _Recording(Collector):
    """The figures as Prometheus names them."""

    def __init__(self, figures: RecordingFigures) -> None:
        self._figures = figures

    def collect(self) -> Iterable[Metric]:
        for family, field, name, meaning in _FIGURES:
            yield family(f"{_PREFIX}_{name}", meaning, float(getattr(self._figures, field)))
