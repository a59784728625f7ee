"""What the demo backend answers, without a stream."""

import base64
from typing import Any

import orjson
import pytest
from jsonschema import Draft202012Validator

from openrouter_anthropic_server.backends.demo import DemoBackend
from openrouter_anthropic_server.errors import (
    GatewayError,
    InvalidRequestError,
    NotFoundError,
    OverloadedError,
    RateLimitError,
    UpstreamError,
    UpstreamTimeoutError,
)
from openrouter_anthropic_server.ports.messages_backend import MessagesBackend, MessagesCall

Json = dict[str, Any]

SCHEMA = {
    "type": "object",
    "properties": {"title": {"type": "string"}, "score": {"type": "integer", "minimum": 5}},
    "required": ["title", "score"],
    "additionalProperties": False,
}
BASH = {
    "name": "Bash",
    "input_schema": {"type": "object", "properties": {"command": {"type": "string"}}, "required": ["command"]},
}
READ: Json = {
    "name": "Read",
    "input_schema": {"type": "object", "properties": {"file_path": {"type": "string"}}, "required": ["file_path"]},
}
WEB_SEARCH = {"type": "web_search_20250305", "name": "web_search", "max_uses": 8}
FORMAT = {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}}


async def answer(prompt: str | list[Json], **fields: Any) -> Json:
    """The message that the demo answers to one user message, or to a whole conversation."""
    messages = prompt if isinstance(prompt, list) else [{"role": "user", "content": prompt}]
    body = {"model": "claude-x", "max_tokens": 4096, "messages": messages, **fields}
    backend: MessagesBackend = DemoBackend(chunk_delay_seconds=0)
    message: Json = orjson.loads((await backend.send(MessagesCall(orjson.dumps(body)))).body)
    return message


def text_of(message: Json) -> str:
    """The text of a message that is one text block."""
    (block,) = message["content"]
    assert block["type"] == "text"
    return str(block["text"])


def after_tool(prompt: str, content: Any, *, is_error: bool = False, rounds: int = 1) -> list[Json]:
    """A conversation in which the prompt was followed by rounds of one Bash call and its result."""
    messages: list[Json] = [{"role": "user", "content": prompt}]
    for number in range(rounds):
        call = {"type": "tool_use", "id": f"toolu_{number}", "name": "Bash", "input": {"command": "x"}}
        result = {"type": "tool_result", "tool_use_id": f"toolu_{number}", "content": content, "is_error": is_error}
        messages += [{"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}]
    return messages


async def test_a_plain_answer_says_that_it_is_a_demo_and_what_it_saw() -> None:
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "A" * 80_000}}
    document = {"type": "document", "source": {"type": "url", "url": "https://example.com/a.pdf"}}
    content = [{"type": "text", "text": "Hello"}, image, image, document]

    message = await answer([{"role": "user", "content": content}], tools=[BASH, READ])

    assert text_of(message).startswith("[demo model] This answer is scripted")
    for part in ("1 message,", "2 tools", "thinking off", "2 images", "1 document.", "Set OPENROUTER_API_KEY"):
        assert part in text_of(message)
    assert message["demo"] is True
    assert message["model"] == "claude-x"
    assert message["stop_reason"] == "end_turn"
    assert message["stop_sequence"] is None
    assert 3 * 1500 < message["usage"]["input_tokens"] < 3 * 1500 + 500
    assert message["usage"]["output_tokens"] == -(-len(text_of(message)) // 4)


async def test_the_same_request_gets_the_same_answer_under_another_id() -> None:
    first, second = await answer("Hello"), await answer("Hello")

    assert first.pop("id") != second.pop("id")
    assert first == second


async def test_a_mistyped_directive_is_pointed_out() -> None:
    assert "demo:txt is not a directive that I know." in text_of(await answer("demo:txt Hello"))


async def test_count_tokens_is_left_to_the_server() -> None:
    assert await DemoBackend().count_tokens(MessagesCall(b"{}")) is None


@pytest.mark.parametrize("thinking", [{"type": "adaptive"}, {"type": "enabled", "budget_tokens": 1024}])
async def test_thinking_comes_first_and_is_signed(thinking: Json) -> None:
    message = await answer("Hello", thinking=thinking)

    block, text = message["content"]
    assert block["thinking"].startswith("[demo model] No model is thinking")
    assert base64.b64decode(block["signature"]).startswith(b"demo-signature:")
    assert f"thinking {thinking['type']}" in text["text"]
    assert 0 < message["usage"]["output_tokens_details"]["thinking_tokens"] < message["usage"]["output_tokens"]


async def test_omitted_thinking_keeps_its_signature_and_its_tokens() -> None:
    message = await answer("Hello", thinking={"type": "adaptive", "display": "omitted"})

    assert message["content"][0]["thinking"] == ""
    assert message["content"][0]["signature"]
    assert message["usage"]["output_tokens_details"]["thinking_tokens"] > 1


async def test_thinking_between_tools_waits_for_a_result() -> None:
    thinking = {"type": "between_tools"}

    before = await answer("Hello", thinking=thinking)
    after = await answer(after_tool("Hello", "hi"), thinking=thinking)

    assert [block["type"] for block in before["content"]] == ["text"]
    assert [block["type"] for block in after["content"]] == ["thinking", "text"]


async def test_tools_are_not_called_unless_asked_for() -> None:
    for choice in ({"type": "auto"}, {"type": "none"}):
        message = await answer("Run something", tools=[BASH], tool_choice=choice)
        assert message["stop_reason"] == "end_turn"
        assert text_of(message)


@pytest.mark.parametrize("choice", [{"type": "tool", "name": "Read"}, {"type": "any"}])
async def test_a_forced_tool_is_called_with_valid_input(choice: Json) -> None:
    late = {**BASH, "defer_loading": True}

    message = await answer("Hello", tools=[{"type": "browser_toolset_20260801"}, late, READ], tool_choice=choice)

    (call,) = message["content"]
    assert (call["type"], call["name"]) == ("tool_use", "Read")
    assert call["id"].startswith("toolu_")
    Draft202012Validator(READ["input_schema"]).validate(call["input"])
    assert message["stop_reason"] == "tool_use"


async def test_a_forced_tool_of_anthropic_needs_no_schema() -> None:
    tool = {"type": "bash_20250124", "name": "bash"}

    message = await answer("Hello", tools=[tool], tool_choice={"type": "tool", "name": "bash"})

    assert message["content"][0]["input"] == {"command": "echo demo"}


@pytest.mark.parametrize(
    ("tools", "choice"),
    [
        ([], {"type": "any"}),
        ([BASH], {"type": "tool", "name": "Write"}),
        ([{"type": "mcp_toolset", "mcp_server_name": "a"}], {"type": "any"}),
    ],
)
async def test_a_choice_that_cannot_be_met_is_refused(tools: list[Json], choice: Json) -> None:
    with pytest.raises(InvalidRequestError, match="tool_choice"):
        await answer("Hello", tools=tools, tool_choice=choice)


@pytest.mark.parametrize("fields", [FORMAT, {"output_format": {"type": "json_schema", "schema": SCHEMA}}])
async def test_structured_output_is_json_alone(fields: Json) -> None:
    message = await answer("Hello", thinking={"type": "adaptive"}, **fields)

    assert [block["type"] for block in message["content"]] == ["thinking", "text"]
    Draft202012Validator(SCHEMA).validate(orjson.loads(message["content"][1]["text"]))


async def test_structured_output_holds_under_a_script_too() -> None:
    message = await answer('demo:text Hello\ndemo:text {broken\ndemo:text {"mine": 1}', **FORMAT)

    *made, mine = (orjson.loads(block["text"]) for block in message["content"])
    assert len(made) == 2
    for text in made:
        Draft202012Validator(SCHEMA).validate(text)
    assert mine == {"mine": 1}


async def test_a_search_adds_no_prose_to_structured_output() -> None:
    message = await answer("Hello", tools=[WEB_SEARCH], tool_choice={"type": "any"}, **FORMAT)

    assert [block["type"] for block in message["content"]] == ["server_tool_use", "web_search_tool_result"]


@pytest.mark.parametrize("choice", [{"type": "auto"}, {"type": "tool", "name": "web_search"}])
async def test_a_web_search_invents_nothing(choice: Json) -> None:
    prompt = "Perform a web search for the query: prefect flows"

    message = await answer(prompt, tools=[WEB_SEARCH], tool_choice=choice)

    call, result, text = message["content"]
    assert (call["type"], call["name"], call["input"]) == ("server_tool_use", "web_search", {"query": "prefect flows"})
    assert result == {
        "type": "web_search_tool_result",
        "tool_use_id": call["id"],
        "content": {"type": "web_search_tool_result_error", "error_code": "unavailable"},
    }
    assert "web_search is not available" in text["text"]
    assert message["stop_reason"] == "end_turn"
    assert message["usage"]["server_tool_use"]["web_search_requests"] == 0


async def test_other_server_tools_are_unavailable_in_their_own_terms() -> None:
    tool = {"type": "code_execution_20250825", "name": "code_execution"}

    message = await answer('demo:tool code_execution {"code": "1"}', tools=[tool, BASH])

    assert message["content"][0]["input"] == {"code": "1"}
    assert message["content"][1]["content"]["type"] == "code_execution_tool_result_error"


async def test_a_tool_result_is_quoted_and_ends_the_turn() -> None:
    message = await answer(after_tool("Hello", "x" * 150 + "y" * 150), tools=[BASH])

    assert text_of(message) == f"[demo model] Bash answered: {'x' * 150}{'y' * 50}…"
    assert message["stop_reason"] == "end_turn"


async def test_each_result_of_a_round_is_quoted() -> None:
    image = {"type": "image", "source": {"type": "url", "url": "https://example.com/i.png"}}
    messages = after_tool("Hello", "no such file", is_error=True)
    reference = {"type": "tool_reference", "tool_name": "WebFetch"}
    more = {"type": "tool_result", "tool_use_id": "other", "content": [{"type": "text", "text": "a"}, image, reference]}
    messages[-1]["content"] += [more, {"type": "text", "text": "a remark of the client"}]
    messages.append({"role": "system", "content": "at the very end"})

    assert text_of(await answer(messages)).splitlines() == [
        "[demo model] Bash failed with: no such file",
        "[demo model] tool answered: a (image) (tool WebFetch)",
    ]


async def test_the_structured_output_tool_of_claude_code_is_called_once() -> None:
    tool = {"name": "StructuredOutput", "input_schema": SCHEMA}
    first = await answer("do it", tools=[BASH, tool])

    assert first["content"][0]["name"] == "StructuredOutput"
    Draft202012Validator(SCHEMA).validate(first["content"][0]["input"])
    result = {"type": "tool_result", "tool_use_id": first["content"][0]["id"], "content": "ok"}
    messages = [
        {"role": "user", "content": "do it"},
        {"role": "assistant", "content": first["content"]},
        {"role": "user", "content": [result]},
    ]
    assert text_of(await answer(messages, tools=[BASH, tool])) == "[demo model] StructuredOutput answered: ok"


@pytest.mark.parametrize(
    ("prompt", "beginning"),
    [
        ("Warmup", "[demo model] Ready."),
        ("Your task is to create a detailed summary of the conversation so far", "<summary>\n[demo model] The conv"),
        ("\nWeb page content:\n---\ndemo\n---\nWhat is it?", "[demo model] A page of 43 characters arrived"),
    ],
)
async def test_side_calls_of_claude_code_get_what_they_expect(prompt: str, beginning: str) -> None:
    assert text_of(await answer(prompt, tools=[])).startswith(beginning)


async def test_scripted_blocks_come_in_their_order() -> None:
    script = (
        'demo:think Hm.\ndemo:text I run two.\ndemo:tool Bash {"command":"echo 1"}\ndemo:tool Read\ndemo:tool Other'
    )

    message = await answer(script, tools=[BASH, READ], thinking={"type": "adaptive"})

    think, text, *calls = message["content"]
    assert think["thinking"] == "Hm."
    assert text["text"] == "I run two."
    assert [(call["name"], call["input"]) for call in calls] == [
        ("Bash", {"command": "echo 1"}),
        ("Read", {"file_path": "/tmp/demo.txt"}),
        ("Other", {}),
    ]
    assert len({call["id"] for call in calls}) == 3
    assert message["stop_reason"] == "tool_use"


async def test_each_tool_result_moves_the_script_to_its_next_turn() -> None:
    script = "demo:tool Bash\ndemo:then\ndemo:text Two\ndemo:tool Bash\ndemo:then\ndemo:then\ndemo:text Four"

    answers = [await answer(after_tool(script, "hi", rounds=rounds)) for rounds in range(5)]

    assert [message["stop_reason"] for message in answers] == ["tool_use", "tool_use", *["end_turn"] * 3]
    assert answers[1]["content"][0]["text"] == "Two"
    assert text_of(answers[2]) == "[demo model] Bash answered: hi"
    assert text_of(answers[3]) == "Four"
    assert text_of(answers[4]) == "[demo model] Bash answered: hi"


async def test_a_directive_typed_while_tools_run_begins_a_new_script() -> None:
    messages = after_tool("demo:tool Bash\ndemo:then\ndemo:text old", "hi")
    messages[-1]["content"].append({"type": "text", "text": "demo:text new"})

    assert text_of(await answer(messages)) == "new"


async def test_a_later_prompt_ends_a_script() -> None:
    messages: list[Json] = [
        {"role": "user", "content": "demo:text a\ndemo:then\ndemo:text b"},
        {"role": "assistant", "content": "a"},
        {"role": "user", "content": "Go on"},
    ]

    assert text_of(await answer(messages)).startswith("[demo model] This answer is scripted")


async def test_reminders_and_system_messages_are_no_prompt() -> None:
    reminder = {"type": "text", "text": "<system-reminder>\ndemo:text from the reminder\n</system-reminder>"}
    prompt = {"type": "text", "text": "demo:text mine"}
    messages: list[Json] = [
        {"role": "user", "content": [prompt, reminder]},
        {"role": "system", "content": "demo:text system"},
    ]

    assert text_of(await answer(messages)) == "mine"


async def test_tool_choice_none_holds_under_a_script_too() -> None:
    message = await answer("demo:tool Bash", tools=[BASH], tool_choice={"type": "none"})

    assert text_of(message) == "[demo model] tool_choice is `none`: Bash not called."


async def test_parallel_calls_are_one_where_the_client_wants_one() -> None:
    choice = {"type": "auto", "disable_parallel_tool_use": True}

    message = await answer("demo:tool Bash\ndemo:tool Bash\ndemo:text x", tools=[BASH], tool_choice=choice)

    assert [block["type"] for block in message["content"]] == ["tool_use", "text"]


async def test_a_script_without_a_call_still_makes_the_forced_one() -> None:
    choice = {"type": "tool", "name": "Bash"}

    message = await answer("demo:text First", tools=[BASH], tool_choice=choice)

    assert [block["type"] for block in message["content"]] == ["text", "tool_use"]


@pytest.mark.parametrize("reason", ["end_turn", "max_tokens", "pause_turn", "model_context_window_exceeded"])
async def test_a_stop_reason_can_be_scripted(reason: str) -> None:
    message = await answer(f"demo:text Hello\ndemo:{reason}")

    assert message["stop_reason"] == reason
    assert text_of(message) == "Hello"


async def test_a_refusal_has_details_and_may_be_empty() -> None:
    message = await answer("demo:refusal")

    assert message["content"] == []
    assert message["stop_reason"] == "refusal"
    assert message["stop_details"]["type"] == "refusal"


async def test_max_tokens_cuts_the_text() -> None:
    message = await answer("demo:long 100", max_tokens=10)

    assert len(text_of(message)) == 40
    assert message["stop_reason"] == "max_tokens"
    assert message["usage"]["output_tokens"] == 10


async def test_a_call_beyond_max_tokens_is_left_out() -> None:
    message = await answer("demo:text 12345678\ndemo:tool Bash", tools=[BASH], max_tokens=5)

    assert text_of(message) == "12345678"
    assert message["stop_reason"] == "max_tokens"


async def test_max_tokens_zero_only_fills_the_cache() -> None:
    message = await answer("demo:text Hello", max_tokens=0)

    assert message["content"] == []
    assert message["stop_reason"] == "max_tokens"
    assert message["usage"]["input_tokens"] > 0
    assert message["usage"]["output_tokens"] == 0


async def test_the_first_stop_sequence_ends_the_text() -> None:
    message = await answer(
        "demo:text one, two; three\ndemo:text four", stop_sequences=["two;", "two", ", ", "", "four"]
    )

    assert text_of(message) == "one"
    assert (message["stop_reason"], message["stop_sequence"]) == ("stop_sequence", ", ")


async def test_a_stop_sequence_at_the_start_leaves_no_empty_block() -> None:
    message = await answer("demo:text STOP here", stop_sequences=["STOP"])

    assert message["content"] == []
    assert message["stop_reason"] == "stop_sequence"


@pytest.mark.parametrize(
    ("directive", "error", "message"),
    [
        ("demo:fail 429", RateLimitError, "The demo model was told to fail with 429."),
        ("demo:fail 529 Too busy", OverloadedError, "Too busy"),
        (
            "demo:fail 400 prompt is too long: 5 tokens > 4 maximum",
            InvalidRequestError,
            "prompt is too long: 5 tokens > 4 maximum",
        ),
        ("demo:fail 404", NotFoundError, "The demo model was told to fail with 404."),
        ("demo:text x\ndemo:fail 504", UpstreamTimeoutError, "The demo model was told to fail with 504."),
        ("demo:text x\ndemo:error overloaded_error Busy", OverloadedError, "Busy"),
        ("demo:text x\ndemo:cut", UpstreamError, "The demo model broke off the answer, as its script says."),
    ],
)
async def test_a_scripted_failure_is_raised(directive: str, error: type[GatewayError], message: str) -> None:
    with pytest.raises(GatewayError) as failure:
        await answer(directive)

    assert type(failure.value) is error
    assert failure.value.message == message


async def test_a_rate_limit_says_when_to_come_back() -> None:
    with pytest.raises(RateLimitError) as failure:
        await answer("demo:fail 429")

    assert failure.value.headers == {"retry-after": "1"}


@pytest.mark.parametrize("body", [b"", b"[]", b'{"messages": 5}', b'{"messages": ["a"]}', b'{"tools": [1]}'])
async def test_a_body_that_is_no_request_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequestError):
        await DemoBackend().send(MessagesCall(body))
