"""The mathematics of the report: spreads of per-round ratios, verdicts against budgets, the table."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Literal


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` (0 to 1) of the values do not exceed (nearest rank)."""
    if not values:
        raise ValueError("a percentile needs at least one value")
    ordered = sorted(values)
    rank = -int(-share * len(ordered) // 1)
    return ordered[max(rank, 1) - 1]


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of a few rounds, with the least and the greatest."""

    median: float
    least: float
    greatest: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """The spread of at least one value."""
        return cls(median(values), min(values), max(values))

    @property
    def noise(self) -> float:
        """The width of the spread as a share of its median; 0 when the median is 0."""
        return (self.greatest - self.least) / self.median if self.median else 0.0


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> Spread:
    """The spread of ours/theirs, each of the same round, so that a slow moment of the machine hits both."""
    if len(ours) != len(theirs):
        raise ValueError(f"{len(ours)} rounds of ours against {len(theirs)} of theirs")
    return Spread.of([one / other if other else 0.0 for one, other in zip(ours, theirs, strict=True)])


@dataclass(frozen=True, slots=True)
class Budget:
    """A limit on the ratio (`at least`) or on our own value (`at most`)."""

    kind: Literal["at least", "at most"]
    limit: float
    unit: str = ""

    def met_by(self, value: float) -> bool:
        """Whether the value stays within the limit; the limit itself is allowed."""
        return value >= self.limit if self.kind == "at least" else value <= self.limit

    def __str__(self) -> str:
        """For the table."""
        sign = ">=" if self.kind == "at least" else "<="
        return f"{sign} {self.limit:g}{self.unit}"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the report. A budget `at least` is about the ratio, a budget `at most` about our own value."""

    case: str
    wire: str
    ours: float | None
    passthrough: float | None
    unit: str
    ratio: Spread | None = None
    budget: Budget | None = None
    noise: float | None = None
    note: str = ""

    @property
    def verdict(self) -> Literal["ok", "over", "-"]:
        """`-` without a budget or without a value."""
        judged = self.ours
        if self.budget is not None and self.budget.kind == "at least":
            judged = self.ratio.median if self.ratio else None
        if self.budget is None or judged is None:
            return "-"
        return "ok" if self.budget.met_by(judged) else "over"

    def as_json(self) -> dict[str, Any]:
        """Everything, with the verdict."""
        return asdict(self) | {"verdict": self.verdict}


_TITLES = ("case", "wire", "ours", "pass-through", "ratio (min-max)", "budget", "", "noise", "also")


def _number(value: float | None, unit: str = "") -> str:
    if value is None:
        return "-"
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f} {unit}".rstrip()


def _ratio(row: Row) -> str:
    if row.ratio is None:
        return "-"
    return f"{row.ratio.median:.2f} ({row.ratio.least:.2f}-{row.ratio.greatest:.2f})"


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.case,
        row.wire,
        _number(row.ours, row.unit),
        _number(row.passthrough, row.unit),
        _ratio(row),
        str(row.budget) if row.budget else "-",
        row.verdict,
        "-" if row.noise is None else f"{row.noise:.0%}",
        row.note,
    )


def table(rows: Sequence[Row]) -> str:
    """The rows as a plain-text table."""
    lines = [_TITLES, *map(_cells, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_TITLES))]
    texts = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    return "\n".join([texts[0], "-" * min(len(texts[0]), 140), *texts[1:]])
