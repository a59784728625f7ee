"""The cases: what is sent to whom, and which rows with which budgets come out."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Final

from benchmarks.answers import verify
from benchmarks.arena import DIRECT, LITELLM, LITELLM_PROXY, PASSTHROUGH, Arena, Contender, Load
from benchmarks.delivery import delivery, wait_for_prefect
from benchmarks.load import Result
from benchmarks.payloads import Wire, large_request, paced_request, small_request, spaced_request
from benchmarks.plan import Plan
from benchmarks.report import Budget, Row
from benchmarks.rows import Samples, added_rows, compared_rows, cpu_rows, rate_rows, recording_rows, tail_rows

_DELAY_ALLOWANCE_MS: Final = 20.0
_RAMP_SECONDS: Final = 2.0
_LITELLM_WARM_UP: Final = 3.0  # its first answers take long


def _wire_of(name: str) -> Wire:
    return "chat" if name.startswith("chat") or name == LITELLM_PROXY else "messages"


def run_rounds(arena: Arena, plan: Plan, names: Sequence[str], load_for: Callable[[str], Load]) -> Samples:
    """Warm every contender up, then measure them in turn, round after round, each round beginning with another one."""
    for name in names:
        _prepare(arena, name)
        arena.measure(name, load_for(name), plan.warm_up)
    samples: Samples = {name: [] for name in names}
    for number in range(plan.rounds):
        shift = number % len(names)
        for name in [*names[shift:], *names[:shift]]:
            samples[name].append(arena.measure(name, load_for(name), plan.seconds))
    return samples


def _prepare(arena: Arena, name: str) -> None:
    contender = arena.contender(name)
    if name != DIRECT and not contender.verified:
        arena.alone(name)
        verify(arena, contender, _wire_of(name))
        contender.verified = True


def small(arena: Arena, plan: Plan) -> list[Row]:
    """1 KB each way: one client first, then 32."""
    one = run_rounds(arena, plan, (DIRECT, PASSTHROUGH, *plan.wires), lambda name: Load(small_request(_wire_of(name))))
    many = run_rounds(arena, plan, (PASSTHROUGH, *plan.wires), lambda name: Load(small_request(_wire_of(name)), 32))
    return [
        *rate_rows("1 KB, 32 connections", many, {"messages": 0.45, "chat": 0.35}),
        *added_rows("1 KB, added at 1 connection", one, {"messages": 1.0, "chat": 1.0}),
    ]


def large(arena: Arena, plan: Plan) -> list[Row]:
    """150 KB requests as Claude Code sends them: one client first, then 8."""
    one = run_rounds(arena, plan, (DIRECT, PASSTHROUGH, *plan.wires), lambda name: Load(large_request(_wire_of(name))))
    many = run_rounds(arena, plan, (PASSTHROUGH, *plan.wires), lambda name: Load(large_request(_wire_of(name)), 8))
    return [
        *rate_rows("150 KB, 8 connections", many, {"messages": 0.4, "chat": 0.25}),
        *added_rows("150 KB, added at 1 connection", one, {"messages": 2.0, "chat": 4.0}),
        *tail_rows("150 KB, p95 at 1 connection", one),
    ]


def streams(arena: Arena, plan: Plan) -> list[Row]:
    """Streams of 50 events, 16 at a time: written without a pause, and 2 ms apart (without a budget)."""

    def load_for(name: str) -> Load:
        return Load(small_request(_wire_of(name), stream=True), 16, stream=True)

    def spaced_for(name: str) -> Load:
        return Load(spaced_request(_wire_of(name)), 16, stream=True)

    names = (PASSTHROUGH, *plan.wires)
    at_once = run_rounds(arena, plan, names, load_for)
    spaced = run_rounds(arena, plan, names, spaced_for)
    return [
        *rate_rows("streams of 50, 16 connections", at_once, {"messages": 0.5, "chat": 0.25}),
        *cpu_rows("stream of 50 spaced, cpu", spaced),
    ]


@dataclass(frozen=True, slots=True)
class _Held:
    """Kilobytes per open stream of a small and of a large request, and the delays of the small ones' events."""

    small_kb: float
    large_kb: float
    result: Result


def _hold(arena: Arena, plan: Plan, name: str) -> _Held:
    wire = _wire_of(name)
    with arena.fresh(name) as contender:
        arena.measure_contender(contender, Load(small_request(wire, stream=True), 4, stream=True), plan.warm_up)
        small_kb, result = _hold_open(arena, contender, Load(paced_request(wire), plan.open_streams, stream=True))
    with arena.fresh(name) as contender:
        arena.measure_contender(contender, Load(large_request(wire), 4), plan.warm_up)
        load = Load(paced_request(wire, large=True), plan.open_streams // 5, stream=True)
        large_kb, _ = _hold_open(arena, contender, load)
    return _Held(small_kb, large_kb, result)


def _hold_open(arena: Arena, contender: Contender, load: Load) -> tuple[float, Result]:
    before = contender.settled_memory_kb()
    arena.send(contender, load, "open", _RAMP_SECONDS)
    arena.wait_until_all_open()
    most = before
    for _ in range(10):
        most = max(most, contender.memory_kb())
        time.sleep(0.3)
    return (most - before) / load.connections, arena.finish()


def open_streams(arena: Arena, plan: Plan) -> list[Row]:
    """Many open streams, an event every 0.2 s in each: memory per stream, and whether any is held up."""
    theirs = _hold(arena, plan, PASSTHROUGH)
    limit = Budget("at most", round(theirs.result.p99 + _DELAY_ALLOWANCE_MS, 1), " ms")
    many = f"{plan.open_streams:,} streams"
    rows = []
    for wire in plan.wires:
        ours = _hold(arena, plan, wire)
        small_kb, large_kb, p99 = ours.small_kb, ours.large_kb, ours.result.p99
        note = f"slowest stream's median {ours.result.slowest_stream:.1f} ms, longest {ours.result.longest:.0f} ms"
        rows += [
            Row(f"{many}, memory each", wire, small_kb, theirs.small_kb, "KB", budget=Budget("at most", 40, " KB")),
            Row(f"{many}, p99 delay", wire, p99, theirs.result.p99, "ms", budget=limit, note=note),
            Row(f"{plan.open_streams // 5:,} of 150 KB requests, each", wire, large_kb, theirs.large_kb, "KB"),
        ]
    return rows or [Row(f"{many}, memory each", "-", None, theirs.small_kb, "KB")]


def start(arena: Arena, plan: Plan) -> list[Row]:
    """From the start of the process to the first 200 of `/health`; memory when nothing is loaded any more."""

    def once(name: str) -> tuple[float, float]:
        with arena.fresh(name) as contender:
            return contender.ready_after, contender.settled_memory_kb() / 1024

    def several(name: str) -> tuple[float, float]:
        runs = [once(name) for _ in range(plan.starts)]
        return median(run[0] for run in runs), median(run[1] for run in runs)

    seconds, memory = several(PASSTHROUGH)
    rows = []
    for wire in plan.wires[:1]:
        mine, used = several(f"{wire}-live")
        rows += [
            Row("ready to answer", wire, mine, seconds, "s", budget=Budget("at most", 2, " s")),
            Row("idle memory", wire, used, memory, "MB", budget=Budget("at most", 200, " MB")),
        ]
    return rows or [Row("ready to answer", "-", None, seconds, "s", note=f"{memory:.0f} MB")]


def recording(arena: Arena, plan: Plan) -> list[Row]:
    """The same small requests without recording, with it for a Prefect that is down, and with a live one beside."""
    rows = []
    for wire in plan.wires:
        names = [wire, f"{wire}-off", f"{wire}-live"]
        wait_for_prefect(arena.contender(names[2]))
        samples = run_rounds(arena, plan, names, lambda name: Load(small_request(_wire_of(name)), 32))
        rows += recording_rows(samples, off=names[1], limits={names[0]: 0.95, names[2]: 0.9})
    return rows


def litellm(arena: Arena, plan: Plan) -> list[Row]:
    """1 KB each way as chat completions: this server over LiteLLM, and LiteLLM's own proxy, 32 connections each."""
    if not plan.wires:
        return []
    plan = replace(plan, warm_up=max(plan.warm_up, _LITELLM_WARM_UP))
    samples = run_rounds(arena, plan, (LITELLM_PROXY, LITELLM), lambda name: Load(small_request("chat"), 32))
    return compared_rows("over LiteLLM / its own proxy", samples, LITELLM, LITELLM_PROXY, least=5.0)


CASES: Final[dict[str, Callable[[Arena, Plan], list[Row]]]] = {
    "start": start,
    "small": small,
    "large": large,
    "streams": streams,
    "open-streams": open_streams,
    "recording": recording,
    "delivery": delivery,
    "litellm": litellm,
}
