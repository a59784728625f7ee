"""The official Python SDK, unmodified and with strict validation, against the running server."""

import base64
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import anthropic
import pytest
from anthropic import beta_tool
from pydantic import BaseModel

from tests.clients.scenarios import CALLS, SIGNATURE, by_prompt
from tests.gateway_fixtures import LOCKED, Line, open_line
from tests.server_process import Gateway, Gateways
from tests.upstreams.answers import Answer, ApiError, RedactedThinking, Text, Thinking, ToolCall
from tests.upstreams.chat_wire import Quirks

TOOLS: Any = [
    {"name": "get_weather", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}}},
    {"name": "list_cities", "input_schema": {"type": "object", "properties": {}}},
]


class Person(BaseModel):
    """The structure that the structured-output tests ask for."""

    name: str
    age: int


Connect = Callable[..., anthropic.Anthropic]


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Makes clients that validate strictly, do not retry, and are closed after the test."""
    with ExitStack() as stack:

        def made(url: str, **more: Any) -> anthropic.Anthropic:
            options: dict[str, Any] = {
                "api_key": "test-key",
                "max_retries": 0,
                "timeout": 20.0,
                "_strict_response_validation": True,
            }
            return stack.enter_context(anthropic.Anthropic(base_url=url, **(options | more)))

        yield made


def aconnect(url: str) -> anthropic.AsyncAnthropic:
    return anthropic.AsyncAnthropic(
        base_url=url, api_key="test-key", max_retries=0, timeout=20.0, _strict_response_validation=True
    )


def ask(model: str, scenario: str, **more: Any) -> dict[str, Any]:
    return {"model": model, "max_tokens": 2048, "messages": [{"role": "user", "content": scenario}], **more}


@pytest.fixture(autouse=True)
def _scenarios(request: pytest.FixtureRequest) -> None:
    if "line" in request.fixturenames:
        request.getfixturevalue("line").upstream.handler = by_prompt


def test_a_message_is_complete(connect: Connect, line: Line) -> None:
    message = connect(line.url).messages.create(**ask(line.model, "scenario text"))

    assert message.content[0].type == "text"
    assert message.content[0].text == "Grüße, 世界 \U0001f30d!"
    assert message.stop_reason == "end_turn"
    assert message.usage.input_tokens == 11
    assert message.usage.cache_read_input_tokens == 5
    assert message._request_id
    assert line.upstream.last.headers["authorization"] != "Bearer test-key"


async def test_the_async_client_gets_the_same(line: Line) -> None:
    async with aconnect(line.url) as client:
        message = await client.messages.create(**ask(line.model, "scenario text"))
        async with client.messages.stream(**ask(line.model, "scenario text")) as stream:
            text = "".join([piece async for piece in stream.text_stream])
            streamed = await stream.get_final_message()

    assert text == streamed.content[0].text == message.content[0].text  # type: ignore[union-attr]
    assert streamed.usage.input_tokens == message.usage.input_tokens
    assert streamed.usage.output_tokens == message.usage.output_tokens


def test_raw_events_come_in_order(connect: Connect, line: Line) -> None:
    events = list(connect(line.url).messages.create(**ask(line.model, "scenario text"), stream=True))

    kinds = [event.type for event in events]
    assert kinds[:2] == ["message_start", "content_block_start"]
    assert kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"]


def test_the_accumulator_builds_parallel_tool_calls(connect: Connect, line: Line) -> None:
    with connect(line.url).messages.stream(**ask(line.model, "scenario tools", tools=TOOLS)) as stream:
        for _ in stream:
            pass
        message = stream.get_final_message()

    calls = [(block.id, block.name, block.input) for block in message.content if block.type == "tool_use"]
    assert calls == [(call.id, call.name, call.input) for call in CALLS]
    assert message.stop_reason == "tool_use"


def test_tool_results_go_back_in_any_order(connect: Connect, line: Line) -> None:
    client = connect(line.url)
    request = ask(line.model, "scenario tools", tools=TOOLS)
    message = client.messages.create(**request)
    results: list[dict[str, Any]] = [
        {"type": "tool_result", "tool_use_id": CALLS[2].id, "content": [{"type": "text", "text": "cities"}]},
        {"type": "tool_result", "tool_use_id": CALLS[1].id, "content": "it failed", "is_error": True},
        {"type": "tool_result", "tool_use_id": CALLS[0].id, "content": "sunny"},
        {"type": "text", "text": "go on"},
    ]
    assistant = {"role": "assistant", "content": message.content}
    request["messages"] = [*request["messages"], assistant, {"role": "user", "content": results}]

    final = client.messages.create(**request)

    assert final.stop_reason == "end_turn"
    sent = str(line.upstream.last.body["messages"])
    for expected in ("cities", "it failed", "sunny", "go on", "Zürich", *(call.id for call in CALLS)):
        assert expected in sent


@pytest.fixture(params=["messages", "chat"])
def claude(request: pytest.FixtureRequest, gateways: Gateways) -> Line:
    """A Claude model over each wire."""
    line = open_line(gateways, "messages", OPENROUTER_WIRE=request.param)
    line.upstream.handler = by_prompt
    return Line(line.gateway, line.upstream, request.param, line.model)


def replay(connect: Connect, line: Line, *, stream: bool) -> tuple[Any, dict[str, Any]]:
    """Ask for thinking, send the answer back; gives the answer and the assistant turn the upstream then got."""
    client = connect(line.url)
    request = ask(line.model, "scenario thinking", thinking={"type": "adaptive"})
    if stream:
        with client.messages.stream(**request) as events:
            message: Any = events.get_final_message()
    else:
        message = client.messages.create(**request)
    follow_up = [{"role": "assistant", "content": message.content}, {"role": "user", "content": "go on"}]
    client.messages.create(**(request | {"messages": request["messages"] + follow_up}))
    return message, line.upstream.last.body["messages"][1]


@pytest.mark.parametrize("stream", [False, True])
def test_thinking_goes_back_with_its_signature(connect: Connect, claude: Line, stream: bool) -> None:
    message, assistant = replay(connect, claude, stream=stream)

    assert [block.type for block in message.content] == ["thinking", "text"]
    assert message.content[0].thinking == "First I think."
    assert message.content[0].signature == SIGNATURE
    if claude.wire == "messages":
        assert assistant["content"][0] == {"type": "thinking", "thinking": "First I think.", "signature": SIGNATURE}
    else:
        [detail] = assistant["reasoning_details"]
        assert detail["text"] == "First I think."
        assert detail["signature"] == SIGNATURE
        assert detail["format"] == "anthropic-claude-v1"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("model", "vendor"),
    [
        ("openai/gpt-5", "openai-responses-v1"),
        ("google/gemini-2.5-pro", "google-gemini-v1"),
        ("x-ai/grok-4", "xai-responses-v1"),
    ],
)
def test_reasoning_of_other_vendors_goes_back_whole(
    connect: Connect, chat_line: Line, model: str, vendor: str, stream: bool
) -> None:
    chat_line.upstream.quirks = Quirks(reasoning_format=vendor)
    secret = RedactedThinking("ZW5jcnlwdGVkIHJlYXNvbmluZw==")
    chat_line.upstream.reply(Answer((Thinking("In the open.", "sig=="), secret, Text("So."))))

    message, assistant = replay(connect, replace(chat_line, model=model), stream=stream)

    assert assistant["reasoning_details"] == [
        {"type": "reasoning.text", "text": "In the open.", "signature": "sig==", "format": vendor, "index": 0},
        {"type": "reasoning.encrypted", "data": secret.data, "format": vendor, "index": 1},
    ]
    assert "So." in str(assistant["content"])
    assert message.content[0].thinking == "In the open."


def test_images_and_documents_travel(connect: Connect, line: Line) -> None:
    data = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"\0" * 40).decode()
    pdf = base64.b64encode(b"%PDF-1.4 fake").decode()
    content: list[dict[str, Any]] = [
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}},
        {"type": "image", "source": {"type": "url", "url": "https://images.example/cat.png"}},
        {
            "type": "document",
            "title": "Report",
            "source": {"type": "base64", "media_type": "application/pdf", "data": pdf},
        },
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "plain words"}},
    ]

    connect(line.url).messages.create(**ask(line.model, "x") | {"messages": [{"role": "user", "content": content}]})

    sent = str(line.upstream.last.body["messages"])
    for expected in (data, pdf, "https://images.example/cat.png", "plain words"):
        assert expected in sent


@pytest.mark.parametrize(
    ("scenario", "kind", "expected"),
    [
        ("scenario rate limit", anthropic.RateLimitError, (429, "rate_limit_error")),
        ("scenario overloaded", anthropic.InternalServerError, (529, "overloaded_error")),
        ("scenario refused", anthropic.BadRequestError, (400, "invalid_request_error")),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_errors_are_the_classes_of_the_sdk(
    connect: Connect,
    line: Line,
    stream: bool,
    scenario: str,
    kind: type[anthropic.APIStatusError],
    expected: tuple[int, str],
) -> None:
    with pytest.raises(kind) as caught:
        connect(line.url).messages.create(**ask(line.model, scenario, stream=stream))

    error = caught.value
    body: Any = error.body
    assert (error.status_code, body["error"]["type"]) == expected
    assert error.request_id == body["request_id"]


def test_a_wrong_key_is_an_authentication_error(connect: Connect, gateways: Gateways) -> None:
    url = gateways.demo(**LOCKED).url

    with pytest.raises(anthropic.AuthenticationError):
        connect(url).messages.create(**ask("m", "hi"))
    right = connect(url, api_key="second-key")
    assert right.messages.create(**ask("m", "hi")).content


def test_the_sdk_retries_an_overload_and_not_a_bad_request(connect: Connect, line: Line) -> None:
    line.upstream.reply(ApiError(529, "busy", "overloaded_error"), ApiError(400, "no", "invalid_request_error"))

    with pytest.raises(anthropic.BadRequestError):
        connect(line.url, max_retries=2).messages.create(**ask(line.model, "hi"))

    assert len(line.upstream.calls) == 2


@pytest.mark.parametrize("scenario", ["scenario broken", "scenario cut", "scenario ended"])
def test_a_broken_stream_raises(connect: Connect, line: Line, scenario: str) -> None:
    client = connect(line.url)

    with pytest.raises(anthropic.APIError), client.messages.stream(**ask(line.model, scenario)) as stream:
        stream.get_final_message()


def test_structured_output_is_parsed(connect: Connect, line: Line) -> None:
    client = connect(line.url)

    parsed = client.messages.parse(**ask(line.model, "scenario structured"), output_format=Person)

    assert parsed.parsed_output == Person(name="Ada", age=36)
    sent = line.upstream.last.body
    if line.wire == "messages":
        assert sent["output_config"]["format"]["type"] == "json_schema"
    else:
        assert sent["response_format"]["type"] == "json_schema"
        assert sent["response_format"]["json_schema"]["schema"]["properties"].keys() == {"name", "age"}


def test_structured_output_is_parsed_from_a_stream(connect: Connect, line: Line) -> None:
    client = connect(line.url)

    with client.messages.stream(**ask(line.model, "scenario structured"), output_format=Person) as stream:
        parsed = stream.get_final_message().parsed_output

    assert parsed == Person(name="Ada", age=36)


def test_tokens_are_counted_and_models_listed(connect: Connect, line: Line) -> None:
    client = connect(line.url)

    count = client.messages.count_tokens(model=line.model, messages=[{"role": "user", "content": "hi"}])
    models = list(client.models.list(limit=1))

    assert count.input_tokens > 0
    assert len({model.id for model in models}) == len(models) > 1
    assert client.models.retrieve(models[-1].id) == models[-1]


def test_beta_calls_reach_the_same_routes(connect: Connect, line: Line) -> None:
    message = connect(line.url).beta.messages.create(
        **ask(line.model, "scenario text"),
        betas=["context-management-2025-06-27"],
        context_management={"edits": [{"type": "clear_tool_uses_20250919"}]},
    )

    assert message.content[0].type == "text"
    if line.wire == "messages":
        assert "context-management-2025-06-27" in line.upstream.last.betas


def test_the_tool_runner_of_the_sdk_works(connect: Connect, line: Line) -> None:
    asked: list[str] = []

    @beta_tool
    def get_weather(city: str) -> str:
        """The weather of a city."""
        asked.append(city)
        return "sunny"

    line.upstream.reply(
        Answer((Thinking("Which city?"), ToolCall("get_weather", {"city": "Bern"}))),
        Answer((Text("It is sunny."),)),
    )
    runner = connect(line.url).beta.messages.tool_runner(**ask(line.model, "which weather?"), tools=[get_weather])

    final: Any = runner.until_done()

    assert asked == ["Bern"]
    assert final.content[-1].text == "It is sunny."
    # The runner asks for a thread kept by the server; where there is none, it must send the whole history.
    history = str(line.upstream.last.body["messages"])
    assert all(expected in history for expected in ("which weather?", "Bern", "sunny"))


def test_the_tool_runner_works_with_the_demo(connect: Connect, demo: Gateway) -> None:
    @beta_tool
    def get_weather(city: str) -> str:
        """The weather of a city."""
        return f"sunny in {city}"

    script = 'demo:tool get_weather {"city": "Bern"}\ndemo:then\ndemo:text finished'
    runner = connect(demo.url).beta.messages.tool_runner(**ask("m", script), tools=[get_weather])

    final: Any = runner.until_done()

    assert "finished" in final.content[-1].text


def test_an_anthropic_upstream_serves_the_sdk(connect: Connect, anthropic_line: Line) -> None:
    anthropic_line.upstream.handler = by_prompt
    client = connect(anthropic_line.url)

    with client.messages.stream(**ask("claude-opus-5-5", "scenario thinking")) as stream:
        message = stream.get_final_message()

    assert [block.type for block in message.content] == ["thinking", "text"]
    assert anthropic_line.upstream.last.headers["anthropic-version"] == "2026-10-21"


def test_the_demo_talks_thinks_and_calls_tools(connect: Connect, demo: Gateway) -> None:
    client = connect(demo.url)
    thinks = client.messages.create(**ask("claude-opus-5-5", "demo:think hmm\ndemo:text hello there"))
    request = ask("m", "anything", tools=TOOLS, tool_choice={"type": "tool", "name": "get_weather"})
    forced = client.messages.create(**request)
    with client.messages.stream(**ask("m", "hello")) as stream:
        streamed = stream.get_final_message()

    assert [block.type for block in thinks.content] == ["thinking", "text"]
    assert forced.stop_reason == "tool_use"
    assert [block.name for block in forced.content if block.type == "tool_use"] == ["get_weather"]
    assert streamed.content[0].type == "text"
    assert streamed.usage.input_tokens > 0


def test_the_demo_answers_in_a_wanted_format(connect: Connect, demo: Gateway) -> None:
    parsed = connect(demo.url).messages.parse(**ask("m", "who?"), output_format=Person)

    assert isinstance(parsed.parsed_output, Person)
