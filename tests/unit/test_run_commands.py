"""The table of a session's runs."""

from collections.abc import Callable
from typing import Any

import pytest

from openrouter_anthropic_server.run_commands import print_whole, session_table

FACTS = {"model": "m", "model_used": "vendor/m-1", "request_class": "main", "first_token_ms": 1234.5}


def run(name: str, facts: dict[str, Any], seconds: float | None) -> dict[str, Any]:
    return {
        "name": name,
        "state": "Completed",
        "started": "2026-11-21T00:00:00.000+00:00",
        "duration_seconds": seconds,
        "facts": facts,
    }


@pytest.fixture(name="printed")
def _printed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[list[str]]]:
    """Prints runs in a narrow terminal; gives the words of each line."""
    monkeypatch.setenv("COLUMNS", "60")

    def print_runs(*runs: dict[str, Any], totals: dict[str, Any]) -> list[list[str]]:
        print_whole(session_table(runs, totals))
        return [line.split() for line in capsys.readouterr().out.splitlines()]

    return print_runs


def test_a_run_is_a_row_and_the_totals_are_the_last(printed: Callable[..., list[list[str]]]) -> None:
    facts = FACTS | {"input_tokens": 12345, "output_tokens": 67, "cache_read_input_tokens": 0, "cost": 0.25}
    totals = {"runs": 1, "duration_seconds": 2.51, "input_tokens": 12345, "output_tokens": 67, "cost": 0.25}

    _, row, total = printed(run("req_1", facts, 2.51), totals=totals)

    assert row[2:] == [
        "req_1",
        "vendor/m-1",
        "main",
        "Completed",
        "2.5",
        "s",
        "1.2",
        "s",
        "12,345",
        "67",
        "0",
        "$0.2500",
    ]
    assert total == ["total", "1", "run", "2.5", "s", "12,345", "67", "$0.2500"]


def test_a_run_that_is_still_open_has_empty_cells(printed: Callable[..., list[list[str]]]) -> None:
    _, row, _ = printed(run("req_1", {"model": "m"}, None), totals={"runs": 1, "duration_seconds": 0})

    assert row[2:] == ["req_1", "m", "Completed"]


def test_names_are_no_markup(printed: Callable[..., list[list[str]]]) -> None:
    _, row, _ = printed(run("req_1", {"model_used": "[red]m[/red]"}, 0.0123), totals={"runs": 1})

    assert row[2:] == ["req_1", "[red]m[/red]", "Completed", "12", "ms"]


def test_columns_that_no_run_fills_are_left_out(printed: Callable[..., list[list[str]]]) -> None:
    runs = [run("req_1", {"model": "m", "input_tokens": 0}, 1.5), run("req_2", {"model": "m"}, None)]

    titles, _, _, total = printed(*runs, totals={"runs": 2, "duration_seconds": 1.5, "input_tokens": 0})

    assert titles == ["time", "request", "id", "model", "state", "took", "in"]
    assert total == ["total", "2", "runs", "1.5", "s", "0"]
