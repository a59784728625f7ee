"""Runs the real Claude Code CLI, headless, in a scrubbed environment with a HOME and a work folder of its own."""

import json
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.clients import installed

RUN_SECONDS = 60.0
_QUIET = {
    "IS_SANDBOX": "1",
    "DISABLE_TELEMETRY": "1",
    "DISABLE_ERROR_REPORTING": "1",
    "DISABLE_AUTOUPDATER": "1",
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
}


@dataclass(frozen=True, slots=True)
class Run:
    """What one run left: exit code, output, and the result object of `--output-format json`."""

    code: int
    output: str
    errors: str
    result: dict[str, Any]

    @property
    def text(self) -> str:
        """The final text."""
        return str(self.result.get("result", ""))

    @property
    def usage(self) -> dict[str, Any]:
        """Token counts as the CLI added them up."""
        usage = self.result.get("usage")
        return usage if isinstance(usage, dict) else {}

    @property
    def session(self) -> str:
        """Session id, for `--resume`."""
        return str(self.result["session_id"])


@dataclass(frozen=True, slots=True)
class ClaudeCode:
    """The CLI, pointed at a server; `directory` holds its HOME and its work folder."""

    base_url: str
    directory: Path
    env: dict[str, str] = field(default_factory=dict)

    @property
    def work(self) -> Path:
        """The folder in which the CLI runs its tools."""
        return self.directory / "work"

    def run(self, prompt: str, *arguments: str) -> Run:
        """One headless run to its end, with every permission granted."""
        home = self.directory / "home"
        home.mkdir(parents=True, exist_ok=True)
        self.work.mkdir(exist_ok=True)
        fixed = ["-p", prompt, "--dangerously-skip-permissions", "--output-format", "json"]
        finished = subprocess.run(
            [str(installed.claude_code()), *fixed, *arguments],
            env=self._environment(home),
            cwd=self.work,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=RUN_SECONDS,
            check=False,
        )
        return Run(finished.returncode, finished.stdout, finished.stderr, _result(finished.stdout))

    def _environment(self, home: Path) -> dict[str, str]:
        base = {
            "PATH": os.environ.get("PATH", "/usr/local/bin:/usr/bin:/bin"),
            "HOME": str(home),
            "TERM": "xterm",
            "LANG": "C.UTF-8",
            "ANTHROPIC_BASE_URL": self.base_url,
            "ANTHROPIC_API_KEY": "test-key",
        }
        return base | _QUIET | self.env


def _result(output: str) -> dict[str, Any]:
    try:
        found = json.loads(output)
    except json.JSONDecodeError:
        return {}
    if isinstance(found, list):
        found = found[-1]
    return found if isinstance(found, dict) else {}
