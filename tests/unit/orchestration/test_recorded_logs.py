"""The log, notes and content of a run: what a person reads who opens it, and never more than fits."""

import asyncio
import re
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from openrouter_anthropic_server.orchestration.flow import flow
from openrouter_anthropic_server.orchestration.log_sink import LogSink
from openrouter_anthropic_server.orchestration.record_limits import MAX_LOG_LINES, MAX_MESSAGE, MAX_NOTES
from openrouter_anthropic_server.orchestration.recorded_run import current_run, open_run
from openrouter_anthropic_server.orchestration.run_logs import note_for_run
from openrouter_anthropic_server.orchestration.task import task
from openrouter_anthropic_server.ports.run_records import ParentStep, RunRecord
from tests.unit.orchestration.recording import CollectingSink, Failing


@pytest.fixture(name="sink")
def _sink() -> CollectingSink:
    return CollectingSink()


def _lines(record: RunRecord) -> list[tuple[str, str, int | None]]:
    """Level, message (fingerprints and times left out) and step of each line."""
    return [
        (line.level, re.sub(r"\b[0-9a-f]{12}\b", "#", re.sub(r"\d+\.\d+ s", "T", line.message)), line.step)
        for line in record.logs
    ]


@task(name="fetch", retries=2, retry_delay_seconds=[0.001, 0])
async def fetch(source: Failing) -> None:
    source.once()


@task(name="read", retries=1)
def read(source: Failing) -> None:
    source.once()


@flow(name="reading")
async def reading(first: Failing, second: Failing) -> None:
    read(first)
    await fetch(second)


async def test_a_run_without_trouble_has_one_line(sink: CollectingSink) -> None:
    open_run("req_1", sink)
    await reading(Failing(0), Failing(0))

    assert _lines(sink.named("req_1")) == [("INFO", "Completed after T", None)]


async def test_attempts_and_failures_are_lines_of_their_step_without_the_errors_text(sink: CollectingSink) -> None:
    open_run("req_1", sink)

    with pytest.raises(Exception, match="a secret"):
        await reading(Failing(1), Failing(3))

    record = sink.named("req_1")
    assert _lines(record) == [
        ("WARNING", "read, attempt 1 of 2: UpstreamError #; next at once", 0),
        ("WARNING", "fetch, attempt 1 of 3: UpstreamError #; next in 0.001 s".replace("0.001 s", "T"), 1),
        ("WARNING", "fetch, attempt 2 of 3: UpstreamError #; next at once", 1),
        ("ERROR", "fetch failed after 3 attempts: UpstreamError #", 1),
        ("ERROR", "Failed after T: UpstreamError #", None),
    ]
    assert record.failure is not None
    assert record.failure.fingerprint in record.logs[-1].message
    assert "secret" not in repr(record)


async def test_times_of_lines_lie_within_the_run_in_order(sink: CollectingSink) -> None:
    open_run("req_1", sink)
    await reading(Failing(1), Failing(2))

    record = sink.named("req_1")
    times = [record.started, *[line.at for line in record.logs]]
    assert times == sorted(times)
    assert times[-1] == record.ended


@flow(name="waits")
async def waiting() -> None:
    await asyncio.Event().wait()


async def test_a_run_whose_client_left_says_so(sink: CollectingSink) -> None:
    open_run("req_1", sink)
    running = asyncio.ensure_future(waiting())
    await asyncio.sleep(0)
    running.cancel()
    await asyncio.wait([running])

    assert _lines(sink.named("req_1")) == [("WARNING", "Cancelled after T: the client left", None)]


@flow(name="talks")
async def talking(count: int, source: Failing) -> None:
    run = current_run()
    assert run is not None
    for number in range(count):
        run.log("DEBUG", f"line {number}")
    source.once()


async def test_a_log_keeps_its_first_lines_and_how_the_run_ended(sink: CollectingSink) -> None:
    open_run("req_1", sink)

    with pytest.raises(Exception, match="a secret"):
        await talking(MAX_LOG_LINES + 5, Failing(1))

    lines = _lines(sink.named("req_1"))
    assert lines[MAX_LOG_LINES - 1] == ("DEBUG", f"line {MAX_LOG_LINES - 1}", None)
    assert lines[MAX_LOG_LINES:] == [
        ("WARNING", "5 more log lines were left out", None),
        ("ERROR", "Failed after T: UpstreamError #", None),
    ]


async def test_long_lines_are_cut(sink: CollectingSink) -> None:
    run = open_run("req_1", sink)
    run.log("INFO", "x" * (MAX_MESSAGE + 1))

    assert run.record.logs[0].message == "x" * MAX_MESSAGE + "…"


async def test_a_run_keeps_its_first_notes_and_says_how_many_more_there_were(sink: CollectingSink) -> None:
    run = open_run("req_1", sink)
    run.note(f"dropped x: {number}" for number in range(MAX_NOTES - 1))
    run.note(["dropped y: a", "dropped y: b"])
    run.note(["dropped z: c"])
    run.end()

    notes = sink.named("req_1").notes
    assert notes[MAX_NOTES - 1 :] == ["dropped y: a", "left_out notes: 2 more"]


async def test_content_is_kept_only_where_it_is_wanted(sink: CollectingSink) -> None:
    wanted = open_run("req_1", sink, keep_content=True)
    wanted.content("question", "what?")
    wanted.content("answer", "that")
    unwanted = open_run("req_2", sink)
    unwanted.content("question", "what?")

    assert (wanted.keeps_content, unwanted.keeps_content) == (True, False)
    assert wanted.record.content == {"question": "what?", "answer": "that"}
    assert unwanted.record.content is None


# ------------------------------------------------------------------ the server's own log events


@pytest.fixture(name="logger")
def _logger() -> Iterator[Any]:
    before = structlog.get_config()
    structlog.configure(
        processors=[note_for_run, structlog.processors.JSONRenderer()],
        logger_factory=structlog.ReturnLoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger("debug"),
        cache_logger_on_first_use=False,
    )
    yield structlog.get_logger()
    structlog.configure(**before)


async def test_events_of_the_server_are_lines_of_the_open_run(sink: CollectingSink, logger: Any) -> None:
    run = open_run("req_1", sink)
    logger.debug("model_resolved", model="m", tried=2, price=0.5, fallback=None)
    logger.warning("upstream_slow", seconds=3)
    logger.error("bug", request_id="req_1", exception="Traceback: secret")

    assert _lines(run.record) == [
        ("DEBUG", "model_resolved model=m tried=2 price=0.5 fallback=None", None),
        ("WARNING", "upstream_slow seconds=3", None),
        ("ERROR", "bug", None),
    ]


async def test_an_event_goes_on_unchanged(sink: CollectingSink, logger: Any) -> None:
    without = logger.info("event", body={"a": 1})
    open_run("req_1", sink)

    assert logger.info("event", body={"a": 1}) == without == '{"body": {"a": 1}, "event": "event"}'


async def test_events_show_neither_keys_nor_content_nor_texts_of_errors(sink: CollectingSink, logger: Any) -> None:
    run = open_run("req_1", sink)
    logger.info("called", key="sk-or-v1-0123456789abcdef", body={"prompt": "secret"}, error=ValueError("secret"))
    try:
        raise ValueError("secret")
    except ValueError as error:
        logger.exception("failed")
        logger.info("failed", exc_info=error)
        logger.info("failed", exc_info=(type(error), error, None))
    logger.info("ok", exc_info=True)
    logger.info("broken\nline\x00", text="a\nb" + "c" * 300)

    assert [line.message for line in run.record.logs] == [
        "called key=[redacted] body=<dict> error=<ValueError>",
        *["failed exception=ValueError"] * 3,
        "ok",
        f"broken line  text=a b{'c' * 197}",
    ]
    assert run.record.logs[1].level == "ERROR"


async def test_events_outside_an_open_run_are_nobodys_lines(sink: CollectingSink, logger: Any) -> None:
    logger.info("before")
    run = open_run("req_1", sink)
    run.end()
    logger.info("after")

    assert [line.message[:9] for line in run.record.logs] == ["Completed"]


async def test_the_sink_that_logs_writes_one_line_per_run_without_its_content(sink: CollectingSink) -> None:
    logger = structlog.testing.CapturingLogger()
    run = open_run("req_1", LogSink(structlog.wrap_logger(logger, processors=[])), keep_content=True)
    run.content("question", "a secret")
    await calling()

    child, parent = [call.kwargs for call in logger.calls]
    assert (child["event"], child["request_id"], child["parent"]) == ("run_ended", "req_1-0", ParentStep("req_1", 0))
    assert (parent["request_id"], parent["state"], "parent" in parent) == ("req_1", "Completed", False)
    assert [step.get("child") for step in parent["steps"]] == ["req_1-0"]
    assert "secret" not in repr(logger.calls)


@flow(name="calling")
async def calling() -> None:
    await reading(Failing(0), Failing(0))
