"""Flow runs of Prefect's API, read back."""

from typing import Any

from openrouter_anthropic_server.orchestration.run_summaries import summary, tagged_runs_address

UI = "http://prefect.example"
RUN: dict[str, Any] = {
    "id": "0a",
    "name": "req_1",
    "tags": ["session:s", "class:main", "client:claude-cli/2.1", "model:m", "other"],
    "state_name": "Completed",
    "start_time": "2026-11-21T00:00:10Z",
    "end_time": "2026-11-21T00:00:10Z",
    "total_run_time": 0.0,
    "labels": {
        "prefect.flow.id": "1b",
        "flow": "stream-message",
        "started": "2026-11-21T00:00:01.500000+00:00",
        "ended": "2026-11-21T00:00:03+00:00",
        "duration_seconds": 1.5,
        "model": "vendor/m",
        "stream": True,
        "input_tokens": 12,
        "cost": 0.25,
    },
}


def test_true_times_and_facts_are_those_of_the_labels() -> None:
    found = summary(RUN, UI)

    assert (found.name, found.flow, found.state) == ("req_1", "stream-message", "Completed")
    assert found.url == "http://prefect.example/runs/flow-run/0a"
    assert found.started == 1795219201.5
    assert found.duration_seconds == 1.5
    assert found.facts == {
        "request_class": "main",
        "client": "claude-cli/2.1",
        "model": "vendor/m",
        "stream": True,
        "input_tokens": 12,
        "cost": 0.25,
    }


def test_without_labels_the_times_are_prefects_and_the_facts_those_of_the_tags() -> None:
    found = summary(RUN | {"labels": None, "total_run_time": 2.0}, UI)

    assert found.started == 1795219210.0
    assert found.duration_seconds == 2.0
    assert found.facts == {"request_class": "main", "client": "claude-cli/2.1", "model": "m"}


def test_an_open_run_has_no_duration() -> None:
    assert summary(RUN | {"labels": {}, "end_time": None, "total_run_time": 5.0}, UI).duration_seconds is None


def test_what_makes_no_sense_is_no_error() -> None:
    odd = {"id": "0a", "labels": {"started": "yesterday", "duration_seconds": "long", "x": ["y"]}, "start_time": 7}

    found = summary(odd, UI)

    assert (found.started, found.duration_seconds, found.facts) == (0.0, None, {})


def test_the_address_of_a_list_names_the_tag_for_both_versions_of_the_ui() -> None:
    address = tagged_runs_address(UI, "session:a&b c")

    assert address.startswith("http://prefect.example/runs?tag=session%3Aa%26b%20c&tags=session%3Aa%26b%20c&")
