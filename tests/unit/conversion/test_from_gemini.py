"""Requests of Gemini's `generateContent` as requests of the Messages API."""

from base64 import b64encode
from typing import Any

import pytest

from openrouter_anthropic_server.conversion.chat_context import NoteBook
from openrouter_anthropic_server.conversion.from_gemini import from_gemini
from openrouter_anthropic_server.conversion.gemini_shapes import json_schema
from openrouter_anthropic_server.conversion.gemini_thoughts import block_of_signature, thought_signature
from openrouter_anthropic_server.conversion.reasoning_envelope import unpack_reasoning
from openrouter_anthropic_server.errors import InvalidRequestError

PNG = "iVBORw0KGgo="


def user(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"role": "user", "parts": list(parts)}


def model(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"role": "model", "parts": list(parts)}


def converted(*contents: dict[str, Any], **more: Any) -> dict[str, Any]:
    body = {"model": "m", "contents": list(contents) or [user({"text": "hi"})], **more}
    return from_gemini(body, NoteBook())


def blocks(*parts: dict[str, Any]) -> list[dict[str, Any]]:
    content: list[dict[str, Any]] = converted(model(*parts))["messages"][0]["content"]
    return content


def config(**fields: Any) -> dict[str, Any]:
    request = converted(generationConfig=fields)
    return {name: value for name, value in request.items() if name not in ("model", "messages")}


def test_contents_are_turns_and_the_instruction_is_the_system_prompt() -> None:
    request = converted(
        user({"text": "hi"}),
        model({"text": "hello"}),
        {"parts": [{"text": "bye"}]},
        systemInstruction=user({"text": "x"}),
    )

    assert request["system"] == [{"type": "text", "text": "x"}]
    assert [(turn["role"], turn["content"][0]["text"]) for turn in request["messages"]] == [
        ("user", "hi"),
        ("assistant", "hello"),
        ("user", "bye"),
    ]


def test_both_spellings_of_names_are_read() -> None:
    request = converted(
        user({"inline_data": {"mime_type": "image/png", "data": PNG}}),
        system_instruction={"parts": [{"text": "x"}]},
        generation_config={"max_output_tokens": 9, "stop_sequences": ["a"]},
    )

    assert request["messages"][0]["content"][0]["source"] == {"type": "base64", "media_type": "image/png", "data": PNG}
    assert (request["max_tokens"], request["stop_sequences"]) == (9, ["a"])


def test_results_without_ids_answer_the_calls_of_their_name_in_order() -> None:
    calls = [{"functionCall": {"name": name, "args": {"n": n}}} for n, name in enumerate(("a", "b", "a"))]
    answers = [("a", {"result": "1"}), ("a", {"x": 2}), ("b", {"error": "no"})]
    results = [{"functionResponse": {"name": name, "response": response}} for name, response in answers]
    request = converted(model(*calls), {"role": "function", "parts": results})

    assert [block["id"] for block in request["messages"][0]["content"]] == ["call_0", "call_1", "call_2"]
    assert request["messages"][1]["content"] == [
        {"type": "tool_result", "tool_use_id": "call_0", "content": [{"type": "text", "text": "1"}]},
        {"type": "tool_result", "tool_use_id": "call_2", "content": [{"type": "text", "text": '{"x":2}'}]},
        {"type": "tool_result", "tool_use_id": "call_1", "content": [{"type": "text", "text": "no"}], "is_error": True},
    ]


def test_given_ids_are_kept() -> None:
    call = {"functionCall": {"id": "c9", "name": "a", "args": {}}}
    result = {"functionResponse": {"id": "c9", "name": "a", "response": {"output": "x"}}}
    request = converted(model(call), user(result))

    assert request["messages"][0]["content"][0]["id"] == request["messages"][1]["content"][0]["tool_use_id"] == "c9"


def test_media_in_results_stays_in_them() -> None:
    part = {"inlineData": {"mimeType": "image/png", "data": PNG}}
    result = {"functionResponse": {"id": "c", "name": "a", "response": {"output": "x"}, "parts": [part]}}
    (block,) = converted(user(result))["messages"][0]["content"]

    assert [inner["type"] for inner in block["content"]] == ["text", "image"]


@pytest.mark.parametrize(
    "block",
    [
        {"type": "thinking", "thinking": "let me see", "signature": "EtkB+/=="},
        {"type": "thinking", "thinking": "", "signature": "orx1.abc"},
        {"type": "redacted_thinking", "data": "secret"},
    ],
)
def test_thinking_comes_back_as_it_went_out(block: dict[str, Any]) -> None:
    signature = thought_signature(block)
    assert signature is not None
    thought = block.get("thinking", "")
    pieces = [{"text": thought[:4], "thought": True}, {"text": thought[4:], "thought": True}]

    assert block_of_signature(signature, thought) == block
    assert blocks(*pieces, {"text": "", "thought": True, "thoughtSignature": signature}, {"text": "x"}) == [
        block,
        {"type": "text", "text": "x"},
    ]


def test_signature_of_geminis_own_travels_in_the_envelope_with_its_call() -> None:
    own = b64encode(b"opaque").decode()
    call = {"functionCall": {"id": "c1", "name": "a", "args": {}}, "thoughtSignature": own}
    thinking, call_block = blocks({"text": "hm", "thought": True}, call)

    assert thinking["thinking"] == "hm"
    assert unpack_reasoning(thinking["signature"]) == [
        {"type": "reasoning.encrypted", "data": own, "format": "google-gemini-v1", "index": 0, "id": "c1"}
    ]
    assert call_block["type"] == "tool_use"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (
            {"maxOutputTokens": 5, "temperature": 1.5, "topP": 0.5, "topK": 40.0},
            {"max_tokens": 5, "temperature": 1.5, "top_p": 0.5, "top_k": 40},
        ),
        ({"stopSequences": ["a"], "seed": 3, "candidateCount": 1}, {"stop_sequences": ["a"], "seed": 3}),
        ({"presencePenalty": 1, "frequencyPenalty": 2}, {"presence_penalty": 1, "frequency_penalty": 2}),
        ({"thinkingConfig": {"thinkingBudget": 0}}, {"thinking": {"type": "disabled"}}),
        ({"thinkingConfig": {"thinkingBudget": -1}}, {"thinking": {"type": "adaptive"}}),
        ({"thinkingConfig": {"thinkingBudget": 2048}}, {"thinking": {"type": "enabled", "budget_tokens": 2048}}),
        ({"thinkingConfig": {"thinkingBudget": 5}}, {"thinking": {"type": "enabled", "budget_tokens": 1024}}),
        ({"thinkingConfig": {"thinkingLevel": "HIGH"}}, {"output_config": {"effort": "high"}}),
        ({"responseMimeType": "text/plain"}, {}),
        ({"responseMimeType": "application/json"}, {"response_format": {"type": "json_object"}}),
        (
            {"responseMimeType": "application/json", "responseSchema": {"type": "OBJECT", "nullable": True}},
            {"output_config": {"format": {"type": "json_schema", "schema": {"type": ["object", "null"]}}}},
        ),
        ({"responseModalities": ["TEXT"], "responseLogprobs": False}, {}),
    ],
)
def test_configuration_has_its_counterparts(fields: dict[str, Any], expected: dict[str, Any]) -> None:
    assert config(**fields) == expected


def test_schema_of_geminis_form_is_json_schema() -> None:
    schema = {
        "type": "OBJECT",
        "propertyOrdering": ["a"],
        "properties": {
            "type": {"type": "STRING", "enum": ["x"], "nullable": True},
            "a": {"type": "ARRAY", "items": {"type": "INTEGER"}, "minItems": "2"},
            "b": {"any_of": [{"type": "NUMBER"}, {"type": "BOOLEAN"}], "nullable": True},
        },
        "required": ["a"],
    }

    assert json_schema(schema, "schema", NoteBook()) == {
        "type": "object",
        "properties": {
            "type": {"type": ["string", "null"], "enum": ["x", None]},
            "a": {"type": "array", "items": {"type": "integer"}, "minItems": 2},
            "b": {"anyOf": [{"type": "number"}, {"type": "boolean"}, {"type": "null"}]},
        },
        "required": ["a"],
    }


FUNCTIONS = [
    {"functionDeclarations": [{"name": "a", "description": "d", "parameters": {"type": "OBJECT"}}, {"name": "b"}]}
]


@pytest.mark.parametrize(
    ("choice", "expected", "offered"),
    [
        ({"mode": "AUTO"}, {"type": "auto"}, ["a", "b"]),
        ({"mode": "NONE"}, {"type": "none"}, ["a", "b"]),
        ({"mode": "any"}, {"type": "any"}, ["a", "b"]),
        ({"mode": "ANY", "allowedFunctionNames": ["b"]}, {"type": "tool", "name": "b"}, ["b"]),
        ({"mode": "ANY", "allowedFunctionNames": ["a", "b"]}, {"type": "any"}, ["a", "b"]),
        ({}, None, ["a", "b"]),
    ],
)
def test_choice_of_functions(choice: dict[str, Any], expected: object, offered: list[str]) -> None:
    request = converted(tools=FUNCTIONS, toolConfig={"functionCallingConfig": choice})

    assert request.get("tool_choice") == expected
    assert [tool["name"] for tool in request["tools"]] == offered


def test_function_is_a_tool_and_search_is_a_web_search() -> None:
    tools = converted(tools=[*FUNCTIONS, {"googleSearch": {}}])["tools"]

    assert tools == [
        {"name": "a", "description": "d", "input_schema": {"type": "object"}},
        {"name": "b", "input_schema": {"type": "object", "properties": {}}},
        {"type": "web_search_20250305", "name": "web_search"},
    ]


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ({"contents": 3}, "contents"),
        ({"contents": [{"role": "system", "parts": []}]}, "contents.0.role"),
        ({"contents": [user({"executableCode": {}})]}, "contents.0.parts.0"),
        (
            {"contents": [user({"inlineData": {"mimeType": "audio/wav", "data": "AAAA"}})]},
            "contents.0.parts.0.inlineData",
        ),
        ({"contents": [user({"fileData": {"fileUri": "gs://x/y"}})]}, "contents.0.parts.0.fileData.fileUri"),
        ({"contents": [user({"functionCall": {}})]}, "contents.0.parts.0.functionCall.name"),
        ({"contents": [user({"text": 3})]}, "contents.0.parts.0.text"),
        ({"generationConfig": {"candidateCount": 2}}, "generationConfig.candidateCount"),
        ({"generationConfig": {"speechConfig": {}}}, "generationConfig.speechConfig"),
        ({"generationConfig": {"responseModalities": ["IMAGE"]}}, "generationConfig.responseModalities"),
        ({"generationConfig": {"responseMimeType": "text/x.enum"}}, "generationConfig.responseMimeType"),
        ({"cachedContent": "cachedContents/1"}, "cachedContent"),
        ({"tools": [{"codeExecution": {}}]}, "tools.0.codeExecution"),
        ({"toolConfig": {"functionCallingConfig": {"mode": "MAYBE"}}}, "toolConfig.functionCallingConfig.mode"),
        (
            {
                "tools": FUNCTIONS,
                "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["c"]}},
            },
            "toolConfig.functionCallingConfig.allowedFunctionNames",
        ),
        (
            {"systemInstruction": user({"inlineData": {"mimeType": "image/png", "data": PNG}})},
            "systemInstruction.parts.0",
        ),
    ],
)
def test_what_cannot_be_carried_is_refused_by_name(more: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        from_gemini({"model": "m", "contents": [user({"text": "x"})], **more}, NoteBook())

    assert refused.value.message.startswith(f"{path}: ")


def test_harmless_losses_are_noted() -> None:
    notes = NoteBook()
    from_gemini({"model": "m", "contents": "hi", "safetySettings": [], "labels": {"a": "b"}}, notes)

    assert [note.path for note in notes.notes()] == ["safetySettings", "labels"]
