"""Tokens, cost, times and failures as facts of the run."""

from collections.abc import Iterator
from typing import Any

import pytest

from openrouter_anthropic_server.errors import OverloadedError
from openrouter_anthropic_server.orchestration.recorded_run import RecordedRun, current_run, open_run
from openrouter_anthropic_server.orchestration.spool.entries import encode_run
from openrouter_anthropic_server.ports.run_records import Fact
from openrouter_anthropic_server.tasks.accounting import account_usage, note_failure, note_model_used, note_time
from openrouter_anthropic_server.tasks.message_call import Outcome
from tests.unit.tasks.test_content import NoSink


@pytest.fixture(name="run", autouse=True)
def _run() -> Iterator[RecordedRun]:
    run = open_run("req_1", NoSink())
    yield run
    run.end()


def accounted(run: RecordedRun, usage: object, model: object = None, stop_reason: object = None) -> dict[str, Fact]:
    account_usage(Outcome(model, stop_reason, usage))
    encode_run("ended", run.record)  # no fact may keep a record from being written
    return run.record.facts


def test_every_count_of_the_usage_becomes_a_fact(run: RecordedRun) -> None:
    usage: dict[str, Any] = {
        "input_tokens": 3,
        "output_tokens": 40,
        "cache_read_input_tokens": 500,
        "cache_creation_input_tokens": 60,
        "cache_creation": {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 40},
        "output_tokens_details": {"thinking_tokens": 7},
        "server_tool_use": {"web_search_requests": 2, "web_fetch_requests": 1},
        "service_tier": "standard",
        "cost": 0.125,
    }

    assert accounted(run, usage, "m", "end_turn") == {
        "model_used": "m",
        "stop_reason": "end_turn",
        "input_tokens": 3,
        "output_tokens": 40,
        "cache_read_input_tokens": 500,
        "cache_creation_input_tokens": 60,
        "cache_creation_5m_input_tokens": 20,
        "cache_creation_1h_input_tokens": 40,
        "thinking_tokens": 7,
        "web_search_requests": 2,
        "web_fetch_requests": 1,
        "cost": 0.125,
    }


def test_what_the_upstream_does_not_tell_is_no_fact(run: RecordedRun) -> None:
    assert accounted(run, {"input_tokens": 3, "cost": None, "cache_creation": None}) == {"input_tokens": 3}


@pytest.mark.parametrize("value", ["12", True, -1, 10**30, float("nan"), float("inf"), [], {}, None])
def test_a_count_that_is_none_is_no_fact(run: RecordedRun, value: object) -> None:
    nested = {"cache_creation": {"ephemeral_5m_input_tokens": value}, "server_tool_use": value}

    assert accounted(run, {"input_tokens": value, "cost": value, **nested}) == {}


@pytest.mark.parametrize("usage", [None, "much", [1], 5])
def test_a_usage_of_another_kind_is_no_error(run: RecordedRun, usage: object) -> None:
    assert accounted(run, usage, {"not": "a name"}, 7) == {}


def test_names_from_the_upstream_are_short_and_printable(run: RecordedRun) -> None:
    found = accounted(run, {}, "m\ud800\x00" + "x" * 1000, "a\nb")

    assert found["model_used"] == "m  " + "x" * 197
    assert found["stop_reason"] == "a b"


def test_a_time_counts_from_the_start_of_the_run(run: RecordedRun) -> None:
    run.record.started -= 2.0

    note_time("first_token_ms")

    told = run.record.facts["first_token_ms"]
    assert isinstance(told, float)
    assert 2000 <= told < 3000


def test_failures_are_noted_as_what_the_client_is_told(run: RecordedRun) -> None:
    note_failure(OverloadedError("busy"))
    assert run.record.facts == {"error_status": 529, "error_type": "overloaded_error"}

    note_failure(ZeroDivisionError("a bug"))
    assert run.record.facts == {"error_status": 500, "error_type": "api_error"}


def test_a_run_that_is_over_keeps_its_facts(run: RecordedRun) -> None:
    run.end()
    assert current_run() is None

    note_time("first_token_ms")
    note_model_used("m")
    note_failure(OverloadedError("busy"))

    assert run.record.facts == {}
