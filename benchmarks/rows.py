"""From the samples of a case to the rows of the report."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from statistics import median
from typing import Final

from benchmarks.arena import DIRECT, PASSTHROUGH, Sample
from benchmarks.report import Budget, Row, Spread, ratios

Samples = dict[str, list[Sample]]
"""The rounds of each contender; the same position is the same round."""

AT_MOST_TWICE: Final = Budget("at most", 2.0, "x median")


def _median(samples: Sequence[Sample], value: Callable[[Sample], float]) -> float:
    return median(value(sample) for sample in samples)


def _servers(samples: Samples) -> list[str]:
    return [name for name in samples if name not in (DIRECT, PASSTHROUGH)]


def _rate_note(ours: Sequence[Sample], theirs: Sequence[Sample]) -> str:
    mine, other = (_median(samples, lambda sample: sample.cpu_us) for samples in (ours, theirs))
    first = _median(ours, lambda sample: sample.result.first_byte)
    p95 = _median(ours, lambda sample: sample.result.p95)
    return f"cpu per answer {mine:,.0f} us vs {other:,.0f}; first byte {first:.1f} ms, p95 {p95:.1f} ms"


def rate_rows(case: str, samples: Samples, budgets: Mapping[str, float]) -> list[Row]:
    """Answers per second; the budget is the least ratio."""
    rates = [sample.rate for sample in samples[PASSTHROUGH]]
    noise = Spread.of(rates).noise
    rows = []
    for wire in _servers(samples):
        ours = [sample.rate for sample in samples[wire]]
        budget = Budget("at least", budgets[wire], "x")
        note = _rate_note(samples[wire], samples[PASSTHROUGH])
        rows.append(Row(case, wire, median(ours), median(rates), "/s", ratios(ours, rates), budget, noise, note))
    return rows or [Row(case, "-", None, median(rates), "/s", noise=noise)]


def cpu_rows(case: str, samples: Samples) -> list[Row]:
    """Processor time per answer, where the load is not meant to saturate; of these ratios the lesser is the better."""
    theirs = [sample.cpu_us for sample in samples[PASSTHROUGH]]
    noise = Spread.of(theirs).noise
    rows = []
    for wire in _servers(samples):
        ours = [sample.cpu_us for sample in samples[wire]]
        rate = _median(samples[wire], lambda sample: sample.rate)
        first = _median(samples[wire], lambda sample: sample.result.first_byte)
        note = f"{rate:.0f} streams/s, first byte {first:.1f} ms"
        rows.append(Row(case, wire, median(ours), median(theirs), "us", ratios(ours, theirs), None, noise, note))
    return rows or [Row(case, "-", None, median(theirs), "us", noise=noise)]


def added_rows(case: str, samples: Samples, budgets: Mapping[str, float]) -> list[Row]:
    """Milliseconds at the median that a contender adds to what the upstream itself takes, one client."""
    theirs = _added(samples, PASSTHROUGH)
    rows = []
    for wire in _servers(samples):
        added = _added(samples, wire)
        budget = Budget("at most", budgets[wire], " ms")
        note = f"rounds {added.least:.2f}-{added.greatest:.2f} ms"
        rows.append(Row(case, wire, added.median, theirs.median, "ms", None, budget, theirs.noise, note))
    return rows or [Row(case, "-", None, theirs.median, "ms", noise=theirs.noise)]


def _added(samples: Samples, name: str) -> Spread:
    pairs = zip(samples[name], samples[DIRECT], strict=True)
    return Spread.of([one.result.median - direct.result.median for one, direct in pairs])


def tail_rows(case: str, samples: Samples) -> list[Row]:
    """The 95th percentile as a multiple of the median, one client: collector pauses show here."""
    theirs = _tail(samples[PASSTHROUGH])
    rows = []
    for wire in _servers(samples):
        ours = _tail(samples[wire])
        longest = max(sample.result.longest for sample in samples[wire])
        rows.append(Row(case, wire, ours, theirs, "x", budget=AT_MOST_TWICE, note=f"longest {longest:.1f} ms"))
    return rows


def _tail(samples: Sequence[Sample]) -> float:
    return _median(samples, lambda sample: sample.result.p95 / sample.result.median)


def recording_rows(samples: Samples, off: str, limits: Mapping[str, float]) -> list[Row]:
    """Answers per second with recording over those without; the column of the pass-through holds the latter."""
    without = [sample.rate for sample in samples[off]]
    noise = Spread.of(without).noise
    rows = []
    for name, limit in limits.items():
        rates = [sample.rate for sample in samples[name]]
        extra = _median(samples[name], lambda sample: sample.cpu_us) - _median(samples[off], lambda s: s.cpu_us)
        note = f"{extra:+.0f} us of processor time per answer in the answering process"
        budget = Budget("at least", limit, "x")
        row = Row("recording on / off", name, median(rates), median(without), "/s", ratios(rates, without), budget)
        rows.append(replace(row, noise=noise, note=note))
    return rows


def compared_rows(case: str, samples: Samples, name: str, other: str, *, least: float) -> list[Row]:
    """Answers per second of two contenders; the column of the pass-through holds those of the `other`."""
    ours, theirs = ([sample.rate for sample in samples[one]] for one in (name, other))
    note = _rate_note(samples[name], samples[other])
    budget = Budget("at least", least, "x")
    noise = Spread.of(theirs).noise
    return [Row(case, name, median(ours), median(theirs), "/s", ratios(ours, theirs), budget, noise, note)]
