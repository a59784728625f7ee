"""Claude and Nova on Bedrock through the server: signed requests, frames of the event stream, signed thinking."""

from typing import Any

import httpx
import pytest

from tests.api.calls import assert_error, events
from tests.providers.conftest import Providers
from tests.providers.talking import DOCUMENT, IMAGE, PDF, PNG, THINKING, TOOLS, Talk, ask, kinds
from tests.upstreams.answers import (
    Answer,
    ApiError,
    Failure,
    RedactedThinking,
    Text,
    Thinking,
    Tokens,
    ToolCall,
)
from tests.upstreams.script import Script, Send

CLAUDE = "bedrock:anthropic.claude-sonnet-4-5-20250929-v1:0"
NOVA = "bedrock:amazon.nova-pro-v1:0"
THINKS_AND_CALLS = Answer(
    (
        Thinking("I must look at two files.", "EtkBsig+nature/of==bedrock"),
        Text("I will look."),
        ToolCall("Read", {"path": "/a"}, "tooluse_a"),
        ToolCall("mcp__files__list-all", {}, "tooluse_b"),
    )
)

both_ways = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
each_model = pytest.mark.parametrize("model", [CLAUDE, NOVA], ids=["claude", "nova"])


@both_ways
@each_model
def test_text_comes_with_its_counts(http: httpx.Client, providers: Providers, model: str, stream: bool) -> None:
    providers.bedrock.reply(Answer((Text("Hello there."),), tokens=Tokens(100, 30, 20, 7, reasoning=12)))

    message = Talk(http, providers.url, model, stream=stream).say("Hi")

    assert message["content"] == [{"type": "text", "text": "Hello there."}]
    assert message["stop_reason"] == "end_turn"
    usage = message["usage"]
    assert (usage["input_tokens"], usage["output_tokens"]) == (100, 30)
    assert (usage["cache_read_input_tokens"], usage["cache_creation_input_tokens"]) == (20, 7)
    assert usage["output_tokens_details"] == {"thinking_tokens": 12}
    assert message["model"] == model.removeprefix("bedrock:")


@both_ways
def test_claudes_thinking_comes_and_goes_back_byte_for_byte(
    http: httpx.Client, providers: Providers, stream: bool
) -> None:
    providers.bedrock.reply(THINKS_AND_CALLS, Answer((Text("Both are empty."),)))
    talk = Talk(http, providers.url, CLAUDE, stream=stream, tools=TOOLS, thinking=THINKING)

    message = talk.say("Look at the files.")

    assert kinds(message) == ["thinking", "text", "tool_use", "tool_use"]
    assert message["content"][0]["signature"] == "EtkBsig+nature/of==bedrock"
    assert [block["input"] for block in message["content"][2:]] == [{"path": "/a"}, {}]
    assert message["content"][3]["name"] == "mcp__files__list-all"
    assert message["stop_reason"] == "tool_use"

    talk.say(talk.results(message))

    turn, results = providers.bedrock.last.body["messages"][1:3]
    thought = {"text": "I must look at two files.", "signature": "EtkBsig+nature/of==bedrock"}
    assert turn["content"][0] == {"reasoningContent": {"reasoningText": thought}}
    assert [block["toolResult"]["toolUseId"] for block in results["content"]] == ["tooluse_a", "tooluse_b"]
    assert providers.bedrock.last.body["additionalModelRequestFields"]["thinking"] == THINKING


@both_ways
def test_redacted_thinking_comes_and_does_not_end_the_conversation(
    http: httpx.Client, providers: Providers, stream: bool
) -> None:
    call = ToolCall("Read", {"path": "/a"}, "tooluse_a")
    providers.bedrock.reply(Answer((RedactedThinking("RW1jaXBoZXJlZA=="), call)), Answer((Text("It is empty."),)))
    talk = Talk(http, providers.url, CLAUDE, stream=stream, tools=TOOLS, thinking=THINKING)

    message = talk.say("Look at the file.")

    assert message["content"][0] == {"type": "redacted_thinking", "data": "RW1jaXBoZXJlZA=="}
    assert talk.say(talk.results(message))["content"] == [{"type": "text", "text": "It is empty."}]
    assert "thinking" not in providers.bedrock.last.body.get("additionalModelRequestFields", {})


@both_ways
def test_thinking_that_bedrock_did_not_give_stays_away(http: httpx.Client, providers: Providers, stream: bool) -> None:
    history = [
        {"role": "user", "content": "Hi"},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "Unsigned.", "signature": ""},
                {"type": "text", "text": "Hello."},
            ],
        },
        {"role": "user", "content": "And?"},
    ]
    for model in (CLAUDE, NOVA):
        response = ask(http, providers.url, model, messages=history, stream=stream)
        assert response.status_code == 200, response.text
        assert b"Unsigned." not in providers.bedrock.last.raw


@pytest.mark.parametrize(
    ("stop", "stop_reason"),
    [
        ("max_tokens", "max_tokens"),
        ("stop_sequence", "stop_sequence"),
        ("guardrail_intervened", "refusal"),
        ("content_filtered", "refusal"),
        ("model_context_window_exceeded", "model_context_window_exceeded"),
    ],
)
@both_ways
def test_stop_reasons_are_told(
    http: httpx.Client, providers: Providers, stop: str, stop_reason: str, stream: bool
) -> None:
    providers.bedrock.bedrock.stop = stop

    assert Talk(http, providers.url, CLAUDE, stream=stream).say("Hi")["stop_reason"] == stop_reason


def test_an_answer_that_the_model_gave_up_is_an_error(http: httpx.Client, providers: Providers) -> None:
    providers.bedrock.bedrock.stop = "malformed_tool_use"

    assert_error(ask(http, providers.url, NOVA), 502, "api_error", "malformed_tool_use")
    assert list(events(ask(http, providers.url, NOVA, stream=True).content))[-1].name == "error"


@pytest.mark.parametrize(
    ("code", "kind"),
    [(429, "rate_limit_error"), (400, "invalid_request_error"), (503, "overloaded_error"), (500, "api_error")],
)
def test_an_exception_inside_a_stream_is_told(http: httpx.Client, providers: Providers, code: int, kind: str) -> None:
    failure = Failure(code, "Something came in between.")
    providers.bedrock.reply(Answer((Text("Half of"),), ending="error", failure=failure))

    found = list(events(ask(http, providers.url, CLAUDE, stream=True).content))

    assert found[-1].data["error"] == {"type": kind, "message": "Something came in between."}
    assert "content_block_stop" not in [event.name for event in found]


@pytest.mark.parametrize("ending", ["cut", "end"])
def test_a_stream_that_breaks_off_is_no_complete_answer(http: httpx.Client, providers: Providers, ending: Any) -> None:
    providers.bedrock.reply(Answer((Text("Half of"),), ending=ending))

    assert list(events(ask(http, providers.url, CLAUDE, stream=True).content))[-1].name == "error"


def test_a_silent_stream_is_given_up(http: httpx.Client, providers: Providers) -> None:
    providers.bedrock.reply(Answer((Text("Half of"),), ending="hold"))

    error = list(events(ask(http, providers.url, CLAUDE, stream=True).content))[-1].data["error"]

    assert error["type"] == "timeout_error"
    assert providers.bedrock.last.wait_until_gone(3.0)


def test_bytes_that_are_no_frames_are_an_error(http: httpx.Client, providers: Providers) -> None:
    headers = {"content-type": "application/vnd.amazon.eventstream"}
    providers.bedrock.reply(Script(200, headers, (Send(b"\0\0\0\xff" * 100),)))

    response = ask(http, providers.url, CLAUDE, stream=True)

    assert response.status_code == 502 or list(events(response.content))[-1].name == "error"


@pytest.mark.parametrize(
    ("status", "answered", "kind"),
    [
        (400, 400, "invalid_request_error"),
        (403, 403, "permission_error"),
        (404, 404, "not_found_error"),
        (429, 429, "rate_limit_error"),
        (500, 500, "api_error"),
        (503, 529, "overloaded_error"),
    ],
)
@both_ways
def test_errors_keep_status_and_message(
    http: httpx.Client, providers: Providers, status: int, answered: int, kind: str, stream: bool
) -> None:
    providers.bedrock.reply(ApiError(status, "Something about it.", headers={"retry-after": "7"}))

    response = ask(http, providers.url, CLAUDE, stream=stream)

    message = assert_error(response, answered, kind, "Something about it.")
    assert "litellm" not in message.lower()
    if status == 429:
        assert response.headers["retry-after"] == "7"


@both_ways
@each_model
def test_images_and_documents_arrive(http: httpx.Client, providers: Providers, model: str, stream: bool) -> None:
    Talk(http, providers.url, model, stream=stream).say([IMAGE, DOCUMENT, {"type": "text", "text": "What is it?"}])

    image, document, text = providers.bedrock.last.body["messages"][0]["content"]
    assert image["image"] == {"format": "png", "source": {"bytes": PNG}}
    assert (document["document"]["format"], document["document"]["source"]) == ("pdf", {"bytes": PDF})
    assert text == {"text": "What is it?"}


def test_an_image_in_a_result_arrives(http: httpx.Client, providers: Providers) -> None:
    providers.bedrock.reply(Answer((ToolCall("Read", {"path": "/a.png"}, "tooluse_1"),)), Answer())
    talk = Talk(http, providers.url, CLAUDE, stream=False, tools=TOOLS)
    message = talk.say("Look")

    talk.say(talk.results(message, [{"type": "text", "text": "The picture:"}, IMAGE]))

    result = providers.bedrock.last.body["messages"][2]["content"][0]["toolResult"]
    assert [next(iter(part)) for part in result["content"]] == ["text", "image"]


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        ({"type": "auto"}, {"auto": {}}),
        ({"type": "any"}, {"any": {}}),
        ({"type": "tool", "name": "Read"}, {"tool": {}}),
    ],
)
def test_the_choice_of_tools_is_sent(
    http: httpx.Client, providers: Providers, choice: dict[str, Any], sent: dict[str, Any]
) -> None:
    response = ask(http, providers.url, CLAUDE, tools=TOOLS, tool_choice=choice)

    assert response.status_code == 200, response.text
    tool_choice = providers.bedrock.last.body["toolConfig"]["toolChoice"]
    assert tool_choice.keys() == sent.keys()


def test_no_tools_are_offered_where_none_may_be_called(http: httpx.Client, providers: Providers) -> None:
    assert ask(http, providers.url, CLAUDE, tools=TOOLS, tool_choice={"type": "none"}).status_code == 200
    assert "toolConfig" not in providers.bedrock.last.body


def test_forced_tools_with_thinking_are_refused_as_anthropic_does(http: httpx.Client, providers: Providers) -> None:
    response = ask(http, providers.url, CLAUDE, tools=TOOLS, tool_choice={"type": "any"}, thinking=THINKING)

    assert_error(response, 400, "invalid_request_error", "tool_choice", "Thinking may not be enabled")


def test_cache_marks_become_cache_points(http: httpx.Client, providers: Providers) -> None:
    system = [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}]

    assert ask(http, providers.url, CLAUDE, system=system).status_code == 200
    assert providers.bedrock.last.body["system"] == [{"text": "Be brief."}, {"cachePoint": {"type": "default"}}]


def test_requests_are_signed_for_the_region(http: httpx.Client, providers: Providers) -> None:
    assert ask(http, providers.url, CLAUDE).status_code == 200
    headers = providers.bedrock.last.headers
    assert "Credential=AKIASECRETOFTHETESTS/" in headers["authorization"]
    assert "/eu-central-1/bedrock/aws4_request" in headers["authorization"]
    assert "x-amz-security-token" not in headers


def test_leaving_closes_the_connection_to_bedrock(http: httpx.Client, providers: Providers) -> None:
    providers.bedrock.reply(Answer((Text("A long story"),), ending="hold"))
    request = {"model": CLAUDE, "max_tokens": 10, "messages": [{"role": "user", "content": "Hi"}], "stream": True}

    with http.stream("POST", f"{providers.url}/v1/messages", json=request) as response:
        next(response.iter_bytes())

    assert providers.bedrock.last.wait_until_gone(3.0)
