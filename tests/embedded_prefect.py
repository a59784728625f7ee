"""The embedded Prefect server as a process of its own, and data directories on which it starts fast."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import httpx
import pytest

from openrouter_anthropic_server.orchestration.server_address import ServerAddress, read_address
from tests.server_process import SOURCES, free_port
from tests.waiting import wait_for

START_SECONDS = 60.0
_MODULE = "openrouter_anthropic_server.orchestration.embedded_server"
_KEY = pytest.StashKey[Path]()


class EmbeddedServer:
    """One process of it, with its lifeline in our hands; what it prints goes to `output`."""

    def __init__(self, directory: Path, port: int, *, cwd: Path | None = None, env: Mapping[str, str] | None = None):
        self.directory, self.first_port = directory, port
        arguments = ["--directory", str(directory), "--port", str(port), "--retention-seconds", "3600"]
        inherited = {"PATH": os.environ["PATH"], "PYTHONPATH": str(SOURCES), "HOME": str(directory.parent)}
        coverage = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}
        self.output = tempfile.TemporaryFile()  # noqa: SIM115 - closed by __exit__
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", _MODULE, *arguments],
            env={**inherited, **coverage, **(env or {})},
            cwd=cwd,
            stdin=subprocess.PIPE,
            stdout=self.output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        self.cut_lifeline()
        self.output.close()

    def cut_lifeline(self) -> None:
        """End its standard input."""
        assert self.process.stdin is not None
        self.process.stdin.close()

    def address(self, seconds: float = 30.0) -> ServerAddress:
        """Where it listens, as soon as it tells."""
        address = wait_for(self._told_by_itself, seconds)
        assert address is not None
        return address

    def _told_by_itself(self) -> ServerAddress | None:
        address = read_address(self.directory)
        return address if address is not None and address.pid == self.process.pid else None


def wait_until_healthy(api_url: str) -> None:
    """Wait until a Prefect server answers: it takes connections before it can."""
    assert httpx.get(f"{api_url}/health", timeout=START_SECONDS).status_code == 200


def get_json(url: str) -> Any:
    """What a URL answers."""
    response = httpx.get(url, timeout=10.0)
    response.raise_for_status()
    return response.json()


@pytest.fixture(scope="session")
def prefect_home(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of an embedded server that has run before, to be copied: only the first start takes 10 s."""
    stash = request.config.stash
    if _KEY not in stash:
        home = tmp_path_factory.mktemp("prefect-home") / "prefect"
        with EmbeddedServer(home, free_port()) as server:
            wait_until_healthy(server.address().api_url)
            server.process.terminate()
            server.process.wait(10)
        stash[_KEY] = home
    return stash[_KEY]


def copy_home(home: Path, data: Path) -> Path:
    """A data directory with a copy of `home`; gives it."""
    shutil.copytree(home, data / "prefect")
    return data
