"""Requests of OpenAI's chat completions as requests of the Messages API."""

from typing import Any

import pytest

from openrouter_anthropic_server.conversion.chat_context import NoteBook
from openrouter_anthropic_server.conversion.from_openai_chat import from_openai_chat
from openrouter_anthropic_server.conversion.reasoning_envelope import unpack_reasoning
from openrouter_anthropic_server.errors import InvalidRequestError

PNG = "iVBORw0KGgo="
HI = {"role": "user", "content": "hi"}


def user(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"role": "user", "content": list(parts)}


def converted(*messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    return from_openai_chat({"model": "m", "messages": list(messages) or [HI], **more}, NoteBook())


def noted(*messages: dict[str, Any], **more: Any) -> list[str]:
    notes = NoteBook()
    from_openai_chat({"model": "m", "messages": list(messages) or [HI], **more}, notes)
    return [note.path for note in notes.notes()]


def test_leading_system_messages_are_the_system_prompt_later_ones_stay_where_they_are() -> None:
    request = converted(
        {"role": "system", "content": "one"},
        {"role": "developer", "content": [{"type": "text", "text": "two"}]},
        {"role": "user", "content": "hi"},
        {"role": "system", "content": "three"},
    )

    assert request["system"] == [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]
    assert request["messages"] == [
        {"role": "user", "content": [{"type": "text", "text": "hi"}]},
        {"role": "system", "content": [{"type": "text", "text": "three"}]},
    ]


def test_parallel_calls_and_their_results_are_one_turn_each() -> None:
    calls = [
        {"id": "call_1", "type": "function", "function": {"name": "a", "arguments": '{"x": 1}'}},
        {"id": "call_2", "type": "function", "function": {"name": "b", "arguments": ""}},
    ]
    request = converted(
        {"role": "assistant", "content": None, "tool_calls": calls},
        {"role": "tool", "tool_call_id": "call_1", "content": "one"},
        {"role": "tool", "tool_call_id": "call_2", "content": [{"type": "text", "text": "two"}]},
    )

    assert request["messages"] == [
        {
            "role": "assistant",
            "content": [
                {"type": "tool_use", "id": "call_1", "name": "a", "input": {"x": 1}},
                {"type": "tool_use", "id": "call_2", "name": "b", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "call_1", "content": "one"},
                {"type": "tool_result", "tool_use_id": "call_2", "content": [{"type": "text", "text": "two"}]},
            ],
        },
    ]


@pytest.mark.parametrize(
    ("part", "block"),
    [
        (
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
        ),
        (
            {"type": "image_url", "image_url": {"url": "https://x.example/a.png"}},
            {"type": "image", "source": {"type": "url", "url": "https://x.example/a.png"}},
        ),
        (
            {"type": "file", "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PNG}"}},
            {
                "type": "document",
                "source": {"type": "base64", "media_type": "application/pdf", "data": PNG},
                "title": "a.pdf",
            },
        ),
        (
            {"type": "file", "file": {"file_id": "file_1"}},
            {"type": "document", "source": {"type": "file", "file_id": "file_1"}},
        ),
    ],
)
def test_images_and_files_are_blocks(part: dict[str, Any], block: dict[str, Any]) -> None:
    assert converted(user(part))["messages"][0]["content"] == [block]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"max_tokens": 5}, {"max_tokens": 5}),
        ({"max_completion_tokens": 7, "max_tokens": 5}, {"max_tokens": 7}),
        ({"max_tokens": 5, "max_completion_tokens": 7}, {"max_tokens": 7}),
        ({"stop": "END"}, {"stop_sequences": ["END"]}),
        ({"stop": ["a", "b"]}, {"stop_sequences": ["a", "b"]}),
        ({"reasoning_effort": "high"}, {"output_config": {"effort": "high"}}),
        ({"reasoning_effort": "none"}, {"thinking": {"type": "disabled"}}),
        ({"user": "me"}, {"metadata": {"user_id": "me"}}),
        ({"service_tier": "default"}, {"service_tier": "standard_only"}),
        ({"n": 1, "temperature": 0.5, "seed": 3}, {"temperature": 0.5, "seed": 3}),
        ({"temperature": None, "response_format": {"type": "text"}}, {}),
        ({"response_format": {"type": "json_object"}}, {"response_format": {"type": "json_object"}}),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}},
            {"output_config": {"format": {"type": "json_schema", "schema": {"title": "x", "type": "object"}}}},
        ),
    ],
)
def test_parameters_have_their_counterparts(given: dict[str, Any], expected: dict[str, Any]) -> None:
    request = converted(**given)

    assert {name: value for name, value in request.items() if name not in ("model", "messages")} == expected


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("auto", {"type": "auto"}),
        ("required", {"type": "any"}),
        ("none", {"type": "none"}),
        ({"type": "function", "function": {"name": "a"}}, {"type": "tool", "name": "a"}),
    ],
)
def test_choice_of_tools(choice: object, expected: dict[str, Any]) -> None:
    function = {"name": "a", "description": "d", "parameters": {"type": "object"}, "strict": True}
    request = converted(tools=[{"type": "function", "function": function}], tool_choice=choice)

    assert request["tools"] == [{"name": "a", "description": "d", "input_schema": {"type": "object"}, "strict": True}]
    assert request["tool_choice"] == expected


def test_one_call_at_a_time() -> None:
    request = converted(tools=[{"type": "function", "function": {"name": "a"}}], parallel_tool_calls=False)

    assert request["tool_choice"] == {"type": "auto", "disable_parallel_tool_use": True}


def test_reasoning_comes_back_with_its_signature() -> None:
    details = [
        {"type": "reasoning.text", "text": "hm", "signature": "sig", "format": "anthropic-claude-v1", "index": 0},
        {"type": "reasoning.encrypted", "data": "secret", "format": "anthropic-claude-v1", "index": 1},
    ]
    message = {"role": "assistant", "content": "x", "reasoning_content": "hm", "reasoning_details": details}

    assert converted(message)["messages"][0]["content"] == [
        {"type": "thinking", "thinking": "hm", "signature": "sig"},
        {"type": "redacted_thinking", "data": "secret"},
        {"type": "text", "text": "x"},
    ]


def test_reasoning_of_other_vendors_travels_in_one_envelope() -> None:
    details = [
        {"type": "reasoning.summary", "summary": "short", "format": "openai-responses-v1", "index": 0},
        {"type": "reasoning.encrypted", "data": "abc", "format": "openai-responses-v1", "index": 0},
    ]
    (block,) = converted({"role": "assistant", "reasoning_details": details})["messages"][0]["content"]

    assert block["thinking"] == "short"
    assert unpack_reasoning(block["signature"]) == details


def test_plain_reasoning_is_thinking_without_a_signature() -> None:
    (block, _) = converted({"role": "assistant", "content": "x", "reasoning_content": "hm"})["messages"][0]["content"]

    assert block == {"type": "thinking", "thinking": "hm", "signature": ""}


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ({"n": 2}, "n"),
        ({"logprobs": True}, "logprobs"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"functions": [{"name": "a"}]}, "functions"),
        ({"tools": [{"type": "custom", "custom": {}}]}, "tools.0.type"),
        ({"tools": [3]}, "tools.0"),
        ({"tool_choice": "sometimes"}, "tool_choice"),
        ({"tool_choice": {"type": "allowed_tools"}}, "tool_choice.type"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
        ({"messages": "hi"}, "messages"),
        ({"messages": [{"role": ["x"]}]}, "messages.0.role"),
        ({"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]}, "messages.0.content.0"),
        ({"messages": [{"role": "user", "content": [{"type": {}}]}]}, "messages.0.content.0"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages.0.tool_call_id"),
        (
            {"messages": [{"role": "assistant", "tool_calls": [{"id": "a", "function": {"name": "b"}, "type": "x"}]}]},
            "messages.0.tool_calls.0.type",
        ),
        (
            {
                "messages": [
                    {"role": "assistant", "tool_calls": [{"id": "a", "function": {"name": "b", "arguments": "["}}]}
                ]
            },
            "messages.0.tool_calls.0.function.arguments",
        ),
        (
            {"messages": [user({"type": "image_url", "image_url": {"url": "data:image/tiff;base64,AAAA"}})]},
            "messages.0.content.0.image_url.url",
        ),
        (
            {"messages": [user({"type": "image_url", "image_url": {"url": "ftp://x"}})]},
            "messages.0.content.0.image_url.url",
        ),
    ],
)
def test_what_cannot_be_carried_is_refused_by_name(more: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        from_openai_chat({"model": "m", "messages": [HI], **more}, NoteBook())

    assert refused.value.message.startswith(f"{path}: ")


def test_harmless_losses_are_noted() -> None:
    image = {"type": "image_url", "image_url": {"url": "https://x.example/a.png", "detail": "high"}}

    assert noted({"role": "user", "name": "me", "content": [image]}, store=True, metadata={"a": "b"}) == [
        "messages.0.name",
        "messages.0.content.0.image_url.detail",
        "store",
        "metadata",
    ]
