"""The universal endpoint end to end: every form in, every form out, two providers on two wires."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import openai
import orjson
import pytest
from openai.types.chat import ChatCompletionChunk

from openrouter_anthropic_server.conversion.universal_forms import INPUT_FORMS, OUTPUT_FORMS
from tests.api.calls import assert_error
from tests.api.universal_answers import read_chunks, said
from tests.server_process import UPSTREAM_KEY, Gateway, ServerProcess
from tests.upstreams.answers import Answer, ApiError, Text, Thinking, Tokens, ToolCall
from tests.upstreams.gemini import FakeGemini
from tests.upstreams.server import FakeAnthropic, FakeOpenRouter, FakeUpstream

CLAUDE, GPT, GEMINI = "claude-sonnet-4-5", "gpt-4o", "gemini-2.5-flash"
TOKENS = Tokens(input=100, output=40, cache_read=30)
ANSWER = Answer(
    (
        Text("Hello from the model."),
        ToolCall("get_weather", {"city": "Paris"}, "call_1"),
        ToolCall("now", {}, "call_2"),
    ),
    tokens=TOKENS,
)
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}

REQUESTS: dict[str, dict[str, Any]] = {
    "anthropic_messages": {
        "max_tokens": 99,
        "system": "Be brief.",
        "messages": [{"role": "user", "content": "Hello"}],
        "tools": [{"name": "get_weather", "input_schema": SCHEMA}, {"name": "now", "input_schema": SCHEMA}],
        "tool_choice": {"type": "any"},
    },
    "openai_chat": {
        "max_completion_tokens": 99,
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}],
        "tools": [
            {"type": "function", "function": {"name": name, "parameters": SCHEMA}} for name in ("get_weather", "now")
        ],
        "tool_choice": "required",
    },
    "google_gemini": {
        "generationConfig": {"maxOutputTokens": 99},
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [{"role": "user", "parts": [{"text": "Hello"}]}],
        "tools": [
            {
                "functionDeclarations": [
                    {"name": name, "parametersJsonSchema": SCHEMA} for name in ("get_weather", "now")
                ]
            }
        ],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY"}},
    },
}


@dataclass(frozen=True, slots=True)
class Universal:
    """A server with three providers: Anthropic on the messages wire, OpenAI and Google through LiteLLM."""

    server: ServerProcess
    anthropic: FakeUpstream
    openai: FakeUpstream
    google: FakeGemini
    client: httpx.Client

    def upstream(self, model: str) -> FakeUpstream:
        """The fake provider of a model."""
        return {CLAUDE: self.anthropic, GPT: self.openai, GEMINI: self.google}[model]

    def post(self, form: str, model: str = CLAUDE, **more: Any) -> httpx.Response:
        """Post the request of a form."""
        return self.client.post("/v1/universal/stream", json={**REQUESTS[form], "model": model, **more})

    def chunks(self, form: str, model: str = CLAUDE, **more: Any) -> list[dict[str, Any]]:
        """The chunks of a stream."""
        response = self.post(form, model, **more)
        assert response.status_code == 200, response.text
        return read_chunks(response.content)

    def run(self, response: httpx.Response) -> dict[str, Any]:
        """The log line of a request's run."""
        request_id, deadline = response.headers["request-id"], time.monotonic() + 5
        while time.monotonic() < deadline:
            for line in self.server.log().splitlines():
                if '"run_ended"' in line and request_id in line:
                    found: dict[str, Any] = orjson.loads(line)
                    return found
            time.sleep(0.02)
        raise TimeoutError(f"no run {request_id} in the log")


@pytest.fixture(scope="module")
def running() -> Iterator[Universal]:
    anthropic, chat, google = FakeAnthropic().start(), FakeOpenRouter().start(), FakeGemini().start()
    env = {
        "PROXY_BACKEND": "ANTHROPIC",
        "ANTHROPIC_UPSTREAM_API_KEY": UPSTREAM_KEY,
        "ANTHROPIC_UPSTREAM_BASE_URL": anthropic.base_url,
        "OPENAI_API_KEY": "sk-openai-of-the-tests",
        "OPENAI_UPSTREAM_BASE_URL": chat.base_url,
        "GEMINI_API_KEY": "google-key-of-the-tests",
        "GEMINI_UPSTREAM_BASE_URL": google.base_url,
        "PING_INTERVAL_SECONDS": "0.2",
    }
    server = ServerProcess(env).start()
    try:
        with httpx.Client(base_url=server.url, timeout=30) as client:
            yield Universal(server, anthropic, chat, google, client)
    finally:
        server.stop()
        anthropic.stop()
        chat.stop()
        google.stop()


@pytest.fixture
def universal(running: Universal) -> Universal:
    running.anthropic.reset()
    running.openai.reset()
    running.google.reset()
    return running


@pytest.mark.parametrize("model", [CLAUDE, GPT, GEMINI])
@pytest.mark.parametrize("out", OUTPUT_FORMS)
@pytest.mark.parametrize("form", INPUT_FORMS)
def test_every_form_in_is_answered_in_every_form(universal: Universal, form: str, out: str, model: str) -> None:
    universal.upstream(model).reply(ANSWER, ANSWER)
    expected = ("Hello from the model.", [("get_weather", {"city": "Paris"}), ("now", {})])

    chunks = universal.chunks(form, model, output_format=out)
    whole = universal.post(form, model, output_format=out, stream=False)

    assert said(chunks, out) == expected
    assert whole.status_code == 200
    assert said([whole.json()], out) == expected
    assert whole.headers["x-provider"] == {CLAUDE: "anthropic", GPT: "openai", GEMINI: "google"}[model]


@pytest.mark.parametrize("form", INPUT_FORMS)
def test_provider_gets_the_same_request_whatever_its_form(universal: Universal, form: str) -> None:
    universal.chunks(form)
    sent = universal.anthropic.last.body

    assert (sent["model"], sent["max_tokens"], sent["stream"]) == (CLAUDE, 99, True)
    assert sent["tool_choice"] == {"type": "any"}
    assert [(tool["name"], tool["input_schema"]) for tool in sent["tools"]] == [
        ("get_weather", SCHEMA),
        ("now", SCHEMA),
    ]
    assert sent["system"] in ("Be brief.", [{"type": "text", "text": "Be brief."}])
    assert sent["messages"][0]["content"] in ("Hello", [{"type": "text", "text": "Hello"}])
    assert not {"input_format", "output_format", "provider", "fallback"} & sent.keys()


def test_form_of_the_answer_is_that_of_the_request(universal: Universal) -> None:
    assert "candidates" in universal.post("google_gemini", stream=False).json()
    assert "choices" in universal.post("openai_chat", stream=False).json()
    assert universal.post("anthropic_messages", stream=False).json()["type"] == "message"


def test_official_client_of_openai_reads_the_stream(universal: Universal) -> None:
    universal.anthropic.reply(ANSWER)
    body = {**REQUESTS["openai_chat"], "model": CLAUDE, "stream_options": {"include_usage": True}}
    with openai.OpenAI(base_url=f"{universal.server.url}/v1", api_key="any", max_retries=0) as client:
        stream = client.post(
            "/universal/stream",
            cast_to=ChatCompletionChunk,
            body=body,
            stream=True,
            stream_cls=openai.Stream[ChatCompletionChunk],
        )
        chunks = list(stream)

    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks[:-1]) == "Hello from the model."
    assert [chunk.choices[0].finish_reason for chunk in chunks[:-1]][-1] == "tool_calls"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.prompt_tokens == 130


@pytest.mark.parametrize("ending", ["error", "cut"])
def test_official_client_of_openai_raises_what_fails_in_the_middle(universal: Universal, ending: Any) -> None:
    universal.anthropic.reply(Answer(ending=ending))
    with openai.OpenAI(base_url=f"{universal.server.url}/v1", api_key="any", max_retries=0) as client:
        stream = client.post(
            "/universal/stream",
            cast_to=ChatCompletionChunk,
            body={**REQUESTS["openai_chat"], "model": CLAUDE},
            stream=True,
            stream_cls=openai.Stream[ChatCompletionChunk],
        )
        with pytest.raises(openai.APIError):
            list(stream)


@pytest.mark.parametrize(("form", "kind"), [("google_gemini", "status"), ("anthropic_messages", "type")])
def test_failure_in_the_middle_is_an_event_of_the_form(universal: Universal, form: str, kind: str) -> None:
    universal.anthropic.reply(Answer(ending="error"))
    chunks = universal.chunks(form)

    assert kind in chunks[-1]["error"]


def test_failure_before_the_first_byte_is_a_status_and_an_envelope(universal: Universal) -> None:
    universal.anthropic.reply(ApiError(429, "slow down", "rate_limit_error", headers={"retry-after": "7"}))
    response = universal.post("openai_chat", fallback=False)

    assert_error(response, 429, "rate_limit_error")
    assert response.headers["retry-after"] == "7"


@pytest.mark.parametrize("stream", [True, False])
def test_another_provider_answers_where_one_fails(universal: Universal, stream: bool) -> None:
    universal.openai.reply(ApiError(500, "broken"))
    response = universal.post("openai_chat", GPT, stream=stream, output_format="universal")
    first = read_chunks(response.content)[0] if stream else response.json()

    assert response.status_code == 200
    assert (response.headers["x-provider"], response.headers["x-fallback-from"]) == ("anthropic", f"openai:{GPT}")
    assert (first["provider"], first["provider_metadata"]["fallback_from"]) == ("anthropic", f"openai:{GPT}")
    assert len(universal.anthropic.calls) == 1


def test_named_fallbacks_are_tried_in_their_order(universal: Universal) -> None:
    universal.openai.reply(ApiError(500, "broken"), ApiError(500, "broken"))
    response = universal.post("openai_chat", GPT, fallback=["openai:gpt-4.1", f"anthropic:{CLAUDE}"])

    assert response.headers["x-model"] == CLAUDE
    assert [call.model for call in universal.openai.calls] == [GPT, "gpt-4.1"]


def test_without_fallback_nobody_else_is_asked(universal: Universal) -> None:
    universal.openai.reply(ApiError(503, "broken"))
    response = universal.post("openai_chat", GPT, fallback=False)

    assert response.status_code >= 500
    assert universal.anthropic.calls == []


def test_after_the_first_content_nobody_else_is_asked(universal: Universal) -> None:
    universal.openai.reply(Answer((Text("Half of"),), ending="error"))
    chunks = universal.chunks("openai_chat", GPT)

    assert "error" in chunks[-1]
    assert universal.anthropic.calls == []


def test_a_mistake_of_the_client_is_no_reason_to_ask_another(universal: Universal) -> None:
    universal.openai.reply(ApiError(400, "bad", "invalid_request_error"))

    assert_error(universal.post("openai_chat", GPT), 400, "invalid_request_error")
    assert universal.anthropic.calls == []


@pytest.mark.parametrize("form", OUTPUT_FORMS)
def test_silence_is_filled_with_what_clients_of_the_form_pass_over(universal: Universal, form: str) -> None:
    universal.anthropic.reply(Answer(pause_before_content=0.5))
    response = universal.post("openai_chat", output_format=form)

    assert b"ping" in response.content.split(b"Hello")[0]
    if form != "anthropic_messages":
        assert b": ping\n\n" in response.content
        assert b"event: ping" not in response.content


def test_upstream_is_closed_when_the_client_leaves(universal: Universal) -> None:
    universal.anthropic.reply(Answer(ending="hold"))
    body = {**REQUESTS["openai_chat"], "model": CLAUDE}
    with universal.client.stream("POST", "/v1/universal/stream", json=body) as response:
        next(response.iter_bytes())

    assert universal.anthropic.last.wait_until_gone(5)


def test_upstream_is_closed_when_the_client_does_not_wait_for_a_whole_answer(universal: Universal) -> None:
    universal.anthropic.reply(Answer(pause_before_headers=20))
    body = {**REQUESTS["openai_chat"], "model": CLAUDE, "stream": False}
    with pytest.raises(httpx.ReadTimeout):
        universal.client.post("/v1/universal/stream", json=body, timeout=0.5)

    assert universal.anthropic.last.wait_until_gone(5)


def second_turn(universal: Universal, form: str, model: str) -> None:
    """Let the model think and call a tool, then send its answer back as it came, with a result."""
    universal.upstream(model).reply(Answer((Thinking("hm", "EtkBs=="), ToolCall("now", {}, "call_1"))))
    whole = universal.post(form, model, stream=False).json()
    history: dict[str, Any]
    if form == "openai_chat":
        message = whole["choices"][0]["message"]
        result = {"role": "tool", "tool_call_id": message["tool_calls"][0]["id"], "content": "12:00"}
        history = {"messages": [*REQUESTS[form]["messages"], message, result]}
    else:
        content = whole["candidates"][0]["content"]
        call = next(part["functionCall"] for part in content["parts"] if "functionCall" in part)
        answer = {"functionResponse": {"id": call["id"], "name": "now", "response": {"output": "12:00"}}}
        history = {"contents": [*REQUESTS[form]["contents"], content, {"role": "user", "parts": [answer]}]}
    response = universal.post(form, model, stream=False, fallback=False, **history)
    assert response.status_code == 200, response.text


@pytest.mark.parametrize("form", ["openai_chat", "google_gemini"])
def test_thinking_comes_back_with_its_signature(universal: Universal, form: str) -> None:
    second_turn(universal, form, CLAUDE)
    assistant, results = universal.anthropic.last.body["messages"][1:]

    assert assistant["content"][0] == {"type": "thinking", "thinking": "hm", "signature": "EtkBs=="}
    assert assistant["content"][1]["id"] == results["content"][0]["tool_use_id"] == "call_1"


@pytest.mark.parametrize("form", ["openai_chat", "google_gemini"])
def test_signature_of_geminis_own_comes_back_to_gemini(universal: Universal, form: str) -> None:
    second_turn(universal, form, GEMINI)
    turns = universal.google.last.body["contents"]
    parts = [part for turn in turns if turn["role"] == "model" for part in turn["parts"]]

    assert [part["thoughtSignature"] for part in parts if "function_call" in part] == ["EtkBs=="]
    assert universal.google.dummies == 0


def test_fallback_that_lacks_its_key_is_refused_with_the_setting_to_make(universal: Universal) -> None:
    response = universal.post("openai_chat", GPT, fallback=["google:gemini-2.5-pro", "mistral:mistral-large"])

    message = assert_error(response, 400, "invalid_request_error")
    assert message == "fallback.1: the provider 'mistral' is not configured: set MISTRAL_API_KEY"


def test_thoughts_that_gemini_clients_did_not_ask_for_stay_in_the_signature(universal: Universal) -> None:
    answer = Answer((Thinking("let me see"), Text("done")))
    config = {"maxOutputTokens": 5000, "thinkingConfig": {"thinkingBudget": 2000}}
    contents = [{"role": "user", "parts": [{"text": "hi"}]}]
    universal.anthropic.reply(answer, Answer((Text("more"),)))
    document = universal.post("google_gemini", stream=False, generationConfig=config).json()
    parts = document["candidates"][0]["content"]["parts"]
    history = [*contents, {"role": "model", "parts": parts}, *contents]
    universal.post("google_gemini", stream=False, generationConfig=config, contents=history)

    assert [part["text"] for part in parts] == ["", "done"]
    assert universal.anthropic.last.body["messages"][1]["content"][0]["thinking"] == "let me see"


@pytest.mark.parametrize("stream", [True, False])
def test_mistakes_are_told_in_the_names_of_the_form(universal: Universal, stream: bool) -> None:
    config = {"maxOutputTokens": "many"}
    response = universal.post("google_gemini", stream=stream, generationConfig=config)

    assert assert_error(response, 400, "invalid_request_error").startswith("generationConfig.maxOutputTokens: ")


def test_temperature_of_the_other_forms_goes_up_to_2(universal: Universal) -> None:
    universal.chunks("openai_chat", GPT, temperature=1.5)

    assert universal.openai.last.body["temperature"] == 1.5
    assert_error(universal.post("openai_chat", GPT, temperature=2.5), 400, "invalid_request_error", "temperature")


@pytest.mark.parametrize(
    ("more", "mentions"),
    [
        ({"model": "command-a-03-2025"}, "COHERE_API_KEY"),
        ({"provider": "mistral"}, "MISTRAL_API_KEY"),
        ({"provider": "acme"}, "'acme' is no provider"),
        ({"output_format": "soap"}, "output_format"),
        ({"n": 3}, "n: "),
        ({"messages": []}, "messages"),
    ],
)
def test_what_cannot_be_done_is_refused_with_what_to_change(
    universal: Universal, more: dict[str, Any], mentions: str
) -> None:
    assert_error(universal.post("openai_chat", **more), 400, "invalid_request_error", mentions)
    assert universal.anthropic.calls == universal.openai.calls == []


@pytest.mark.parametrize("stream", [True, False])
def test_run_has_its_tags_and_steps(universal: Universal, stream: bool) -> None:
    run = universal.run(universal.post("openai_chat", stream=stream, output_format="universal"))

    assert {"provider:anthropic", "format:in-openai_chat", "format:out-universal", f"model:{CLAUDE}"} <= set(
        run["tags"]
    )
    assert run["facts"]["input_tokens"] == 120
    assert [step["name"] for step in run["steps"]] == [
        "read_request",
        "validate_request",
        "resolve_model",
        "apply_parameters",
        "convert_request",
        *(["open_stream", "relay_stream", "write_answer"] if stream else ["call_backend", "convert_response"]),
        "account_usage",
        *([] if stream else ["write_answer"]),
    ]


def test_run_tells_who_answered_in_whose_place(universal: Universal) -> None:
    universal.openai.reply(ApiError(500, "broken"))
    run = universal.run(universal.post("openai_chat", GPT))

    assert [tag for tag in run["tags"] if tag.startswith("provider:")] == ["provider:anthropic"]
    assert run["facts"]["fallback_from"] == GPT
    assert "fall_back" in [step["name"] for step in run["steps"]]


def test_server_without_providers_answers_with_its_own_backend(http: httpx.Client, demo: Gateway) -> None:
    url = f"{demo.url}/v1/universal/stream"
    unnamed = http.post(url, json={**REQUESTS["openai_chat"], "model": GPT, "stream": False})
    named = http.post(url, json={**REQUESTS["openai_chat"], "model": "demo:anything", "stream": False})
    other = http.post(url, json={**REQUESTS["openai_chat"], "model": f"openai:{GPT}"})

    assert unnamed.headers["x-provider"] == named.headers["x-provider"] == "demo"
    assert unnamed.json()["choices"][0]["finish_reason"] == "tool_calls"
    assert_error(other, 400, "invalid_request_error", "OPENAI_API_KEY")


def test_providers_are_listed_with_what_they_need(universal: Universal) -> None:
    listed = universal.client.get("/v1/universal/providers").json()
    by_name = {provider["name"]: provider for provider in listed["providers"]}

    assert list(by_name) == ["anthropic", "openai", "google", "cohere", "mistral", "azure", "bedrock"]
    assert [name for name, provider in by_name.items() if provider["configured"]] == ["anthropic", "openai", "google"]
    assert by_name["openai"]["missing"] is None
    assert "COHERE_API_KEY" in by_name["cohere"]["missing"]
    assert [name for name, provider in by_name.items() if not provider["models"]] == ["azure"]
    assert by_name["anthropic"]["models"][0]["capabilities"]["context_window"] > 100_000
    assert listed["preference"] == ["anthropic", "openai", "google"]
    assert listed["output_formats"] == list(OUTPUT_FORMS)


def test_health_tells_how_each_provider_answered_last(universal: Universal) -> None:
    before = universal.client.get("/v1/universal/health").json()["providers"]
    universal.openai.reply(ApiError(429, "sk-secret slow down", "rate_limit_error"))
    universal.chunks("openai_chat", GPT)
    response = universal.client.get("/v1/universal/health")
    after = response.json()["providers"]

    assert after["openai"]["failures"] == before["openai"]["failures"] + 1
    assert after["anthropic"]["answers"] == before["anthropic"]["answers"] + 1
    assert (after["openai"]["last"]["error_type"], after["openai"]["last"]["status"]) == ("rate_limit_error", 429)
    assert after["anthropic"]["last"]["outcome"] == "ok"
    assert after["cohere"] == {"configured": False, "answers": 0, "failures": 0, "last": None, "last_error": None}
    assert "secret" not in response.text
