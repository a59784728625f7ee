"""OpenAI, Azure OpenAI and Mistral through the server: chat completions, each with rules of its own."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.api.calls import VERSION, assert_error, events
from tests.providers.talking import DOCUMENT, IMAGE, TOOLS, Talk, ask, kinds
from tests.server_process import ServerProcess
from tests.upstreams.answers import Answer, ApiError, Failure, Text, Thinking, Tokens, ToolCall
from tests.upstreams.openai_like import DEPLOYMENT, FakeAzure, FakeMistral, FakeOpenAi

KEYS = {
    "OPENAI_API_KEY": "openai-secret-of-the-tests",
    "MISTRAL_API_KEY": "mistral-secret-of-the-tests",
    "AZURE_OPENAI_API_KEY": "azure-secret-of-the-tests",
}
# What stands in the shell of somebody who uses this server, or debugs LiteLLM: none of it may count.
MISLEADING = {
    "OPENAI_BASE_URL": "http://127.0.0.1:9/v1",
    "OPENAI_API_BASE": "http://127.0.0.1:9/v1",
    "ANTHROPIC_BASE_URL": "http://127.0.0.1:9",
    "MISTRAL_API_BASE": "http://127.0.0.1:9",
    "AZURE_OPENAI_ENDPOINT": "http://127.0.0.1:9",
    "OPENAI_ORGANIZATION": "somebody-else",
    "OPENAI_ORG_ID": "somebody-else",
    "OPENAI_PROJECT_ID": "somebody-else",
    "OPENAI_ADMIN_KEY": "somebody-else",
    "OPENAI_CUSTOM_HEADERS": "X-Somebody: somebody-else",
    "AZURE_OPENAI_AD_TOKEN": "somebody-else",
    "AZURE_AD_TOKEN": "somebody-else",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "http_proxy": "http://127.0.0.1:9",
    "ALL_PROXY": "http://127.0.0.1:9",
    "AIOHTTP_TRUST_ENV": "True",
    "DISABLE_AIOHTTP_TRANSPORT": "True",
    "LITELLM_LOG": "DEBUG",
    "LITELLM_DROP_PARAMS": "true",
}
MODELS = {"openai": "openai:gpt-4.1", "azure": f"azure/{DEPLOYMENT}", "mistral": "mistral:mistral-large-2512"}
PROMPT = "a prompt that belongs into no log"


@dataclass(frozen=True, slots=True)
class Line:
    """The server, one provider behind it, and a model there."""

    server: ServerProcess
    upstream: FakeOpenAi
    model: str
    key: str

    @property
    def url(self) -> str:
        return self.server.url


@pytest.fixture(scope="module")
def _running() -> Iterator[tuple[ServerProcess, dict[str, FakeOpenAi]]]:
    fakes: dict[str, FakeOpenAi] = {"openai": FakeOpenAi(), "azure": FakeAzure(), "mistral": FakeMistral()}
    for fake in fakes.values():
        fake.start()
    env = {
        "PROXY_BACKEND": "DEMO",
        "UPSTREAM_TIMEOUT_SECONDS": "2",
        "STREAM_IDLE_SECONDS": "2",
        "OPENAI_UPSTREAM_BASE_URL": fakes["openai"].base_url,
        "AZURE_API_BASE": fakes["azure"].base_url,
        "MISTRAL_UPSTREAM_BASE_URL": fakes["mistral"].base_url,
    }
    server = ServerProcess(env | KEYS | MISLEADING).start()
    try:
        yield server, fakes
    finally:
        server.stop()
        for fake in fakes.values():
            fake.stop()


@pytest.fixture(params=["openai", "azure", "mistral"])
def line(_running: tuple[ServerProcess, dict[str, FakeOpenAi]], request: pytest.FixtureRequest) -> Line:
    return _line(_running, request.param)


@pytest.fixture
def mistral(_running: tuple[ServerProcess, dict[str, FakeOpenAi]]) -> Line:
    return _line(_running, "mistral")


@pytest.fixture
def openai(_running: tuple[ServerProcess, dict[str, FakeOpenAi]]) -> Line:
    return _line(_running, "openai")


def _line(running: tuple[ServerProcess, dict[str, FakeOpenAi]], provider: str) -> Line:
    server, fakes = running
    fakes[provider].reset()
    key = next(key for key in KEYS.values() if provider in key)
    return Line(server, fakes[provider], MODELS[provider], key)


both_ways = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


@both_ways
def test_text_comes_with_its_counts(http: httpx.Client, line: Line, stream: bool) -> None:
    line.upstream.reply(Answer((Text("Hello [DONE] there."),), tokens=Tokens(100, 30, cache_read=20)))

    message = Talk(http, line.url, line.model, stream=stream).say("Hi")

    assert message["content"] == [{"type": "text", "text": "Hello [DONE] there."}]
    assert message["stop_reason"] == "end_turn"
    usage = message["usage"]
    assert (usage["input_tokens"], usage["cache_read_input_tokens"], usage["output_tokens"]) == (100, 20, 30)


@both_ways
def test_parallel_calls_come_and_their_results_go_back(http: httpx.Client, line: Line, stream: bool) -> None:
    calls = (ToolCall("Read", {"path": "/a"}, "callReadA"), ToolCall("mcp__files__list-all", {}, "callListB"))
    line.upstream.reply(Answer((Text("I will look."), *calls)), Answer())
    talk = Talk(http, line.url, line.model, stream=stream, tools=TOOLS)

    message = talk.say("Look at the files.")

    assert kinds(message) == ["text", "tool_use", "tool_use"]
    assert [block["input"] for block in message["content"][1:]] == [{"path": "/a"}, {}]
    assert message["stop_reason"] == "tool_use"

    reminder = {"type": "text", "text": "Remember the rules.", "cache_control": {"type": "ephemeral"}}
    talk.say([*talk.results(message, [{"type": "text", "text": "empty"}, IMAGE]), reminder])

    sent = line.upstream.last.body["messages"][1:]
    assert [call["id"] for call in sent[0]["tool_calls"]] == ["callReadA", "callListB"]
    assert [each["tool_call_id"] for each in sent[1:3]] == ["callReadA", "callListB"]
    assert line.upstream.last.raw.count(b"data:image/png") == 2
    assert b"Remember the rules." in line.upstream.last.raw


@both_ways
def test_images_and_documents_are_sent(http: httpx.Client, line: Line, stream: bool) -> None:
    Talk(http, line.url, line.model, stream=stream).say([IMAGE, DOCUMENT, {"type": "text", "text": "What is this?"}])

    parts = line.upstream.last.body["messages"][0]["content"]
    assert [part["type"] for part in parts] == ["image_url", "file", "text"]


@both_ways
@pytest.mark.parametrize(
    ("status", "kind", "answered"),
    [
        (400, "invalid_request_error", 400),
        (401, "authentication_error", 401),
        (403, "permission_error", 403),
        (404, "not_found_error", 404),
        (429, "rate_limit_error", 429),
        (500, "api_error", 500),
        (503, "overloaded_error", 529),
    ],
)
def test_an_error_keeps_its_status_and_its_words(
    http: httpx.Client, line: Line, status: int, kind: str, answered: int, stream: bool
) -> None:
    said = f"This is why, {line.key}"
    line.upstream.reply(ApiError(status, said, "some_error", {"retry-after": "7"}))

    response = ask(http, line.url, line.model, stream=stream)

    assert_error(response, answered, kind)
    assert "secret" not in response.text
    assert "itellm" not in response.text
    if status != 401:
        assert "This is why" in response.json()["error"]["message"]
    assert response.headers["retry-after"] == "7"
    assert len(line.upstream.calls) == 1


def test_an_account_without_credit_is_no_rate_limit(http: httpx.Client, openai: Line) -> None:
    said = "You exceeded your current quota, please check your plan and billing details."
    openai.upstream.reply(ApiError(429, said, "insufficient_quota", metadata={"code": "insufficient_quota"}))

    assert_error(ask(http, openai.url, openai.model), 402, "billing_error")


@pytest.mark.parametrize("code", [502, "server_error", None])
def test_an_error_inside_a_stream_is_an_error_event(http: httpx.Client, line: Line, code: Any) -> None:
    failure = Failure(code=code, message="Provider disconnected")
    line.upstream.reply(Answer((Text("Hello"),), ending="error", failure=failure))

    last = list(events(ask(http, line.url, line.model, stream=True).content))[-1]

    assert last.name == "error"
    assert last.data["error"] == {"type": "api_error", "message": "Provider disconnected"}


@pytest.mark.parametrize("ending", ["cut", "end", "hold"])
def test_a_stream_that_breaks_off_is_no_finished_message(http: httpx.Client, line: Line, ending: Any) -> None:
    line.upstream.reply(Answer((Text("Hello"),), ending=ending))

    found = list(events(ask(http, line.url, line.model, stream=True).content))

    assert found[-1].name == "error"
    assert found[-1].data["error"]["type"] == ("timeout_error" if ending == "hold" else "api_error")


@both_ways
def test_a_silent_upstream_is_a_timeout(http: httpx.Client, line: Line, stream: bool) -> None:
    line.upstream.reply(Answer(pause_before_headers=3))

    assert_error(ask(http, line.url, line.model, stream=stream), 504, "timeout_error")


def test_the_upstream_is_dropped_when_the_client_leaves(http: httpx.Client, line: Line) -> None:
    line.upstream.reply(Answer((Text("Hello"),), ending="hold"))
    request = {"model": line.model, "max_tokens": 9, "stream": True, "messages": [{"role": "user", "content": "Hi"}]}

    with http.stream("POST", f"{line.url}/v1/messages", json=request, headers=VERSION) as response:
        next(piece for piece in response.iter_text() if "Hello"[:2] in piece)
        left = time.monotonic()

    assert line.upstream.last.wait_until_gone(1.5)
    assert (line.upstream.last.gone_at or 0) - left < 1.0


@both_ways
def test_nothing_of_litellm_shows(http: httpx.Client, line: Line, stream: bool) -> None:
    Talk(http, line.url, line.model, stream=stream).say(PROMPT)

    headers = line.upstream.last.headers
    assert "itellm" not in str(headers)
    assert "openrouter-anthropic-server/" in headers["user-agent"]
    assert PROMPT not in line.server.log()


@both_ways
def test_nothing_of_the_shell_goes_along(http: httpx.Client, line: Line, stream: bool) -> None:
    Talk(http, line.url, line.model, stream=stream).say("Hi")

    headers = line.upstream.last.headers
    sent = {name: headers[name] for name in ("authorization", "api-key") if name in headers}
    azure = line.model == MODELS["azure"]
    assert sent == ({"api-key": line.key} if azure else {"authorization": f"Bearer {line.key}"})
    assert "somebody-else" not in str(headers)


@pytest.mark.parametrize(
    ("stop", "stop_reason"), [("max_tokens", "max_tokens"), ("refusal", "refusal"), ("end_turn", "end_turn")]
)
@both_ways
def test_stop_reasons(http: httpx.Client, line: Line, stop: Any, stop_reason: str, stream: bool) -> None:
    line.upstream.reply(Answer(stop=stop))

    assert Talk(http, line.url, line.model, stream=stream).say("Hi")["stop_reason"] == stop_reason


def test_reasoning_models_of_openai_get_the_parameters_that_they_take(http: httpx.Client, openai: Line) -> None:
    response = ask(
        http,
        openai.url,
        "openai:gpt-5",
        temperature=1,
        thinking={"type": "enabled", "budget_tokens": 2000},
        metadata={"user_id": "somebody"},
    )

    assert response.status_code == 200, response.text
    body = openai.upstream.last.body
    assert body["max_completion_tokens"] == 4000
    assert body["reasoning_effort"] == "low"
    assert not {"max_tokens", "temperature", "thinking", "reasoning"} & body.keys()


@both_ways
def test_mistral_thinks_and_gets_no_thinking_back(http: httpx.Client, mistral: Line, stream: bool) -> None:
    mistral.upstream.reply(Answer((Thinking("Two and two.", ""), Text("Four."))), Answer())
    talk = Talk(http, mistral.url, "mistral:magistral-medium-latest", stream=stream)

    message = talk.say("Two and two?")
    talk.say("And one more?")

    assert kinds(message) == ["thinking", "text"]
    assert message["content"][0]["thinking"] == "Two and two."
    assert b"Two and two." not in mistral.upstream.last.raw.partition(b"assistant")[2]


def test_mistral_gets_ids_of_nine_letters_a_seed_and_a_prefix(http: httpx.Client, mistral: Line) -> None:
    messages = [
        {"role": "user", "content": "Look."},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1", "name": "Read", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "empty"}]},
        {"role": "assistant", "content": "It is"},
    ]

    assert ask(http, mistral.url, mistral.model, messages=messages, tools=TOOLS, seed=7).status_code == 200

    body = mistral.upstream.last.body
    (call,) = body["messages"][1]["tool_calls"]
    assert body["messages"][2]["tool_call_id"] == call["id"] != "toolu_1"
    assert body["messages"][-1]["prefix"] is True
    assert body["random_seed"] == 7


def test_a_provider_without_its_key_is_named(http: httpx.Client, openai: Line) -> None:
    response = ask(http, openai.url, "cohere:command-a-03-2025")

    assert_error(response, 400, "invalid_request_error")
    assert "COHERE_API_KEY" in response.json()["error"]["message"]
