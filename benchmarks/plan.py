"""How thorough a run of the benchmark is."""

from dataclasses import dataclass

from benchmarks.payloads import Wire


@dataclass(frozen=True, slots=True)
class Plan:
    """How long to measure, and which wires besides the pass-through."""

    rounds: int = 5
    seconds: float = 3.0
    warm_up: float = 1.0
    open_streams: int = 1000
    starts: int = 3
    burst: int = 2000
    paced_seconds: float = 20.0
    wires: tuple[Wire, ...] = ("messages", "chat")
