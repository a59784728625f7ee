"""A record that is damaged in its types, or of a later version, is recognised before it is sent."""

from dataclasses import replace
from typing import Any

import pytest

from openrouter_anthropic_server.orchestration.recorder.known_records import is_known
from openrouter_anthropic_server.ports.run_records import LogLine, RunRecord, StepRecord
from tests.recording.run_records import failed_run, finished_run, running_run

_BAD: Any = None


@pytest.mark.parametrize("record", [finished_run("r"), running_run("r"), failed_run("r"), RunRecord("r", 1)])
def test_ordinary_records_are_known(record: RunRecord) -> None:
    assert is_known(record)


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "Paused"},
        {"name": ""},
        {"name": 7},
        {"started": None},
        {"ended": "now"},
        {"tags": ["a", None]},
        {"facts": {7: "a"}},
        {"steps": [StepRecord(0, "s", 1.0, state=_BAD)]},
        {"steps": [StepRecord(0, _BAD, 1.0)]},
        {"steps": [StepRecord(_BAD, "s", 1.0)]},
        {"steps": [StepRecord(0, "s", 1.0, upstream=(_BAD,))]},
        {"logs": [LogLine(1.0, _BAD, "m")]},
        {"logs": [LogLine(_BAD, "INFO", "m")]},
    ],
)
def test_others_are_not(changes: dict[str, Any]) -> None:
    assert not is_known(replace(finished_run("r"), **changes))
