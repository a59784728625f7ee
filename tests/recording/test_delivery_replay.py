"""At least once on the wire, exactly once in Prefect: the same spool again, and recorders that are killed."""

import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest

from tests.recording.prefect_server import Database, PrefectReader, PrefectServer, PrefectServers
from tests.recording.recorder_process import RecorderProcess
from tests.recording.run_records import finished_run, running_run, spool_writer, write_finished
from tests.waiting import wait_for

pytestmark = pytest.mark.timeout(120)

_RUNS = 30
_SHOWN = ("id", "state_type", "start_time", "end_time", "state_id", "tags", "labels", "parent_task_run_id")


def whole(runs: int) -> dict[str, int]:
    """What `finished_run`s leave in Prefect."""
    return {"flow_runs": runs, "task_runs": 6 * runs, "artifacts": runs, "logs": 4 * runs}


def drain(spool: Path, prefect: PrefectServer) -> None:
    """Deliver everything that is in the spool."""
    recorder = RecorderProcess(spool, prefect.api_url, drain=True).start()
    assert recorder.wait(60) == 0, recorder.log()


def shown(reader: PrefectReader, name: str) -> tuple[dict[str, Any], list[tuple[Any, ...]]]:
    """What the UI shows of a run and its steps."""
    run = reader.run(name)
    steps = reader.task_runs(run["id"])
    return {key: run[key] for key in _SHOWN}, [
        (step["id"], step["name"], step["state_id"], step["start_time"], step["end_time"]) for step in steps
    ]


@dataclass(frozen=True, slots=True)
class Seen:
    """What a server holds of the runs of one spool: how many of everything, and what it shows of five."""

    counts: dict[str, int]
    shown: list[Any]


@pytest.fixture(name="delivered_twice", scope="module")
def _delivered_twice(
    prefect_servers: PrefectServers, tmp_path_factory: pytest.TempPathFactory
) -> Mapping[Database, tuple[Seen, Seen]]:
    """One spool, delivered by recorders that are killed and a last one; then a copy of it, delivered again."""
    directory = tmp_path_factory.mktemp("replay")
    return prefect_servers.on_each(lambda server: _deliver_twice(server, directory / server.database))


def _deliver_twice(prefect: PrefectServer, directory: Path) -> tuple[Seen, Seen]:
    prefix = f"killed{token_hex(3)}"
    names = [f"{prefix}-{number}" for number in range(_RUNS)]
    write_finished(directory / "spool", names)
    shutil.copytree(directory / "spool", directory / "copy")
    reader = PrefectReader(prefect)

    def seen() -> Seen:
        return Seen(reader.counts(prefix), [shown(reader, name) for name in names[:5]])

    for kind, number in (("flow_runs", 5), ("flow_runs", 20), ("artifacts", 5), ("artifacts", 20), ("logs", 1)):
        recorder = RecorderProcess(directory / "spool", prefect.api_url).start()
        _wait_for_count(reader, prefix, kind, number)
        recorder.kill()
    drain(directory / "spool", prefect)
    first = seen()
    drain(directory / "copy", prefect)
    second = seen()
    reader.close()
    return first, second


def _wait_for_count(reader: PrefectReader, prefix: str, kind: str, number: int) -> None:
    wait_for(lambda: reader.counts(prefix)[kind] >= number, 30)


def test_recorders_killed_again_and_again_make_each_run_once(
    prefect: PrefectServer, delivered_twice: Mapping[Database, tuple[Seen, Seen]]
) -> None:
    first, _ = delivered_twice[prefect.database]

    assert first.counts == whole(_RUNS)


def test_the_same_spool_again_changes_nothing(
    prefect: PrefectServer, delivered_twice: Mapping[Database, tuple[Seen, Seen]]
) -> None:
    first, second = delivered_twice[prefect.database]

    assert second == first


def test_open_runs_survive_the_recorder_and_end_once(
    sqlite_prefect: PrefectServer, held: PrefectReader, tmp_path: Path
) -> None:
    """One recorder sees them begin, the next one sees one end and the writer die with the other."""
    prefix = f"open{token_hex(3)}"
    spool = tmp_path / "spool"
    ending, dying = running_run(f"{prefix}-ending"), running_run(f"{prefix}-dying")
    with spool_writer(spool) as writer:
        writer.begun(ending)
        writer.begun(dying)
        first = RecorderProcess(spool, sqlite_prefect.api_url).start()
        _wait_for_steps(held, prefix, 6)
        before = {name: shown(held, name)[0] for name in (ending.name, dying.name)}
        assert {run["state_type"] for run in before.values()} == {"RUNNING"}
        first.kill()

        finished = finished_run(ending.name, flow=ending.flow)
        writer.ended(finished)
        second = RecorderProcess(spool, sqlite_prefect.api_url).start()
        second.until(lambda state: state["recorded"] == 1)
        second.kill()
    drain(spool, sqlite_prefect)

    run, steps = shown(held, ending.name)
    assert (run["id"], run["state_type"], run["tags"]) == (before[ending.name]["id"], "COMPLETED", finished.tags)
    assert run["labels"]["duration_seconds"] == pytest.approx(0.6, abs=0.01)
    assert len(steps) == 6
    crashed, open_steps = shown(held, dying.name)
    assert (crashed["id"], crashed["state_type"]) == (before[dying.name]["id"], "CRASHED")
    assert len(open_steps) == 3
    assert held.counts(prefix) == {"flow_runs": 2, "task_runs": 9, "artifacts": 2, "logs": 4}


def _wait_for_steps(reader: PrefectReader, prefix: str, count: int) -> None:
    deadline = time.monotonic() + 20
    while reader.count("task_runs", prefix) < count:
        assert time.monotonic() < deadline, "the steps of the open runs do not appear"
        time.sleep(0.1)
