"""`python -m benchmarks`: runs the cases, prints the table, writes build/bench.json."""

import argparse
import os
import signal
import sys
import time
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import orjson

from benchmarks.arena import open_arena
from benchmarks.cases import CASES
from benchmarks.plan import Plan
from benchmarks.report import Row, table

QUICK = Plan(rounds=3, seconds=1.0, warm_up=0.5, open_streams=300, starts=1, burst=300, paced_seconds=5.0)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds, 300 open streams")
    parser.add_argument("--only", choices=sorted(CASES), action="append", help="a case to run; may be repeated")
    parser.add_argument("--strict", action="store_true", help="exit code 1 if a budget is missed")
    parser.add_argument("--passthrough-only", action="store_true", help="measure without the server")
    parser.add_argument("--json", type=Path, default=Path("build/bench.json"), help="where to write the results")
    return parser.parse_args()


def _plan(options: argparse.Namespace) -> Plan:
    plan = QUICK if options.quick else Plan()
    return replace(plan, wires=()) if options.passthrough_only else plan


def _conditions(foreign: dict[str, float]) -> dict[str, object]:
    return {
        "cores": os.cpu_count(),
        "load_average": os.getloadavg(),
        "foreign_share": foreign,
        "python": sys.version.split()[0],
        "versions": {name: version(name) for name in ("aiohttp", "starlette", "uvicorn", "uvloop", "prefect")},
    }


def _write(path: Path, rows: list[Row], conditions: dict[str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    report = {"rows": [row.as_json() for row in rows], "conditions": conditions}
    path.write_bytes(orjson.dumps(report, option=orjson.OPT_INDENT_2) + b"\n")


def main() -> int:
    """Run what was asked for; the exit code is 1 only with --strict and a missed budget."""
    options = _options()
    plan = _plan(options)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that the children are stopped
    rows: list[Row] = []
    foreign: dict[str, float] = {}
    for name in options.only or CASES:
        began = time.monotonic()
        with open_arena() as arena:
            rows += CASES[name](arena, plan)
            foreign[name] = arena.foreign_share()
        print(
            f"{name}: {time.monotonic() - began:.0f} s, other processes used {foreign[name]:.0%} of the machine",
            flush=True,
        )
    _write(options.json, rows, _conditions(foreign))
    print(f"\n{table(rows)}\n\nnoise = width of the pass-through's own rounds; results in {options.json}")
    missed = [row for row in rows if row.verdict == "over"]
    return 1 if missed and options.strict else 0


if __name__ == "__main__":
    sys.exit(main())
