"""Requests for Gemini, Bedrock and Cohere: what LiteLLM or they would lose or refuse."""

from typing import Any

import pytest

from openrouter_anthropic_server.conversion.chat_dialects import ChatDialect
from openrouter_anthropic_server.conversion.chat_request import ConvertedRequest, convert_request
from openrouter_anthropic_server.errors import InvalidRequestError

MODELS = {
    "google": "gemini-2.5-pro",
    "bedrock": "anthropic.claude-sonnet-4-5-20250929-v1:0",
    "cohere": "command-a-03-2025",
}
EACH = pytest.mark.parametrize("provider", MODELS)
TOOLS = [{"name": "Read", "input_schema": {"type": "object", "properties": {}}}]


def converted(provider: str, *messages: dict[str, Any], **more: Any) -> ConvertedRequest:
    request: Any = {"model": "m", "max_tokens": 100, "messages": list(messages), **more}
    return convert_request(request, model=MODELS[provider], dialect=ChatDialect(provider, "litellm"))


def user(*content: Any) -> dict[str, Any]:
    return {"role": "user", "content": list(content) if not isinstance(content[0], str) else content[0]}


def calls(*ids: str) -> dict[str, Any]:
    blocks = [{"type": "tool_use", "id": one, "name": "Read", "input": {"path": "/a"}} for one in ids]
    return {"role": "assistant", "content": blocks}


def results(*ids: str, content: Any = "x") -> dict[str, Any]:
    return user(*({"type": "tool_result", "tool_use_id": one, "content": content} for one in ids))


def notes(request: ConvertedRequest) -> str:
    return "\n".join(f"{note.kind} {note.path}: {note.detail}" for note in request.notes)


@EACH
def test_a_system_message_between_the_turns_becomes_a_reminder(provider: str) -> None:
    system = {"role": "system", "content": "Be nice."}

    request = converted(provider, user("Hi"), calls("t1"), results("t1"), system, tools=TOOLS, system="Be brief.")

    roles = [message["role"] for message in request.body["messages"]]
    assert roles == ["system", "user", "assistant", "tool", "user"]
    reminder = request.body["messages"][-1]["content"][0]["text"]
    assert reminder == "<system-reminder>\nBe nice.\n</system-reminder>"
    assert "reminder" in notes(request)


@EACH
def test_the_request_itself_is_not_changed(provider: str) -> None:
    first = user({"type": "text", "text": "Hi", "cache_control": {"type": "ephemeral"}})
    system = {"role": "system", "content": "Be nice."}

    converted(provider, first, system)

    assert first == user({"type": "text", "text": "Hi", "cache_control": {"type": "ephemeral"}})


def test_equal_calls_of_one_turn_go_to_gemini_once() -> None:
    request = converted("google", user("Hi"), calls("t1", "t2"), results("t1", "t2"), tools=TOOLS)

    turn, *answers = request.body["messages"][1:]
    assert [call["id"] for call in turn["tool_calls"]] == ["t1"]
    assert [answer["tool_call_id"] for answer in answers] == ["t1"]
    assert "stands twice" in notes(request)


def test_a_result_without_its_call_is_refused_for_gemini() -> None:
    with pytest.raises(InvalidRequestError, match="t9"):
        converted("google", user("Hi"), calls("t1"), results("t9"), tools=TOOLS)


def test_no_tools_after_calls_cannot_be_said_to_bedrock() -> None:
    choice = {"type": "none"}
    with pytest.raises(InvalidRequestError, match="tool_choice"):
        converted("bedrock", user("Hi"), calls("t1"), results("t1"), tools=TOOLS, tool_choice=choice)


def test_an_empty_result_has_some_content_for_cohere() -> None:
    request = converted("cohere", user("Hi"), calls("t1"), results("t1", content=""), tools=TOOLS)

    assert request.body["messages"][-1]["content"] == "(empty)"


def test_what_is_no_text_in_a_result_moves_behind_the_results() -> None:
    source = {"type": "base64", "media_type": "image/png", "data": "AAAA"}
    content = [{"type": "text", "text": "See:"}, {"type": "image", "source": source}]

    request = converted("google", user("Hi"), calls("t1"), results("t1", content=content), tools=TOOLS)

    tool, moved = request.body["messages"][-2:]
    assert tool["content"] == [{"type": "text", "text": "See:"}]
    assert [part["type"] for part in moved["content"]] == ["text", "image_url"]
    assert "tool_result" in notes(request)


@pytest.mark.parametrize("provider", ["google", "bedrock"])
@pytest.mark.parametrize("kind", ["image", "document"])
def test_addresses_are_refused_because_litellm_would_fetch_them(provider: str, kind: str) -> None:
    block = {"type": kind, "source": {"type": "url", "url": "https://example.org/a"}}

    with pytest.raises(InvalidRequestError, match="base64"):
        converted(provider, user(block))


def test_what_gemini_cannot_be_told_is_noted() -> None:
    choice = {"type": "auto", "disable_parallel_tool_use": True}
    marked = {"type": "text", "text": "Hi", "cache_control": {"type": "ephemeral"}}

    request = converted("google", user(marked), tools=TOOLS, tool_choice=choice)

    assert "parallel_tool_calls" not in request.body
    assert request.body["messages"][0]["content"][0] == {"type": "text", "text": "Hi"}
    assert "disable_parallel_tool_use" in notes(request)
    assert "cache_control" in notes(request)
