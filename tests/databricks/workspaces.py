"""Servers in front of a fake Databricks workspace: one for each wire and each form of its API."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import pytest

from tests.server_process import ServerProcess
from tests.upstreams.answers import Wire
from tests.upstreams.databricks import CLIENT_ID, CLIENT_SECRET, PERSONAL_TOKEN, FakeDatabricks

PRINCIPAL = {"DATABRICKS_CLIENT_ID": CLIENT_ID, "DATABRICKS_CLIENT_SECRET": CLIENT_SECRET}
PERSONAL = {"DATABRICKS_TOKEN": PERSONAL_TOKEN}


@dataclass(frozen=True, slots=True)
class Workspace:
    """A running server, the fake workspace behind it, and what is set to be used of it."""

    server: ServerProcess
    upstream: FakeDatabricks
    api: str
    wire: Wire

    @property
    def url(self) -> str:
        """Base URL for clients."""
        return self.server.url


@contextmanager
def running(api: str, wire: Wire, **env: str) -> Iterator[Workspace]:
    """A server and its workspace, for as long as the context lasts."""
    upstream = FakeDatabricks().start()
    settings = {
        "PROXY_BACKEND": "AZURE_DATABRICKS",
        "DATABRICKS_HOST": upstream.base_url,
        "DATABRICKS_API": api,
        "DATABRICKS_WIRE": "auto" if wire == "messages" else wire,
        "BIG_MODEL": "anthropic/claude-sonnet-4.5",
    }
    server = ServerProcess(settings | env)
    try:
        server.start()
        yield Workspace(server, upstream, api, wire)
    finally:
        server.stop()
        upstream.stop()


_LINES: tuple[tuple[str, Wire, dict[str, str]], ...] = (
    ("serving-endpoints", "messages", PRINCIPAL),
    ("serving-endpoints", "chat", PERSONAL),
    ("ai-gateway", "messages", PERSONAL),
    ("ai-gateway", "chat", PRINCIPAL),
)


@pytest.fixture(scope="session")
def started() -> Iterator[Callable[[int], Workspace]]:
    """Gives the workspace of a line, started on first use, with nothing left of earlier tests."""
    running_ones: dict[int, Workspace] = {}
    with ExitStack() as stack:

        def start(number: int) -> Workspace:
            if number not in running_ones:
                api, wire, env = _LINES[number]
                running_ones[number] = stack.enter_context(running(api, wire, **env))
            running_ones[number].upstream.reset()
            return running_ones[number]

        yield start


@pytest.fixture(params=range(4), ids=["endpoints-messages", "endpoints-chat", "gateway-messages", "gateway-chat"])
def workspace(request: pytest.FixtureRequest, started: Callable[[int], Workspace]) -> Workspace:
    """Each wire of each form of the API."""
    return started(request.param)


@pytest.fixture(params=[0, 1], ids=["messages", "chat"])
def endpoints(request: pytest.FixtureRequest, started: Callable[[int], Workspace]) -> Workspace:
    """Both wires of the serving endpoints."""
    return started(request.param)


@pytest.fixture
def messages(started: Callable[[int], Workspace]) -> Workspace:
    """The messages wire of the serving endpoints, as a service principal."""
    return started(0)


@pytest.fixture
def chat(started: Callable[[int], Workspace]) -> Workspace:
    """The chat wire of the serving endpoints, with a personal token."""
    return started(1)
