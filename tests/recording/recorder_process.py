"""The recorder as a process of its own, as the server starts it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from tests.server_process import SOURCES

_SCRIPT = """
import json, sys
from pathlib import Path
import structlog
from openrouter_anthropic_server.orchestration.recorder.process import RecorderOptions, run_recorder
structlog.configure(processors=[structlog.processors.add_log_level, structlog.processors.JSONRenderer()])
given = json.loads(sys.argv[1])
options = RecorderOptions(**{**given, **{name: Path(given[name]) for name in ("spool_directory", "prefect_directory")}})
sys.exit(run_recorder(options, structlog.get_logger()))
"""


class RecorderProcess:
    """One recorder on one spool directory; its log is beside that."""

    def __init__(self, spool: Path, api_url: str | None, **options: Any) -> None:
        self.spool = spool
        self._options = {
            "spool_directory": str(spool),
            "api_url": api_url,
            "ui_url": None,
            "prefect_directory": str(spool.parent / "prefect"),
            "headers": {},
            "lifeline": False,
            "drain": False,
            **options,
        }
        self._log_path = spool.parent / f"{spool.name}.recorder.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Start it without waiting."""
        coverage = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}
        env = {"PATH": os.environ["PATH"], "HOME": str(self.spool.parent), "PYTHONPATH": str(SOURCES), **coverage}
        with self._log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", _SCRIPT, json.dumps(self._options)],
                env=env,
                cwd=self.spool.parent,
                stdin=subprocess.PIPE if self._options["lifeline"] else subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        return self

    def with_address(self, api_url: str) -> Self:
        """The next start uses this address."""
        self._options["api_url"] = api_url
        return self

    def signal(self, number: int) -> None:
        """Send it a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL, if it still runs."""
        if self.process is not None:
            self.process.kill()
            self._ended(10)

    def stop(self) -> int:
        """SIGTERM; its exit code."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def wait(self, seconds: float = 20.0) -> int:
        """Wait for its end; its exit code."""
        try:
            return self._ended(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise RuntimeError(f"the recorder did not end:\n{self.log()[-4000:]}") from None

    def close_lifeline(self) -> None:
        """What the end of its parent looks like to it."""
        assert self.process is not None
        assert self.process.stdin is not None
        self.process.stdin.close()

    def state(self) -> dict[str, Any]:
        """What it last wrote of itself; {} before."""
        try:
            state: dict[str, Any] = json.loads((self.spool / "recorder.json").read_text())
        except FileNotFoundError:
            return {}
        return state

    def log(self) -> str:
        """Everything it has logged."""
        return self._log_path.read_text(encoding="utf-8", errors="replace")

    def until(self, condition: Callable[[dict[str, Any]], bool], seconds: float = 30.0) -> dict[str, Any]:
        """Wait until its state meets a condition; that state."""
        deadline = time.monotonic() + seconds
        while True:
            state = self.state()
            if state and condition(state):
                return state
            if time.monotonic() > deadline or (self.process is not None and self.process.poll() is not None):
                raise AssertionError(f"the recorder's state stays {state}; its log:\n{self.log()[-4000:]}")
            time.sleep(0.05)

    def until_started(self) -> None:
        """Wait until it is at work."""
        assert self.process is not None
        pid = self.process.pid
        self.until(lambda state: state["pid"] == pid)

    def _ended(self, seconds: float) -> int:
        assert self.process is not None
        code = self.process.wait(seconds)
        if self.process.stdin is not None:
            self.process.stdin.close()
        return code
