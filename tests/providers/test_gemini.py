"""Gemini through the server: what its API is strict about, and what LiteLLM loses of it."""

from typing import Any

import httpx
import pytest

from tests.api.calls import assert_error, events
from tests.providers.conftest import Providers
from tests.providers.talking import DOCUMENT, IMAGE, PDF, PNG, THINKING, TOOLS, Talk, ask, kinds
from tests.upstreams.answers import Answer, ApiError, Failure, Text, Thinking, Tokens, ToolCall

OLD = "google:gemini-2.5-pro"
NEW = "google:gemini-3-pro-preview"
TWO_CALLS = Answer(
    (
        Thinking("I must look at two files.", "U2lnbmF0dXJlMQ=="),
        ToolCall("Read", {"path": "/a"}, "call_a"),
        ToolCall("Read", {"path": "/b"}, "call_b"),
    )
)

both_ways = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


@both_ways
def test_text_comes_with_its_counts(http: httpx.Client, providers: Providers, stream: bool) -> None:
    providers.gemini.reply(Answer((Text("Hello there."),), tokens=Tokens(100, 30, cache_read=20, reasoning=12)))

    message = Talk(http, providers.url, OLD, stream=stream).say("Hi")

    assert message["content"] == [{"type": "text", "text": "Hello there."}]
    assert message["stop_reason"] == "end_turn"
    usage = message["usage"]
    assert (usage["input_tokens"], usage["cache_read_input_tokens"], usage["output_tokens"]) == (100, 20, 30)
    assert usage["output_tokens_details"] == {"thinking_tokens": 12}
    assert message["model"] == "gemini-2.5-pro"


@both_ways
@pytest.mark.parametrize("model", [OLD, NEW])
def test_parallel_calls_come_whole_and_their_signature_goes_back(
    http: httpx.Client, providers: Providers, model: str, stream: bool
) -> None:
    providers.gemini.reply(TWO_CALLS, Answer((Text("Both are empty."),)))
    talk = Talk(http, providers.url, model, stream=stream, tools=TOOLS, thinking=THINKING)

    message = talk.say("Look at the files.")

    calls = [block for block in message["content"] if block["type"] == "tool_use"]
    assert [call["input"] for call in calls] == [{"path": "/a"}, {"path": "/b"}]
    assert not any("__thought__" in call["id"] or "U2lnbmF0dXJlMQ" in call["id"] for call in calls)
    assert message["content"][0]["thinking"] == "I must look at two files."
    assert message["stop_reason"] == "tool_use"

    talk.say(talk.results(message))

    model_turn, results = providers.gemini.last.body["contents"][1:3]
    sent = [part for part in model_turn["parts"] if "function_call" in part]
    assert [part.get("thoughtSignature") for part in sent] == ["U2lnbmF0dXJlMQ==", None]
    assert [part["function_response"]["name"] for part in results["parts"]] == ["Read", "Read"]
    assert providers.gemini.dummies == 0


@both_ways
def test_each_step_of_a_turn_keeps_its_own_signature(http: httpx.Client, providers: Providers, stream: bool) -> None:
    steps = [Answer((Thinking("Hm.", f"c2ln{n}A=="), ToolCall("Read", {"path": f"/{n}"}, f"c{n}"))) for n in (1, 2)]
    providers.gemini.reply(*steps, Answer((Text("Done."),)))
    talk = Talk(http, providers.url, NEW, stream=stream, tools=TOOLS)

    first = talk.say("Go on.")
    second = talk.say(talk.results(first))
    talk.say(talk.results(second))

    turns = [turn for turn in providers.gemini.last.body["contents"] if turn["role"] == "model"]
    signatures = [part["thoughtSignature"] for turn in turns for part in turn["parts"] if "function_call" in part]
    assert signatures == ["c2ln1A==", "c2ln2A=="]


def test_the_signature_of_a_text_goes_back_on_the_text(http: httpx.Client, providers: Providers) -> None:
    providers.gemini.reply(Answer((Thinking("Easy.", "dGV4dA=="), Text("It is four."))), Answer())
    talk = Talk(http, providers.url, NEW, stream=False, thinking=THINKING)

    talk.say("Two and two?")
    talk.say("And one more?")

    parts = providers.gemini.last.body["contents"][1]["parts"]
    assert parts == [{"text": "It is four.", "thoughtSignature": "dGV4dA=="}]


def test_a_stream_ends_with_its_text_although_a_signature_comes_after_it(
    http: httpx.Client, providers: Providers
) -> None:
    """Claude Code takes the last block for the result; Google does not ask for the signature of a text."""
    providers.gemini.reply(Answer((Thinking("Easy.", "dGV4dA=="), Text("It is four."))), Answer())
    talk = Talk(http, providers.url, NEW, stream=True, thinking=THINKING)

    assert kinds(talk.say("Two and two?")) == ["thinking", "text"]
    talk.say("And one more?")


def test_a_thought_beside_text_in_one_chunk_comes_before_it(http: httpx.Client, providers: Providers) -> None:
    providers.gemini.gemini.thought_with_text = True
    providers.gemini.reply(Answer((Thinking("Hm.", ""), Text("Yes."))))

    message = Talk(http, providers.url, OLD, stream=True, thinking=THINKING).say("Well?")

    assert [block.get("thinking") or block.get("text") for block in message["content"]] == ["Hm.", "Yes."]


def test_thinking_of_another_model_stays_away(http: httpx.Client, providers: Providers) -> None:
    history = [
        {"role": "user", "content": "Hi"},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "Claude thinks.", "signature": "EtkBclaude=="},
                {"type": "redacted_thinking", "data": "EmwKclaude=="},
                {"type": "tool_use", "id": "toolu_1", "name": "Read", "input": {"path": "/a"}},
            ],
        },
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "x"}]},
    ]

    response = ask(http, providers.url, NEW, messages=history, tools=TOOLS)

    assert response.status_code == 200, response.text
    assert b"EtkBclaude" not in providers.gemini.last.raw
    assert b"EmwKclaude" not in providers.gemini.last.raw
    assert providers.gemini.dummies == 1  # Google's own placeholder for calls of another model


@pytest.mark.parametrize(
    ("finish", "stop_reason"), [("SAFETY", "refusal"), ("PROHIBITED_CONTENT", "refusal"), ("MAX_TOKENS", "max_tokens")]
)
@both_ways
def test_finish_reasons_are_told(
    http: httpx.Client, providers: Providers, finish: str, stop_reason: str, stream: bool
) -> None:
    providers.gemini.gemini.finish = finish

    assert Talk(http, providers.url, OLD, stream=stream).say("Hi")["stop_reason"] == stop_reason


@both_ways
def test_a_blocked_prompt_is_a_refusal(http: httpx.Client, providers: Providers, stream: bool) -> None:
    providers.gemini.gemini.blocked = True

    message = Talk(http, providers.url, OLD, stream=stream).say("Hi")

    assert (message["stop_reason"], message["content"]) == ("refusal", [])


@pytest.mark.parametrize("finish", ["MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "OTHER"])
def test_an_answer_that_gemini_gave_up_is_an_error(http: httpx.Client, providers: Providers, finish: str) -> None:
    providers.gemini.gemini.finish = finish

    assert_error(ask(http, providers.url, OLD), 502, "api_error", finish)
    streamed = list(events(ask(http, providers.url, OLD, stream=True).content))
    assert streamed[-1].name == "error"
    assert finish in streamed[-1].data["error"]["message"]


@pytest.mark.parametrize("ending", ["cut", "end"])
def test_a_stream_that_breaks_off_is_no_complete_answer(http: httpx.Client, providers: Providers, ending: Any) -> None:
    providers.gemini.reply(Answer((Text("Half of"),), ending=ending))

    found = list(events(ask(http, providers.url, OLD, stream=True).content))

    assert found[-1].name == "error"


def test_an_error_inside_a_stream_is_told(http: httpx.Client, providers: Providers) -> None:
    providers.gemini.reply(Answer((Text("Half of"),), ending="error", failure=Failure(503, "The model is overloaded.")))

    error = list(events(ask(http, providers.url, OLD, stream=True).content))[-1].data["error"]

    assert error == {"type": "overloaded_error", "message": "The model is overloaded."}


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
    providers.gemini.reply(ApiError(status, "Something about it.", headers={"retry-after": "7"}))

    response = ask(http, providers.url, OLD, stream=stream)

    message = assert_error(response, answered, kind, "Something about it.")
    assert "litellm" not in message.lower()
    assert "secret" not in message
    if status == 429:
        assert response.headers["retry-after"] == "7"


@both_ways
def test_images_and_documents_arrive(http: httpx.Client, providers: Providers, stream: bool) -> None:
    Talk(http, providers.url, OLD, stream=stream).say([IMAGE, DOCUMENT, {"type": "text", "text": "What is it?"}])

    image, document, text = providers.gemini.last.body["contents"][0]["parts"]
    assert image["inline_data"] == {"data": PNG, "mime_type": "image/png"}
    assert document["inline_data"] == {"data": PDF, "mime_type": "application/pdf"}
    assert text == {"text": "What is it?"}


@pytest.mark.parametrize("model", [OLD, NEW])
def test_an_image_in_a_result_arrives(http: httpx.Client, providers: Providers, model: str) -> None:
    providers.gemini.reply(Answer((Thinking("", "c2ln"), ToolCall("Read", {"path": "/a.png"}, "c1"))), Answer())
    talk = Talk(http, providers.url, model, stream=False, tools=TOOLS)
    message = talk.say("Look")

    talk.say(talk.results(message, [{"type": "text", "text": "The picture:"}, IMAGE]))

    assert PNG.encode() in providers.gemini.last.raw


def test_an_image_by_address_is_refused(http: httpx.Client, providers: Providers) -> None:
    source = {"type": "url", "url": f"{providers.cohere.base_url}/picture.png"}
    messages = [{"role": "user", "content": [{"type": "image", "source": source}]}]

    assert_error(ask(http, providers.url, OLD, messages=messages), 400, "invalid_request_error", "base64")
    assert providers.cohere.requests == []


@pytest.mark.parametrize(
    ("choice", "config"),
    [
        ({"type": "auto"}, {"mode": "AUTO"}),
        ({"type": "any"}, {"mode": "ANY"}),
        ({"type": "none"}, {"mode": "NONE"}),
        ({"type": "tool", "name": "Read"}, {"mode": "ANY", "allowed_function_names": ["Read"]}),
    ],
)
def test_the_choice_of_tools_is_sent(
    http: httpx.Client, providers: Providers, choice: dict[str, Any], config: dict[str, Any]
) -> None:
    assert ask(http, providers.url, OLD, tools=TOOLS, tool_choice=choice).status_code == 200
    assert providers.gemini.last.body["toolConfig"] == {"functionCallingConfig": config}


@pytest.mark.parametrize(
    ("model", "request_", "config"),
    [
        (OLD, {"thinking": THINKING}, {"includeThoughts": True, "thinkingBudget": 2000}),
        (OLD, {"thinking": {"type": "disabled"}}, {"thinkingBudget": 128}),
        ("google:gemini-2.5-flash", {"thinking": {"type": "disabled"}}, {"thinkingBudget": 0}),
        (NEW, {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}}, {"thinkingLevel": "low"}),
        (NEW, {"thinking": {"type": "adaptive"}}, {"includeThoughts": True}),
        (NEW, {"output_config": {"effort": "max"}}, {"thinkingLevel": "high"}),
        (OLD, {}, None),
    ],
)
def test_thinking_is_asked_for_in_geminis_terms(
    http: httpx.Client, providers: Providers, model: str, request_: dict[str, Any], config: dict[str, Any] | None
) -> None:
    response = ask(http, providers.url, model, **request_)

    assert response.status_code == 200, response.text
    sent = providers.gemini.last.body["generationConfig"].get("thinkingConfig")
    if config is None:
        assert sent is None
    else:
        assert sent.items() >= config.items()


def test_the_system_prompt_and_sampling_are_sent(http: httpx.Client, providers: Providers) -> None:
    system = [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}]
    more = {"temperature": 0.5, "top_p": 0.9, "top_k": 40, "stop_sequences": ["END"]}

    assert ask(http, providers.url, OLD, system=system, **more).status_code == 200

    body = providers.gemini.last.body
    assert body["system_instruction"] == {"parts": [{"text": "Be brief."}]}
    assert body["generationConfig"] == {
        "max_output_tokens": 4000,
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": 40,
        "stop_sequences": ["END"],
    }
    assert len(providers.gemini.requests) == 1  # a cache mark makes no call of its own


def test_leaving_closes_the_connection_to_gemini(http: httpx.Client, providers: Providers) -> None:
    providers.gemini.reply(Answer((Text("A long story"),), ending="hold"))
    request = {"model": OLD, "max_tokens": 10, "messages": [{"role": "user", "content": "Hi"}], "stream": True}

    with http.stream("POST", f"{providers.url}/v1/messages", json=request) as response:
        next(response.iter_bytes())

    assert providers.gemini.last.wait_until_gone(3.0)
