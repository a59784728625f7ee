"""What a run shows besides its steps, read as Prefect's UI reads it: rendered Markdown, HTML and all."""

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from openrouter_anthropic_server.orchestration.recorder.artifacts import run_artifacts
from openrouter_anthropic_server.ports.run_records import Fact, Failure, ParentStep, RunRecord, StepRecord

FACTS: dict[str, Fact] = {
    "model_requested": "big",
    "model": "openai/gpt-5",
    "model_used": "openai/gpt-5-2025-08-07",
    "backend": "openrouter",
    "wire": "chat",
    "effort": "high",
    "stream": True,
    "stop_reason": "end_turn",
    "input_tokens": 12345,
    "output_tokens": 678,
    "thinking_tokens": 90,
    "cache_read_input_tokens": 1000,
    "cache_creation_input_tokens": 30,
    "cache_creation_5m_input_tokens": 10,
    "cache_creation_1h_input_tokens": 20,
    "web_search_requests": 2,
    "cost": 0.0123,
    "first_token_ms": 812.34,
    "headers_ms": 501.0,
}
HOSTILE = "a|b`c`<img src=x onerror=alert(1)>[l](javascript:x)**b**\\|\n\n# h &amp; \x00 https://x.example"


def record(**changes: Any) -> RunRecord:
    """A streamed request that went well."""
    steps = [
        StepRecord(0, "validate_request", 1000.0, 1000.0005, "Completed"),
        StepRecord(1, "relay_stream", 1000.1, 1003.4, "Completed", (0,)),
    ]
    run = RunRecord(
        "req_1", 1000.0, "stream-message", 1003.5, "Completed", tags=["session:s-1"], facts=dict(FACTS), steps=steps
    )
    return replace(run, **changes)


def page(run: RunRecord) -> str:
    return str(run_artifacts(run)[0]["data"])


def html(markdown: str) -> str:
    return str(MarkdownIt("commonmark", {"html": True}).enable("table").render(markdown))


def rows(markdown: str) -> dict[str, str]:
    """Cells by the cell before them, of all tables, without tags."""
    found = {}
    for row in re.findall(r"<tr>(.*?)</tr>", html(markdown), re.DOTALL):
        cells = [re.sub(r"<[^>]+>", "", cell) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL)]
        found[cells[0]] = " / ".join(cells[1:])
    return found


def test_the_page_tells_models_tokens_cost_and_times() -> None:
    told = rows(page(record()))

    assert told == {
        "Request": "req_1",
        "State": "Completed",
        "Model asked for": "big",
        "Model sent to the upstream": "openai/gpt-5",
        "Model that answered": "openai/gpt-5-2025-08-07",
        "Upstream": "openrouter, chat wire, streamed",
        "Effort": "high",
        "Tokens in": "12,345 uncached, 1,000 read from the cache, 30 written to the cache (10 for 5 min, 20 for 1 h)",
        "Tokens out": "678 in all, 90 of thinking",
        "Server tools": "2 web searches",
        "Cost": "$0.0123",
        "Time to first token": "812.3 ms",
        "Upstream's headers after": "501.0 ms",
        "Started": "1970-01-01 00:16:40.000 UTC",
        "Duration": "3.50 s",
        "Stop reason": "end_turn",
        "Retries": "0",
        "Session": "s-1",
        "Step": "ms / State / Attempts",
        "validate_request": "0.50 / Completed / 1",
        "relay_stream": "3,300.00 / Completed / 1",
    }


def test_the_body_is_one_for_prefect_without_a_key() -> None:
    (artifact,) = run_artifacts(record())

    assert artifact.keys() == {"type", "description", "data", "metadata_"}
    assert artifact["type"] == "markdown"
    assert artifact["description"] == "Completed: 12,345 tokens in, 678 out, $0.0123, 3.50 s"


def test_the_metadata_holds_every_fact_as_a_text() -> None:
    metadata = run_artifacts(record())[0]["metadata_"]

    assert metadata == {name: str(value) for name, value in FACTS.items()} | {
        "stream": "true",
        "name": "req_1",
        "flow": "stream-message",
        "state": "Completed",
        "started": "1000.000000",
        "ended": "1003.500000",
        "duration": "3.500000",
    }


def test_a_run_that_has_only_begun_has_a_page_too() -> None:
    (artifact,) = run_artifacts(RunRecord("req_1", 1000.0, state="Crashed"))

    assert rows(artifact["data"])["Duration"] == "not known"
    assert "Tokens in" not in artifact["data"]
    assert "The server process that served this request ended" in artifact["data"]
    assert artifact["description"] == "Crashed: no answer yet"
    assert artifact["metadata_"].keys() == {"name", "flow", "state", "started"}


def test_a_subflow_names_the_run_that_it_is_part_of() -> None:
    told = rows(page(record(name="req_1-3", parent=ParentStep("req_1", 3))))

    assert (told["Request"], told["Part of"]) == ("req_1-3", "req_1")


def test_a_failure_tells_kind_fingerprint_step_and_what_to_look_at() -> None:
    failure = Failure("RateLimitError", "0123456789ab")
    failed = StepRecord(1, "call_backend", 1000.1, 1000.2, "Failed", (0,), 3, failure)
    facts = {"error_status": 429, "error_type": "rate_limit_error"}

    text = page(record(state="Failed", failure=failure, steps=[record().steps[0], failed], facts=facts))

    told = rows(text)
    assert (told["Kind"], told["Step"]) == ("RateLimitError", "ms / State / Attempts")
    assert told["Fingerprint"].startswith("0123456789ab")
    assert told["Answered as"] == "429 rate_limit_error"
    assert (told["Retries"], told["call_backend"]) == ("2", "100.00 / Failed / 3")
    assert "The upstream limits the rate" in text
    assert "`req_1`" in text.partition("Why it ended")[2]


def test_an_unknown_kind_of_failure_is_called_a_bug() -> None:
    assert "stack trace" in page(record(state="Failed", failure=Failure("ZeroDivisionError", "0123456789ab")))


def test_a_cancelled_run_says_that_the_client_left() -> None:
    assert "The client left" in page(record(state="Cancelled"))


def test_notes_are_grouped_in_plain_words() -> None:
    notes = [
        "converted messages.0.content.1: PDF as text",
        "not_sent thinking.display: the upstream has no such thing",
        "converted tools.2: strict left out",
        "default output_config.effort: high",
        "left_out notes: 3 more",
    ]

    text = page(record(notes=notes)).partition("## Converted, renamed or not sent")[2]

    listed = [re.sub(r"<[^>]+>", "", item) for item in re.findall(r"<li>(.*?)</li>", html(text))]
    assert listed == [
        "messages.0.content.1: PDF as text",
        "tools.2: strict left out",
        "thinking.display: the upstream has no such thing",
        "output_config.effort: high",
        "left_out notes: 3 more",
    ]
    kinds = ("Converted (", "Not sent (", "Set by default (", "Renamed (", "Others:")
    assert [kind in text for kind in kinds] == [True, True, True, False, True]


def test_a_run_without_notes_has_no_section_for_them() -> None:
    assert "not sent" not in page(record())


def hostile(text: str) -> RunRecord:
    """A run with this text in every place that clients or upstreams fill."""
    return record(
        tags=[f"session:{text}", f"client:{text}"],
        facts=FACTS | {"model_requested": text, "model": text, "model_used": text, "stop_reason": text},
        notes=[f"converted {text}: {text}", text],
        steps=[StepRecord(0, f"run_tool:{text}", 1000.0, 1001.0, "Completed")],
    )


@pytest.mark.parametrize(
    "text", [HOSTILE, "<script>", "`" * 7, "|" * 9, "\\", "~~~~~", "", " ", "\u202egnp", "x" * 5000]
)
def test_foreign_text_stays_text_in_the_page(text: str) -> None:
    assert_only_text(text)


@given(st.text(alphabet="`|\\<>[]()*_#~!&;\n\r\t \x00a-1", max_size=30))
def test_no_foreign_text_changes_the_form_of_the_page(text: str) -> None:
    assert_only_text(text)


def assert_only_text(text: str) -> None:
    """The page has the elements that it has with harmless text; code spans and lists may differ in number."""
    counted = r"<(?!/?(?:code|li|ul|p)>)[^>]*>"
    form, harmless = (html(page(hostile(given))) for given in (text, "text"))

    assert re.findall(counted, form) == re.findall(counted, harmless)


def test_many_steps_and_notes_are_cut_and_counted() -> None:
    steps = [StepRecord(index, f"step_{index}", 1000.0, 1001.0, "Completed") for index in range(2000)]
    text = page(record(steps=steps, notes=[f"converted path.{index}: x" * 20 for index in range(500)]))

    assert "and 1800 more" in text
    assert "and 300 more" in text
    assert len(text) < 150_000


def test_numbers_that_make_no_sense_do_not_fail_the_page() -> None:
    odd = record(
        facts={"input_tokens": float("nan"), "cost": float("inf"), "first_token_ms": "soon", "output_tokens": 1}
    )

    assert rows(page(odd))["Tokens out"] == "1 in all"
    assert "Cost" not in page(odd)


def test_without_content_there_is_one_artifact() -> None:
    assert len(run_artifacts(record(content=None))) == len(run_artifacts(record(content={}))) == 1


def test_content_is_a_second_artifact_and_nowhere_else() -> None:
    first, second = run_artifacts(record(content={"request": '{"prompt":"canary"}', "answer": "event: x\n\ncanary"}))

    assert "canary" not in str(first)
    assert second["description"] == "Content: request and answer"
    assert second["data"].count("canary") == 2
    assert '{\n  "prompt": "canary"\n}' in second["data"]
