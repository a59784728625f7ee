"""The file that tells how recording fares."""

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from openrouter_anthropic_server.orchestration.recorder import state_file
from openrouter_anthropic_server.orchestration.recorder.state_file import FILE_NAME, StateFile
from openrouter_anthropic_server.ports.run_directory import RecorderState


def written(directory: Path) -> dict[str, Any]:
    """What is in the file."""
    state: dict[str, Any] = json.loads((directory / FILE_NAME).read_text())
    return state


def test_it_holds_the_state_the_time_and_the_process(tmp_path: Path) -> None:
    StateFile(tmp_path, structlog.get_logger()).write(RecorderState("delivering", backlog=3, recorded=7))

    state = written(tmp_path)
    assert (state["phase"], state["backlog"], state["recorded"], state["pid"]) == ("delivering", 3, 7, os.getpid())
    assert abs(state["updated"] - time.time()) < 5
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]


def test_numbers_wait_for_a_second_but_phase_and_problem_do_not(tmp_path: Path) -> None:
    file = StateFile(tmp_path, structlog.get_logger())
    file.write(RecorderState("delivering", backlog=1))
    file.write(RecorderState("delivering", backlog=2))
    assert written(tmp_path)["backlog"] == 1

    file.write(RecorderState("waiting_for_prefect", backlog=3))
    assert written(tmp_path)["backlog"] == 3

    file.write(RecorderState("waiting_for_prefect", problem="gone", backlog=4))
    assert written(tmp_path)["backlog"] == 4


def test_a_file_that_cannot_be_written_is_told_once_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_file, "_INTERVAL_SECONDS", 0.0)
    directory = tmp_path / "gone"
    file = StateFile(directory, structlog.get_logger())
    with capture_logs() as lines:
        file.write(RecorderState("delivering"))
        file.write(RecorderState("delivering"))
    assert [line["event"] for line in lines] == ["recorder_state_not_written"]

    directory.mkdir()
    file.write(RecorderState("delivering"))

    assert written(directory)["phase"] == "delivering"
