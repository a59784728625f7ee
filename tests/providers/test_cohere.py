"""Cohere through the server: its own fields, its plans, its events, which LiteLLM cannot read."""

from typing import Any

import httpx
import pytest

from tests.api.calls import assert_error, events
from tests.providers.conftest import Providers
from tests.providers.talking import DOCUMENT, IMAGE, PNG, THINKING, TOOLS, Talk, ask, kinds
from tests.upstreams.answers import Answer, ApiError, Text, Thinking, Tokens, ToolCall

COMMAND = "cohere:command-a-03-2025"
REASONS = "cohere:command-a-reasoning-08-2025"
SEES = "cohere:command-a-vision-07-2025"
TWO_CALLS = Answer(
    (
        Text("I will look at both."),
        ToolCall("Read", {"path": "/a"}, "Read_x1"),
        ToolCall("mcp__files__list-all", {}, "mcp_x2"),
    )
)

both_ways = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


@both_ways
def test_text_comes_with_its_counts(http: httpx.Client, providers: Providers, stream: bool) -> None:
    providers.cohere.reply(Answer((Text("Hello there."),), tokens=Tokens(100, 30, cache_read=20)))

    message = Talk(http, providers.url, COMMAND, stream=stream).say("Hi")

    assert message["content"] == [{"type": "text", "text": "Hello there."}]
    assert message["stop_reason"] == "end_turn"
    usage = message["usage"]
    assert (usage["input_tokens"], usage["cache_read_input_tokens"], usage["output_tokens"]) == (100, 20, 30)


@both_ways
def test_a_plan_and_parallel_calls_come_and_go_back(http: httpx.Client, providers: Providers, stream: bool) -> None:
    providers.cohere.reply(TWO_CALLS, Answer((Text("Both are empty."),)))
    talk = Talk(http, providers.url, COMMAND, stream=stream, tools=TOOLS)

    message = talk.say("Look at the files.")

    assert kinds(message) == ["text", "tool_use", "tool_use"]
    assert message["content"][0]["text"] == "I will look at both."
    assert [block["input"] for block in message["content"][1:]] == [{"path": "/a"}, {}]
    assert message["stop_reason"] == "tool_use"

    talk.say(talk.results(message))

    turn, *results = providers.cohere.last.body["messages"][1:]
    assert turn["tool_plan"] == "I will look at both."
    assert [call["id"] for call in turn["tool_calls"]] == ["Read_x1", "mcp_x2"]
    assert [result["tool_call_id"] for result in results] == ["Read_x1", "mcp_x2"]


@both_ways
def test_thinking_comes_as_thinking(http: httpx.Client, providers: Providers, stream: bool) -> None:
    providers.cohere.reply(Answer((Thinking("Two and two.", ""), Text("Four."))), Answer())
    talk = Talk(http, providers.url, REASONS, stream=stream, thinking=THINKING)

    message = talk.say("Two and two?")

    assert kinds(message) == ["thinking", "text"]
    assert message["content"][0]["thinking"] == "Two and two."
    assert providers.cohere.last.body["thinking"] == {"type": "enabled", "token_budget": 2000}
    talk.say("And one more?")
    assert b"Two and two." not in providers.cohere.last.raw.partition(b"assistant")[2]


def test_a_model_that_does_not_think_is_not_asked_to(http: httpx.Client, providers: Providers) -> None:
    assert ask(http, providers.url, COMMAND, thinking=THINKING).status_code == 200
    assert "thinking" not in providers.cohere.last.body


@pytest.mark.parametrize(
    ("finish", "stop_reason"),
    [("MAX_TOKENS", "max_tokens"), ("STOP_SEQUENCE", "stop_sequence"), ("ERROR_TOXIC", "refusal")],
)
@both_ways
def test_finish_reasons_are_told(
    http: httpx.Client, providers: Providers, finish: str, stop_reason: str, stream: bool
) -> None:
    providers.cohere.cohere.finish = finish

    assert Talk(http, providers.url, COMMAND, stream=stream).say("Hi")["stop_reason"] == stop_reason


@pytest.mark.parametrize("finish", ["ERROR", "TIMEOUT"])
def test_an_answer_that_cohere_gave_up_is_an_error(http: httpx.Client, providers: Providers, finish: str) -> None:
    providers.cohere.cohere.finish = finish

    assert_error(ask(http, providers.url, COMMAND), 502, "api_error", finish)
    assert list(events(ask(http, providers.url, COMMAND, stream=True).content))[-1].name == "error"


@pytest.mark.parametrize("ending", ["cut", "end", "error"])
def test_a_stream_that_breaks_off_is_no_complete_answer(http: httpx.Client, providers: Providers, ending: Any) -> None:
    providers.cohere.reply(Answer((Text("Half of"),), ending=ending))

    assert list(events(ask(http, providers.url, COMMAND, stream=True).content))[-1].name == "error"


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        ({"type": "auto"}, None),
        ({"type": "any"}, "REQUIRED"),
        ({"type": "none"}, "NONE"),
        ({"type": "tool", "name": "Read", "disable_parallel_tool_use": True}, "REQUIRED"),
    ],
)
def test_the_choice_of_tools_is_sent_in_coheres_words(
    http: httpx.Client, providers: Providers, choice: dict[str, Any], sent: str | None
) -> None:
    response = ask(http, providers.url, COMMAND, tools=TOOLS, tool_choice=choice)

    assert response.status_code == 200, response.text
    body = providers.cohere.last.body
    assert body.get("tool_choice") == sent
    names = [tool["function"]["name"] for tool in body["tools"]]
    assert names == (["Read"] if choice["type"] == "tool" else ["Read", "mcp__files__list-all"])


def test_sampling_goes_under_coheres_names(http: httpx.Client, providers: Providers) -> None:
    more = {"temperature": 0.5, "top_p": 0.9, "top_k": 40, "stop_sequences": ["END"], "system": "Be brief."}

    response = ask(http, providers.url, COMMAND, **more)

    assert response.status_code == 200, response.text
    body = providers.cohere.last.body
    assert (body["temperature"], body["p"], body["k"], body["stop_sequences"]) == (0.5, 0.9, 40, ["END"])
    assert body["messages"][0] == {"role": "system", "content": "Be brief."}


def test_images_go_to_models_that_see(http: httpx.Client, providers: Providers) -> None:
    Talk(http, providers.url, SEES, stream=False).say([IMAGE, {"type": "text", "text": "What is it?"}])

    image = providers.cohere.last.body["messages"][0]["content"][0]
    assert image == {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}


def test_a_pdf_is_refused_by_name(http: httpx.Client, providers: Providers) -> None:
    messages = [{"role": "user", "content": [DOCUMENT]}]

    assert_error(ask(http, providers.url, SEES, messages=messages), 400, "invalid_request_error", "messages")
    assert providers.cohere.calls == []


@pytest.mark.parametrize(
    ("status", "answered", "kind"),
    [(400, 400, "invalid_request_error"), (404, 404, "not_found_error"), (429, 429, "rate_limit_error")],
)
@both_ways
def test_errors_keep_status_and_message(
    http: httpx.Client, providers: Providers, status: int, answered: int, kind: str, stream: bool
) -> None:
    providers.cohere.reply(ApiError(status, "Something about it.", headers={"retry-after": "7"}))

    response = ask(http, providers.url, COMMAND, stream=stream)

    message = assert_error(response, answered, kind, "Something about it.")
    assert "litellm" not in message.lower()
    if status == 429:
        assert response.headers["retry-after"] == "7"


def test_sources_without_an_address_do_not_hurt(http: httpx.Client, providers: Providers) -> None:
    source = {"type": "tool", "id": "Read_x1:0", "tool_output": {"content": "x"}}
    page = {"type": "document", "id": "d", "document": {"url": "https://example.org/a", "title": "A"}}
    providers.cohere.cohere.citations = ({"start": 0, "end": 5, "text": "Hello", "sources": [source, page]},)

    for stream in (False, True):
        message = Talk(http, providers.url, COMMAND, stream=stream).say("Hi")
        assert message["content"][0]["text"].startswith("Hello")


def test_leaving_closes_the_connection_to_cohere(http: httpx.Client, providers: Providers) -> None:
    providers.cohere.reply(Answer((Text("A long story"),), ending="hold"))
    request = {"model": COMMAND, "max_tokens": 10, "messages": [{"role": "user", "content": "Hi"}], "stream": True}

    with http.stream("POST", f"{providers.url}/v1/messages", json=request) as response:
        next(response.iter_bytes())

    assert providers.cohere.last.wait_until_gone(3.0)
