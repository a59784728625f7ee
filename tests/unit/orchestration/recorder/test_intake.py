"""The spool is acknowledged in the order of writing, and open runs are known again after a restart."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from openrouter_anthropic_server.orchestration.recorder import intake as intake_module
from openrouter_anthropic_server.orchestration.recorder.delivery import Delivery
from openrouter_anthropic_server.orchestration.recorder.intake import Intake
from openrouter_anthropic_server.orchestration.recorder.open_runs import restored, saved
from openrouter_anthropic_server.orchestration.recorder.prefect_api import PrefectApi, RunInPrefect
from openrouter_anthropic_server.orchestration.recorder.run_work import RunWork
from openrouter_anthropic_server.orchestration.spool.entries import encode_dropped, encode_run
from openrouter_anthropic_server.orchestration.spool.reader import Spool, WriterSpool
from openrouter_anthropic_server.orchestration.spool.segments import segment_path
from openrouter_anthropic_server.orchestration.spool.writer import SpoolWriter
from openrouter_anthropic_server.orchestration.spool.writer_directory import WriterDirectory
from tests.recording.run_records import finished_run, running_run, spool_writer
from tests.waiting import wait_for

RUN_ID = "0190a5d0-0000-7000-8000-000000000001"


class Recording:
    """One life of a recorder without a Prefect server: what is delivered is what the test says is."""

    def __init__(self, directory: Path) -> None:
        logger = structlog.get_logger()
        self.delivery = Delivery(PrefectApi("http://127.0.0.1:9/api"), logger)
        self.intake = Intake(Spool(directory, logger=logger), self.delivery, logger)

    def read(self) -> int:
        """Read everything that is there."""
        return sum(iter(self.intake.read, 0))

    def deliver(self, name: str) -> None:
        """The run is in Prefect."""
        for ticket in self.delivery.works.pop(name).tickets:
            ticket.done = True

    def names(self) -> set[str]:
        """The runs on their way whose end is known."""
        return {name for name, work in self.delivery.works.items() if work.over}

    def open_names(self) -> set[str]:
        """The runs whose end is not known."""
        return set(self.delivery.works) - self.names()


@pytest.fixture(name="spool")
def _spool(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture(name="writer")
def _writer(spool: Path) -> Iterator[SpoolWriter]:
    with ready_writer(spool) as writer:
        yield writer


@contextmanager
def ready_writer(spool: Path) -> Iterator[SpoolWriter]:
    """A writer whose lines are on disk at once: it has its file, and has written to it."""
    with spool_writer(spool) as writer:
        writer.ended(finished_run("first"))
        wait_for(lambda: writer.path is not None)
        assert writer.path is not None
        probe = WriterSpool(writer.path, structlog.get_logger())
        entries = wait_for(probe.read)
        probe.acknowledge(entries[-1].end, None)
        yield writer


def acknowledged(recording: Recording) -> None:
    """Acknowledge now."""
    recording.intake.acknowledge(at_once=True)


def test_what_is_not_delivered_is_read_again_by_the_next_recorder(spool: Path, writer: SpoolWriter) -> None:
    for name in "abc":
        writer.ended(finished_run(name))
    first = Recording(spool)
    assert first.read() == 3
    first.deliver("a")
    first.deliver("c")
    acknowledged(first)

    second = Recording(spool)
    second.read()

    assert second.names() == {"b", "c"}, "only what is delivered with all that is before it"
    assert all(work.suspect for work in second.delivery.works.values())


def test_an_open_run_does_not_hold_up_what_follows_it_and_is_known_to_the_next_recorder(
    spool: Path, writer: SpoolWriter
) -> None:
    record = running_run("long")
    writer.begun(record)
    writer.ended(finished_run("short"))
    first = Recording(spool)
    first.read()
    first.delivery.works["long"].there = RunInPrefect(RUN_ID, "RUNNING", 0.0)
    first.deliver("short")
    acknowledged(first)

    second = Recording(spool)
    assert second.read() == 0

    work = second.delivery.works["long"]
    assert (second.open_names(), work.record, work.suspect) == ({"long"}, record, True)
    assert work.there is not None
    assert work.there.flow_run_id == RUN_ID


def test_the_last_entry_of_a_run_counts(spool: Path, writer: SpoolWriter) -> None:
    record = finished_run("r")
    writer.begun(replace(record, ended=None, state="Running", steps=[]))
    writer.ended(record)
    recording = Recording(spool)
    recording.read()

    assert recording.names() == {"r"}
    assert len(recording.delivery.works["r"].record.steps) == 6


def test_what_comes_after_the_catch_up_is_not_suspect(spool: Path, writer: SpoolWriter) -> None:
    writer.ended(finished_run("before"))
    recording = Recording(spool)
    recording.read()
    writer.ended(finished_run("after"))
    with ready_writer(spool) as later:
        later.ended(finished_run("elsewhere"))
        recording.read()

    assert {name: work.suspect for name, work in recording.delivery.works.items()} == {
        "before": True,
        "after": False,
        "elsewhere": False,
    }


def test_open_runs_of_a_process_that_died_have_crashed_and_then_its_files_go(spool: Path) -> None:
    with ready_writer(spool) as writer:
        writer.begun(running_run("open"))
        recording = Recording(spool)
        recording.read()
        acknowledged(recording)
        assert recording.open_names() == {"open"}
    recording.read()
    acknowledged(recording)
    assert recording.names() == {"open"}
    assert recording.delivery.works["open"].record.state == "Crashed"
    again = Recording(spool)
    again.read()
    assert again.open_names() == {"open"}, "another recorder would find the crash again"

    recording.deliver("open")

    def gone() -> bool:
        recording.intake.acknowledge()
        return not list(spool.glob("*/*.segment"))

    wait_for(gone)


def test_reading_stops_while_much_is_on_its_way(
    spool: Path, writer: SpoolWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake_module, "_MOST_RUNS", 10)
    monkeypatch.setattr(intake_module, "_ENTRIES_PER_READ", 4)
    for number in range(30):
        writer.ended(finished_run(f"r{number}"))
    recording = Recording(spool)
    assert recording.read() == 12
    assert recording.intake.unread_runs(recording.intake.size()) > 0

    for name in list(recording.delivery.works)[:6]:
        recording.deliver(name)
    acknowledged(recording)

    assert recording.read() == 4


def test_reading_stops_at_a_number_of_bytes_too(
    spool: Path, writer: SpoolWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake_module, "_MOST_BYTES", 100_000)
    monkeypatch.setattr(intake_module, "_BYTES_PER_READ", 50_000)
    for number in range(20):
        writer.ended(replace(finished_run(f"r{number}"), content={"answer": "x" * 40_000}))
    recording = Recording(spool)

    assert 2 <= recording.read() <= 5


def test_records_of_an_unknown_kind_are_counted_and_passed_over(spool: Path, writer: SpoolWriter) -> None:
    bad: Any = "Paused"
    writer.ended(replace(finished_run("bad"), state=bad))
    writer.ended(finished_run("good"))
    recording = Recording(spool)

    with capture_logs() as lines:
        recording.read()

    assert recording.names() == {"good"}
    assert recording.delivery.counts.dropped == 1
    assert [line["event"] for line in lines] == ["runs_missing_in_spool"]


def test_a_cursor_that_cannot_be_written_is_told_and_tried_again(
    spool: Path, writer: SpoolWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake_module, "_RETRY_SECONDS", 0.0)
    writer.ended(finished_run("r"))
    recording = Recording(spool)
    recording.read()
    recording.deliver("r")
    assert writer.path is not None
    in_the_way = writer.path / "cursor.tmp"
    in_the_way.mkdir()
    with capture_logs() as lines:
        acknowledged(recording)
    assert [line["event"] for line in lines] == ["spool_not_acknowledged"]
    in_the_way.rmdir()

    acknowledged(recording)

    assert Recording(spool).read() == 0


def test_an_open_run_whose_end_found_no_room_has_failed(spool: Path) -> None:
    writer = WriterDirectory(spool, 0)
    lost, other = running_run("lost"), running_run("other")
    segment_path(writer.path, 1).write_bytes(
        encode_run("begun", lost) + encode_run("begun", other) + encode_dropped(2, ["lost", "never-begun"])
    )
    recording = Recording(spool)
    recording.read()

    assert (recording.names(), recording.open_names()) == ({"lost"}, {"other"})
    record = recording.delivery.works["lost"].record
    assert record.state == "Failed"
    assert record.failure is not None
    assert record.failure.kind == "EndNotRecorded"
    assert record.logs[-1].level == "ERROR"
    again = Recording(spool)
    again.read()
    assert again.names() == {"lost"}, "nothing is acknowledged before it is delivered"
    writer.release()


def test_content_is_not_saved_with_an_open_run() -> None:
    work = RunWork(replace(running_run("r"), content={"request": "secret"}), 0.0)

    assert "secret" not in str(saved(work))
    assert restored({**saved(work), "id": "no-uuid"}) == (replace(work.record, content=None), None)
