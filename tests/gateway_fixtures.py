"""Fixtures of the tests that talk to running servers; a folder's conftest imports them."""

from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest

from tests.server_process import Gateway, Gateways
from tests.upstreams.answers import Wire
from tests.upstreams.server import FakeUpstream

_KEY = pytest.StashKey[Gateways]()

MODELS: dict[Wire, str] = {"messages": "anthropic/claude-sonnet-4.5", "chat": "openai/gpt-5"}
"""With `OPENROUTER_WIRE=auto` the model's name decides the wire."""

TUNED = {
    "PING_INTERVAL_SECONDS": "0.2",
    "UPSTREAM_TIMEOUT_SECONDS": "3",
    "STREAM_IDLE_SECONDS": "3",
    "MODEL_ALIASES": '{"my-fast-*": "qwen/qwen3-coder"}',
    "OPENROUTER_APP_URL": "https://app.example",
    "OPENROUTER_APP_TITLE": "My App",
}
"""Settings of a server in front of OpenRouter where the defaults would not show, or be slow to show."""

LOCKED = {
    "SERVER_API_KEYS": "first-key, second-key",
    "CORS_ORIGINS": "https://app.example,https://two.example",
    "MAX_REQUEST_MB": "1",
}
"""Settings of a demo server with every restriction on."""


@dataclass(frozen=True, slots=True)
class Line:
    """One wire to test over: server, upstream, and a model that takes this wire."""

    gateway: Gateway
    upstream: FakeUpstream
    wire: Wire
    model: str

    @property
    def url(self) -> str:
        """Base URL for clients."""
        return self.gateway.url


@pytest.fixture(scope="session")
def gateways(request: pytest.FixtureRequest) -> Iterator[Gateways]:
    """Servers by their settings; one set for the whole run, whatever folder asks."""
    stash = request.config.stash
    yield stash.setdefault(_KEY, Gateways())
    # At the end of the session, not later: coverage wants the servers to be gone when it reports.
    stash[_KEY].close()


@pytest.fixture(params=["messages", "chat"])
def line(request: pytest.FixtureRequest, gateways: Gateways) -> Line:
    """Each test runs over both wires of OpenRouter."""
    return open_line(gateways, request.param)


@pytest.fixture
def messages_line(gateways: Gateways) -> Line:
    """The messages wire of OpenRouter."""
    return open_line(gateways, "messages")


@pytest.fixture
def chat_line(gateways: Gateways) -> Line:
    """The chat wire of OpenRouter."""
    return open_line(gateways, "chat")


@pytest.fixture
def anthropic_line(gateways: Gateways) -> Line:
    """An upstream in Anthropic's own form."""
    gateway = gateways.anthropic()
    assert gateway.upstream is not None
    return Line(gateway, gateway.upstream, "messages", "claude-sonnet-4-5")


@pytest.fixture
def demo(gateways: Gateways) -> Gateway:
    """A server with the offline demo model."""
    return gateways.demo()


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    """A plain HTTP client with bounded waits."""
    with httpx.Client(timeout=httpx.Timeout(20.0, connect=5.0)) as client:
        yield client


def open_line(gateways: Gateways, wire: Wire, **env: str) -> Line:
    """A line over `wire` to a server with more settings than the default."""
    gateway = gateways.openrouter(**env)
    assert gateway.upstream is not None
    return Line(gateway, gateway.upstream, wire, MODELS[wire])
