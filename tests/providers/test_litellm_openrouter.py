"""OpenRouter through LiteLLM: sessions with thinking before a fake that refuses signatures it did not give."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from tests.api.calls import assert_error
from tests.providers.talking import THINKING, TOOLS, Talk, ask, kinds
from tests.server_process import ServerProcess
from tests.upstreams.answers import Answer, ApiError, Text, Thinking, ToolCall
from tests.upstreams.received import Received
from tests.upstreams.server import FakeOpenRouter, Reply

CLAUDE = "anthropic/claude-sonnet-4.5"
KEY = "sk-or-v1-secret-of-the-tests"
SETTINGS = {
    "PROXY_BACKEND": "LITELLM_OPENROUTER",
    "OPENROUTER_API_KEY": KEY,
    "OPENROUTER_APP_URL": "https://app.example",
    "OPENROUTER_APP_TITLE": "My App",
    "OPENAI_API_KEY": "openai-secret-of-the-tests",
    "OPENAI_UPSTREAM_BASE_URL": "http://127.0.0.1:9/v1",
    "ANTHROPIC_BASE_URL": "http://127.0.0.1:9",
    "OPENROUTER_API_BASE": "http://127.0.0.1:9",
    "OR_APP_NAME": "somebody else",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "http_proxy": "http://127.0.0.1:9",
}


@dataclass(slots=True)
class Signer:
    """A model that thinks before each call; it refuses signatures that it did not hand out, and missing ones."""

    given: list[str] = field(default_factory=list)

    def __call__(self, received: Received) -> Reply:
        for signature in _signatures(received.body["messages"]):
            if signature not in self.given:
                return ApiError(400, "messages.1.content.0: Invalid `signature` in `thinking` block")
        self.given.append(f"EtSigned{len(self.given)}==")
        thought = Thinking(f"Thought {len(self.given)}.", self.given[-1])
        if len(self.given) > 3:
            return Answer((thought, Text("All done.")))
        number = len(self.given)
        return Answer((thought, ToolCall("Read", {"path": f"/{number}"}, f"toolu_{number}")))


def _signatures(messages: list[dict[str, Any]]) -> Iterator[str | None]:
    for message in messages:
        content = message.get("content")
        blocks = content if isinstance(content, list) else []
        yield from (block.get("signature") for block in blocks if block["type"] == "thinking")
        yield from (detail.get("signature") for detail in message.get("reasoning_details") or ())


@pytest.fixture(scope="module", params=["auto", "chat"])
def running(request: pytest.FixtureRequest) -> Iterator[tuple[ServerProcess, FakeOpenRouter, str]]:
    fake = FakeOpenRouter().start()
    env = {"OPENROUTER_BASE_URL": fake.base_url, "OPENROUTER_WIRE": request.param}
    server = ServerProcess(SETTINGS | env).start()
    try:
        yield server, fake, request.param
    finally:
        server.stop()
        fake.stop()


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_thinking_and_tools_go_on_turn_after_turn(
    http: httpx.Client, running: tuple[ServerProcess, FakeOpenRouter, str], stream: bool
) -> None:
    server, fake, _ = running
    fake.reset()
    signer = fake.handler = Signer()
    talk = Talk(http, server.url, CLAUDE, stream=stream, tools=TOOLS, thinking=THINKING)

    message = talk.say("Read the files.")
    while message["stop_reason"] == "tool_use":
        assert kinds(message) == ["thinking", "tool_use"]
        message = talk.say(talk.results(message))

    assert kinds(message) == ["thinking", "text"]
    assert [turn["content"][0]["signature"] for turn in talk.messages[1::2]] == signer.given
    assert list(_signatures(fake.last.body["messages"])) == signer.given[:-1]


def test_it_goes_over_the_wire_that_is_set_with_our_names(
    http: httpx.Client, running: tuple[ServerProcess, FakeOpenRouter, str]
) -> None:
    server, fake, wire = running
    fake.reset()

    response = ask(http, server.url, CLAUDE, provider={"order": ["anthropic"]}, session_id="one")

    assert response.headers["x-backend"] == "litellm_openrouter"
    assert fake.last.path.endswith("/messages" if wire == "auto" else "/chat/completions")
    assert fake.last.body["provider"] == {"order": ["anthropic"]}
    assert fake.last.body["session_id"] == "one"
    headers = fake.last.headers
    assert headers["http-referer"] == "https://app.example"
    assert "My App" in (headers.get("x-title"), headers.get("x-openrouter-title"))
    assert "itellm" not in str(headers)


def test_other_models_are_converted_and_listed(
    http: httpx.Client, running: tuple[ServerProcess, FakeOpenRouter, str]
) -> None:
    server, fake, _ = running
    fake.reset()

    assert ask(http, server.url, "openrouter/openai/gpt-5").status_code == 200

    assert fake.last.path.endswith("/chat/completions")
    assert fake.last.model == "openai/gpt-5"
    listed = http.get(f"{server.url}/v1/models").json()["data"]
    assert any("gpt-5" in model["id"] for model in listed)


def test_a_provider_beside_it_is_reached_by_its_prefix_alone(
    http: httpx.Client, running: tuple[ServerProcess, FakeOpenRouter, str]
) -> None:
    server, fake, _ = running
    fake.reset()

    response = ask(http, server.url, "openai:gpt-5")

    assert_error(response, 502, "api_error")
    assert fake.calls == []
    assert ask(http, server.url, "openai/gpt-5").headers["x-backend"] == "litellm_openrouter"
