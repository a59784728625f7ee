"""Parts of Gemini's contents: ids that clients leave out, parts that say two things, and what nobody reads."""

from typing import Any

import pytest

from openrouter_anthropic_server.conversion.chat_context import NoteBook
from openrouter_anthropic_server.conversion.from_gemini import from_gemini
from openrouter_anthropic_server.conversion.gemini_signatures import signature_detail, signatures_of
from openrouter_anthropic_server.conversion.gemini_thoughts import thought_signature
from openrouter_anthropic_server.conversion.reasoning_envelope import pack_reasoning, unpack_reasoning
from openrouter_anthropic_server.errors import InvalidRequestError

PNG = "iVBORw0KGgo="
HI = {"role": "user", "parts": [{"text": "hi"}]}
FUNCTION = {"name": "a", "parameters": {"type": "OBJECT"}}


def model(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"role": "model", "parts": list(parts)}


def turns(*contents: dict[str, Any]) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = from_gemini({"model": "m", "contents": list(contents)}, NoteBook())["messages"]
    return messages


def signed(*call_ids: str) -> dict[str, Any]:
    """The part that brings Gemini's signatures of calls back, as this server hands it out."""
    envelope = pack_reasoning([signature_detail(f"sig of {one}", one) for one in call_ids])
    signature = thought_signature({"type": "thinking", "thinking": "", "signature": envelope})
    return {"text": "", "thought": True, "thoughtSignature": signature}


def call(name: str, **more: Any) -> dict[str, Any]:
    return {"functionCall": {"name": name, "args": {}, **more}}


def ids(blocks: list[dict[str, Any]]) -> list[str]:
    return [block["id"] for block in blocks if block["type"] == "tool_use"]


def test_call_without_an_id_is_the_one_that_its_signature_names() -> None:
    (turn,) = turns(model(signed("toolu_1"), call("a"), call("b"), signed("toolu_2"), call("c")))

    assert ids(turn["content"]) == ["toolu_1", "call_1", "toolu_2"]


def test_one_envelope_names_several_calls_in_order() -> None:
    (turn,) = turns(model(signed("toolu_1", "toolu_2"), call("a"), call("b"), call("c")))

    assert ids(turn["content"]) == ["toolu_1", "toolu_2", "call_2"]


def test_only_calls_directly_behind_a_signature_are_meant() -> None:
    (turn,) = turns(model(signed("toolu_1"), {"text": "x"}, call("a")))

    assert ids(turn["content"]) == ["call_0"]


def test_result_without_an_id_answers_the_call_that_a_signature_named() -> None:
    result = {"functionResponse": {"name": "a", "response": {"output": "x"}}}
    _, user = turns(model(signed("toolu_1"), call("a")), {"role": "user", "parts": [result]})

    assert user["content"][0]["tool_use_id"] == "toolu_1"


def test_signature_of_geminis_own_stays_with_its_call_beside_given_ids() -> None:
    own = {**call("b"), "thoughtSignature": "QUJD"}
    first, second = turns(model(call("a", id="call_1"), own), model({"function_call": {"id": "call_2", "name": "c"}}))
    thinking = first["content"][1]

    assert ids(first["content"] + second["content"]) == ["call_1", "call_3", "call_2"]
    assert signatures_of(unpack_reasoning(thinking["signature"]) or []) == {"call_3": "QUJD"}


def test_results_stand_before_texts_in_a_turn_of_the_user() -> None:
    notes = NoteBook()
    result = {"functionResponse": {"name": "a", "response": {"output": "x"}}}
    body = {"model": "m", "contents": [HI, model(call("a")), {"role": "user", "parts": [{"text": "n"}, result]}]}
    messages = from_gemini(body, notes)["messages"]

    assert [block["type"] for block in messages[2]["content"]] == ["tool_result", "text"]
    assert [(note.kind, note.path) for note in notes.notes()] == [("converted", "contents.2")]


def test_call_that_is_marked_as_a_thought_is_a_call() -> None:
    (turn,) = turns(model({"thought": True, **call("a")}))

    assert ids(turn["content"]) == ["call_0"]


def test_empty_text_beside_a_call_says_nothing() -> None:
    (turn,) = turns(model({"text": "", **call("a")}))

    assert ids(turn["content"]) == ["call_0"]


@pytest.mark.parametrize(
    ("more", "path"),
    [
        (
            {"contents": [model({"text": "hi", "inlineData": {"mimeType": "image/png", "data": PNG}})]},
            "contents.0.parts.0",
        ),
        ({"contents": [model({"text": "hi", "thought": True, **call("a")})]}, "contents.0.parts.0"),
        (
            {"contents": [model(call("a", partialArgs=[{"jsonPath": "$.x"}]))]},
            "contents.0.parts.0.functionCall.partialArgs",
        ),
        (
            {"generationConfig": {"topK": 3}, "generation_config": {"topP": 0.5}},
            "body.generation_config",
        ),
        (
            {"generationConfig": {"thinkingConfig": {"thinkingBudget": "0"}}},
            "generationConfig.thinkingConfig.thinkingBudget",
        ),
        (
            {"generationConfig": {"thinkingConfig": {"thinkingBudget": True}}},
            "generationConfig.thinkingConfig.thinkingBudget",
        ),
    ],
)
def test_what_would_be_lost_is_refused_by_name(more: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        from_gemini({"model": "m", "contents": [HI], **more}, NoteBook())

    assert refused.value.message.startswith(f"{path}: ")


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ({"contents": [{**HI, "odd": 1}]}, "contents.0.odd"),
        ({"contents": [model({"text": "x", "odd": 1})]}, "contents.0.parts.0.odd"),
        ({"contents": [model({"text": "x", "thought": True, "odd": 1})]}, "contents.0.parts.0.odd"),
        ({"systemInstruction": {**HI, "odd": 1}}, "systemInstruction.odd"),
        ({"contents": [model(call("a", willContinue=True))]}, "contents.0.parts.0.functionCall.willContinue"),
        (
            {"contents": [model({"functionResponse": {"name": "a", "scheduling": "SILENT"}})]},
            "contents.0.parts.0.functionResponse.scheduling",
        ),
        (
            {"contents": [model({"inlineData": {"mimeType": "image/png", "data": PNG, "displayName": "a"}})]},
            "contents.0.parts.0.inlineData.displayName",
        ),
        (
            {"contents": [model({"fileData": {"fileUri": "https://x.example/a.png", "displayName": "a"}})]},
            "contents.0.parts.0.fileData.displayName",
        ),
        ({"generationConfig": {"thinkingConfig": {"odd": 1}}}, "generationConfig.thinkingConfig.odd"),
        (
            {"toolConfig": {"functionCallingConfig": {"streamFunctionCallArguments": True}}},
            "toolConfig.functionCallingConfig.streamFunctionCallArguments",
        ),
        (
            {"tools": [{"functionDeclarations": [{**FUNCTION, "parameters": {"propertyOrdering": ["a"]}}]}]},
            "tools.0.functionDeclarations.0.parameters.propertyOrdering",
        ),
        (
            {
                "generationConfig": {
                    "responseMimeType": "application/json",
                    "responseSchema": {"properties": {"a": {"example": 1}}},
                }
            },
            "generationConfig.responseSchema.example",
        ),
    ],
)
def test_what_nobody_reads_is_noted(more: dict[str, Any], path: str) -> None:
    notes = NoteBook()
    from_gemini({"model": "m", "contents": [HI], **more}, notes)

    assert [(note.kind, note.path) for note in notes.notes()] == [("not_sent", path)]


def test_domains_that_a_search_leaves_out_are_blocked() -> None:
    notes = NoteBook()
    search = {"excludeDomains": ["x.example"], "timeRangeFilter": {"startTime": "2020"}}
    body = {"model": "m", "contents": "hi", "tools": [{"googleSearch": search}]}

    assert from_gemini(body, notes)["tools"][0]["blocked_domains"] == ["x.example"]
    assert [note.path for note in notes.notes()] == ["tools.0.googleSearch", "tools.0.googleSearch.timeRangeFilter"]
