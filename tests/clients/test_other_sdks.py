"""The last 0.x release of the Python SDK and the TypeScript SDK see the same answers as the current one."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.clients import installed
from tests.clients.scenarios import EXPECTED, by_prompt
from tests.gateway_fixtures import Line

HERE = Path(__file__).parent
RUN_SECONDS = 50.0


def run(command: list[str], env: dict[str, str]) -> dict[str, Any]:
    """The JSON object that a script prints."""
    finished = subprocess.run(
        command,
        env={"PATH": os.environ.get("PATH", ""), **env},
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr[-3000:]
    found = json.loads(finished.stdout)
    assert isinstance(found, dict)
    return found


def run_python_0x(url: str, model: str) -> dict[str, Any]:
    """The scenarios with `anthropic` 0.x, in a Python that sees no other packages."""
    packages = installed.anthropic_0x()
    command = [sys.executable, "-S", str(HERE / "sdk_0x_script.py"), url, model]
    return run(command, {"PYTHONPATH": str(packages)})


def run_typescript(url: str, model: str) -> dict[str, Any]:
    """The scenarios with `@anthropic-ai/sdk`."""
    installed.typescript_sdk()
    return run([str(installed.node()), str(HERE / "typescript_sdk_script.mjs"), url, model], {})


def seen(found: dict[str, Any]) -> dict[str, Any]:
    """The part of the results that every SDK must see alike."""
    return {name: found[name] for name in EXPECTED}


def test_the_last_0x_python_sdk_sees_everything(line: Line) -> None:
    line.upstream.handler = by_prompt

    found = run_python_0x(line.url, line.model)

    assert found["version"].startswith("0.")
    assert seen(found) == EXPECTED
    assert found["count"] > 2
    assert len(found["models"]) == len(set(found["models"])) > 1
    assert line.upstream.calls[0].headers.get("anthropic-version", "2023-06-01") == "2023-06-01"


def test_the_typescript_sdk_sees_everything(line: Line) -> None:
    line.upstream.handler = by_prompt

    found = run_typescript(line.url, line.model)

    assert seen(found) == EXPECTED
    assert found["count"] > 2
    assert len(found["models"]) == len(set(found["models"])) > 1


def test_the_other_sdks_see_an_anthropic_upstream(anthropic_line: Line) -> None:
    anthropic_line.upstream.handler = by_prompt

    assert seen(run_python_0x(anthropic_line.url, anthropic_line.model)) == EXPECTED
    assert seen(run_typescript(anthropic_line.url, anthropic_line.model)) == EXPECTED
