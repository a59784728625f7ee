"""One real server in front of the fakes of Gemini, Cohere and Bedrock, for all tests of this folder."""

from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest

from tests.gateway_fixtures import http
from tests.server_process import ServerProcess
from tests.upstreams.bedrock import FakeBedrock
from tests.upstreams.cohere import FakeCohere
from tests.upstreams.gemini import FakeGemini

__all__ = ["http"]

KEYS = {
    "GEMINI_API_KEY": "gemini-secret-of-the-tests",
    "COHERE_API_KEY": "cohere-secret-of-the-tests",
    "AWS_ACCESS_KEY_ID": "AKIASECRETOFTHETESTS",
    "AWS_SECRET_ACCESS_KEY": "aws-secret-of-the-tests",
    "AWS_REGION": "eu-central-1",
}
SETTINGS = {"PROXY_BACKEND": "DEMO", "UPSTREAM_TIMEOUT_SECONDS": "5", "STREAM_IDLE_SECONDS": "2"}
# What stands in the shell of somebody who uses AWS for other things, or a proxy: none of it may count.
MISLEADING = {
    "AWS_PROFILE": "a-profile-that-is-not-there",
    "AWS_DEFAULT_PROFILE": "a-profile-that-is-not-there",
    "AWS_PROFILE_NAME": "a-profile-that-is-not-there",
    "AWS_ROLE_NAME": "somebody-else",
    "AWS_SESSION_NAME": "somebody-else",
    "AWS_WEB_IDENTITY_TOKEN": "somebody-else",
    "AWS_BEDROCK_RUNTIME_ENDPOINT": "http://127.0.0.1:9",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "http_proxy": "http://127.0.0.1:9",
    "AIOHTTP_TRUST_ENV": "True",
}


@dataclass(frozen=True, slots=True)
class Providers:
    """The server's address, and the fakes behind it."""

    url: str
    gemini: FakeGemini
    cohere: FakeCohere
    bedrock: FakeBedrock


@pytest.fixture(scope="session")
def _running() -> Iterator[Providers]:
    gemini, cohere, bedrock = FakeGemini().start(), FakeCohere().start(), FakeBedrock().start()
    addresses = {
        "GEMINI_UPSTREAM_BASE_URL": gemini.base_url,
        "COHERE_UPSTREAM_BASE_URL": cohere.base_url,
        "BEDROCK_UPSTREAM_BASE_URL": bedrock.base_url,
    }
    server = ServerProcess(SETTINGS | KEYS | MISLEADING | addresses).start()
    try:
        httpx.get(f"{server.url}/health", timeout=5.0)
        yield Providers(server.url, gemini, cohere, bedrock)
    finally:
        server.stop()
        for fake in (gemini, cohere, bedrock):
            fake.stop()


@pytest.fixture
def providers(_running: Providers) -> Providers:
    """The fakes are reset before each test."""
    for fake in (_running.gemini, _running.cohere, _running.bedrock):
        fake.reset()
    return _running
