"""The official SDK, unmodified, in front of a Databricks workspace that refuses whatever the real one refuses."""

import base64
from typing import Any

import anthropic
import pytest

from tests.databricks.workspaces import Workspace
from tests.upstreams.answers import Answer, RedactedThinking, Text, Thinking, Tokens, ToolCall

SONNET = "claude-sonnet-4-5-20250929"
OPUS = "anthropic/claude-opus-5.5"
GPT = "databricks-gpt-oss-120b"
SIGNATURE = "EqQBCkYIBRgCIkB+signature/of/databricks=="
CALLS = (
    ToolCall("get_weather", {"city": "Zürich", "days": 3}, "toolu_1"),
    ToolCall("list_cities", {}, "toolu_2"),
    ToolCall("get_weather", {"city": "New York"}, "toolu_3"),
)
TOOLS: Any = [
    {
        "name": "get_weather",
        "description": "Tells the weather",
        "strict": True,
        "cache_control": {"type": "ephemeral"},
        "input_schema": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
    {"name": "list_cities", "input_schema": {"type": "object", "properties": {}}},
]
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"\0" * 40).decode()
IMAGE: Any = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}


def ask(workspace: Workspace, *, stream: bool, model: str = SONNET, **request: Any) -> Any:
    """One request through a strict client, as a whole message."""
    default: dict[str, Any] = {"model": model, "max_tokens": 4096, "messages": [{"role": "user", "content": "hi"}]}
    request = default | request
    with anthropic.Anthropic(
        base_url=workspace.url,
        api_key="test-key",
        max_retries=0,
        timeout=20.0,
        _strict_response_validation=True,
    ) as client:
        if not stream:
            return client.messages.create(**request)
        with client.messages.stream(**request) as events:
            return events.get_final_message()


def follow_up(message: Any, content: Any, first: Any = "hi") -> list[dict[str, Any]]:
    """The conversation after an answer."""
    return [
        {"role": "user", "content": first},
        {"role": "assistant", "content": message.content},
        {"role": "user", "content": content},
    ]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_text_arrives_with_its_usage_under_databricks_name(workspace: Workspace, stream: bool) -> None:
    workspace.upstream.reply(
        Answer((Text("Grüße, 世界"),), tokens=Tokens(11, 7, cache_read=5, cache_write=3, cost=None))
    )

    message = ask(workspace, stream=stream, system="Be brief.")

    assert message.content[0].text == "Grüße, 世界"
    usage = message.usage
    assert (usage.input_tokens, usage.output_tokens) == (11, 7)
    assert (usage.cache_read_input_tokens, usage.cache_creation_input_tokens) == (5, 3)
    prefix = {"serving-endpoints": "databricks-", "ai-gateway": "system.ai."}[workspace.api]
    assert workspace.upstream.last.model == f"{prefix}claude-sonnet-4-5"
    assert workspace.upstream.last.path.startswith(f"/{workspace.api}/")
    assert ("chat/completions" in workspace.upstream.last.path) == (workspace.wire == "chat")
    assert workspace.upstream.last.headers["authorization"].startswith("Bearer ")
    assert "test-key" not in str(workspace.upstream.last.headers)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_parallel_calls_and_their_results(workspace: Workspace, stream: bool) -> None:
    workspace.upstream.reply(Answer((Text("Let me look."), *CALLS)), Answer((Text("Sunny."),)))

    message = ask(workspace, stream=stream, tools=TOOLS, tool_choice={"type": "auto"})
    calls = [block for block in message.content if block.type == "tool_use"]
    results: list[Any] = [
        {"type": "tool_result", "tool_use_id": "toolu_3", "content": [{"type": "text", "text": "rain"}, IMAGE]},
        {"type": "tool_result", "tool_use_id": "toolu_2", "content": ""},
        {"type": "tool_result", "tool_use_id": "toolu_1", "content": "snow", "is_error": True},
        {"type": "text", "text": "go on", "cache_control": {"type": "ephemeral"}},
    ]
    final = ask(workspace, stream=stream, tools=TOOLS, messages=follow_up(message, results))

    assert [(call.id, call.name, call.input) for call in calls] == [(call.id, call.name, call.input) for call in CALLS]
    assert message.stop_reason == "tool_use"
    assert final.content[0].text == "Sunny."
    sent = str(workspace.upstream.last.body["messages"])
    assert all(text in sent for text in ("rain", "snow", "go on", PNG, "toolu_1", "toolu_2", "toolu_3"))


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_thinking_goes_back_as_it_came(workspace: Workspace, stream: bool) -> None:
    hidden = RedactedThinking("ZW5jcnlwdGVkIHRoaW5raW5n")
    thinking: Any = {"type": "enabled", "budget_tokens": 2048}
    workspace.upstream.reply(
        Answer((Thinking("First I think.", SIGNATURE), hidden, Text("Now."), CALLS[0])), Answer((Text("Done."),))
    )

    message = ask(workspace, stream=stream, tools=TOOLS, thinking=thinking)
    result: Any = [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "snow"}]
    final = ask(workspace, stream=stream, tools=TOOLS, thinking=thinking, messages=follow_up(message, result))

    assert [block.type for block in message.content] == ["thinking", "redacted_thinking", "text", "tool_use"]
    assert (message.content[0].thinking, message.content[0].signature) == ("First I think.", SIGNATURE)
    assert message.content[1].data == hidden.data
    assert final.content[0].text == "Done."
    assert workspace.upstream.refusals == []
    assert workspace.upstream.last.body["thinking"] == thinking
    assert "reasoning_details" not in str(workspace.upstream.last.body)


def test_a_newest_model_thinks_adaptively_with_an_effort(workspace: Workspace) -> None:
    workspace.upstream.reply(Answer((Thinking("Hm.", SIGNATURE), Text("So."))))

    message = ask(
        workspace,
        stream=True,
        model=OPUS,
        thinking={"type": "enabled", "budget_tokens": 2048},
        output_config={"effort": "high"},
    )

    assert message.content[0].thinking == "Hm."
    assert workspace.upstream.last.body["thinking"]["type"] == "adaptive"
    assert workspace.upstream.last.body["output_config"] == {"effort": "high"}


def test_an_older_model_gets_a_budget_for_adaptive_thinking(workspace: Workspace) -> None:
    ask(workspace, stream=False, thinking={"type": "adaptive"})

    thinking = workspace.upstream.last.body["thinking"]
    assert thinking["type"] == "enabled"
    assert 1024 <= thinking["budget_tokens"] < 4096


def test_images_travel(workspace: Workspace) -> None:
    messages: Any = [{"role": "user", "content": [{"type": "text", "text": "What is it?"}, IMAGE]}]

    assert ask(workspace, stream=False, messages=messages).content[0].type == "text"
    assert PNG in str(workspace.upstream.last.body["messages"])


def test_other_models_take_the_chat_wire_and_plain_messages(workspace: Workspace) -> None:
    model = {"serving-endpoints": GPT, "ai-gateway": "system.ai.gpt-oss-120b"}[workspace.api]
    workspace.upstream.reply(Answer((Thinking("Hm.", ""), Text("Look."), *CALLS)), Answer((Text("Fine."),)))
    system: Any = [{"type": "text", "text": "One.", "cache_control": {"type": "ephemeral"}}]
    more: dict[str, Any] = {"model": model, "tools": TOOLS, "system": system, "output_config": {"effort": "xhigh"}}

    message = ask(workspace, stream=True, **more)
    results: Any = [{"type": "tool_result", "tool_use_id": call.id, "content": f"result {call.id}"} for call in CALLS]
    final = ask(workspace, stream=True, messages=follow_up(message, results), **more)

    assert [block.type for block in message.content] == ["thinking", "text", *["tool_use"] * 3]
    assert final.content[0].text == "Fine."
    body = workspace.upstream.last.body
    assert body["reasoning_effort"] == "high"
    assert body["messages"][0] == {"role": "system", "content": "One."}
    roles = [(turn["role"], len(turn.get("tool_calls", ()))) for turn in body["messages"][2:]]
    assert roles == [("assistant", 1), ("tool", 0)] * 3


def test_structured_output_of_a_newest_model_needs_the_messages_wire(endpoints: Workspace) -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"type": "string"}},
        "required": ["a"],
        "additionalProperties": False,
    }
    request: Any = {"model": OPUS, "output_config": {"format": {"type": "json_schema", "schema": schema}}}

    if endpoints.wire == "messages":
        assert ask(endpoints, stream=False, **request).stop_reason == "end_turn"
        assert endpoints.upstream.last.body["output_config"]["format"]["schema"] == schema
        return
    with pytest.raises(anthropic.BadRequestError, match="output_config.format"):
        ask(endpoints, stream=False, **request)
    assert endpoints.upstream.calls == []


def test_server_tools_are_refused_by_name_before_databricks_does(workspace: Workspace) -> None:
    with pytest.raises(anthropic.BadRequestError, match="tools.0.*web_search_20250305"):
        ask(workspace, stream=False, tools=[{"type": "web_search_20250305", "name": "web_search"}])

    assert workspace.upstream.calls == []


def test_what_databricks_does_not_take_is_left_out(workspace: Workspace) -> None:
    extra = {"seed": 7, "user": "someone", "provider": {"order": ["anthropic"]}, "min_p": 0.1, "service_tier": "auto"}

    ask(workspace, stream=False, metadata={"user_id": "u"}, extra_body=extra, tools=TOOLS)

    assert workspace.upstream.refusals == []
    assert not extra.keys() & workspace.upstream.last.body.keys()


def test_system_messages_inside_the_conversation_become_reminders(chat: Workspace) -> None:
    conversation: Any = [
        {"role": "user", "content": "hi"},
        {"role": "system", "content": "Mind the date."},
        {"role": "assistant", "content": "Hello."},
        {"role": "user", "content": "go on"},
    ]

    ask(chat, stream=False, messages=conversation)

    first = chat.upstream.last.body["messages"][0]
    assert first["role"] == "user"
    assert "<system-reminder>\nMind the date.\n</system-reminder>" in str(first["content"][1]["text"])


def test_a_pdf_is_refused_on_the_chat_wire_only(endpoints: Workspace) -> None:
    pdf = {"type": "base64", "media_type": "application/pdf", "data": base64.b64encode(b"%PDF-1.4 fake").decode()}
    messages: Any = [{"role": "user", "content": [{"type": "document", "source": pdf}]}]

    if endpoints.wire == "messages":
        ask(endpoints, stream=False, messages=messages)
        return
    with pytest.raises(anthropic.BadRequestError, match="PDF documents"):
        ask(endpoints, stream=False, messages=messages)
