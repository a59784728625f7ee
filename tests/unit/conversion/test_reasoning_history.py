"""Thinking of earlier turns: each model gets its own reasoning back, and no signature of another."""

from collections.abc import Callable
from typing import Any

import pytest

from openrouter_anthropic_server.conversion.reasoning_envelope import ENVELOPE_PREFIX, pack_reasoning
from tests.unit.conversion.converting import CLAUDE, DEEPSEEK, GEMINI, GPT, Block, assistant, call, convert, notes, user

CLAUDE_TEXT = {
    "type": "reasoning.text",
    "text": "hm",
    "signature": "c2ln",
    "format": "anthropic-claude-v1",
    "index": 0,
}
GEMINI_DETAILS = [
    {"type": "reasoning.text", "text": "hm", "format": "google-gemini-v1", "index": 0},
    {"type": "reasoning.encrypted", "data": "CiQ", "id": "tool_1", "format": "google-gemini-v1", "index": 1},
]
GPT_DETAILS = [
    {"type": "reasoning.summary", "summary": "hm", "format": "openai-responses-v1", "index": 0},
    {"type": "reasoning.encrypted", "data": "gAAA", "id": "rs_1", "format": "openai-responses-v1", "index": 0},
]
PLAIN_DETAILS = [{"type": "reasoning.text", "text": "hm", "index": 0}]
UNKNOWN_DETAILS = [{"type": "reasoning.encrypted", "data": "x", "format": "future-v9"}]


def thinking(signature: str, value: str = "hm") -> Block:
    return {"type": "thinking", "thinking": value, "signature": signature}


def redacted(data: str) -> Block:
    return {"type": "redacted_thinking", "data": data}


def details(model: str, *content: str | Block) -> Any:
    message = convert(user("go"), assistant(*content, "ok"), model=model).body["messages"][1]
    return message.get("reasoning_details")


class TestClaude:
    def test_thinking_keeps_its_signature(self) -> None:
        assert details(CLAUDE, thinking("c2ln")) == [CLAUDE_TEXT]

    def test_text_and_redacted_parts_keep_their_order(self) -> None:
        assert details(CLAUDE, redacted("ZW5j"), thinking("c2ln")) == [
            {"type": "reasoning.encrypted", "data": "ZW5j", "format": "anthropic-claude-v1", "index": 0},
            {**CLAUDE_TEXT, "index": 1},
        ]

    def test_omitted_thinking_keeps_its_signature(self) -> None:
        assert details(CLAUDE, thinking("c2ln", "")) == [{**CLAUDE_TEXT, "text": ""}]

    @pytest.mark.parametrize("signature", ["", ENVELOPE_PREFIX + "broken!"])
    def test_thinking_without_a_signature_is_not_sent(self, signature: str) -> None:
        converted = convert(user("go"), assistant(thinking(signature), call("1")), model=CLAUDE)

        assert "reasoning_details" not in converted.body["messages"][1]
        assert notes(converted) == {("not_sent", "messages.1.content.0")}

    @pytest.mark.parametrize("packed", [GEMINI_DETAILS, GPT_DETAILS, PLAIN_DETAILS])
    def test_reasoning_of_other_models_is_not_sent(self, packed: list[Block]) -> None:
        converted = convert(user("go"), assistant(thinking(pack_reasoning(packed)), "ok"), model=CLAUDE)

        assert "reasoning_details" not in converted.body["messages"][1]
        assert notes(converted) == {("not_sent", "messages.1.content.0")}

    def test_its_own_details_in_an_envelope_come_back(self) -> None:
        assert details(CLAUDE, thinking(pack_reasoning([CLAUDE_TEXT]))) == [CLAUDE_TEXT]

    def test_a_broken_envelope_is_no_redacted_thinking(self) -> None:
        assert details(CLAUDE, redacted(ENVELOPE_PREFIX + "broken!")) is None


class TestOthers:
    @pytest.mark.parametrize(
        ("model", "packed"),
        [
            (GEMINI, GEMINI_DETAILS),
            (GPT, GPT_DETAILS),
            (GPT, [{"type": "reasoning.encrypted", "data": "x", "format": "azure-openai-responses-v1"}]),
            (DEEPSEEK, PLAIN_DETAILS),
            (DEEPSEEK, UNKNOWN_DETAILS),
            ("x-ai/grok-4", [{"type": "reasoning.encrypted", "data": "x", "format": "xai-responses-v1"}]),
        ],
    )
    def test_an_envelope_is_unpacked_whole_and_in_order(self, model: str, packed: list[Block]) -> None:
        assert details(model, thinking(pack_reasoning(packed))) == packed
        assert details(model, redacted(pack_reasoning(packed))) == packed

    def test_text_beside_encrypted_details_is_noted(self) -> None:
        block = thinking(
            pack_reasoning([{"type": "reasoning.encrypted", "data": "x", "format": "openai-responses-v1"}])
        )
        converted = convert(user("go"), assistant(block, "ok"), model=GPT)

        assert notes(converted) == {("not_sent", "messages.1.content.0.thinking")}

    @pytest.mark.parametrize(
        ("model", "packed"), [(GPT, GEMINI_DETAILS), (GEMINI, GPT_DETAILS), (DEEPSEEK, GPT_DETAILS)]
    )
    def test_an_envelope_of_another_vendor_is_not_sent(self, model: str, packed: list[Block]) -> None:
        converted = convert(user("go"), assistant(thinking(pack_reasoning(packed)), "ok"), model=model)

        assert "reasoning_details" not in converted.body["messages"][1]
        assert notes(converted) == {("not_sent", "messages.1.content.0")}

    @pytest.mark.parametrize("signature", ["c2ln", pack_reasoning([CLAUDE_TEXT])])
    def test_claudes_thinking_is_sent_without_its_signature(self, signature: str) -> None:
        converted = convert(user("go"), assistant(thinking(signature), "ok"), model=GPT)

        assert converted.body["messages"][1]["reasoning_details"] == PLAIN_DETAILS
        assert notes(converted) == {("not_sent", "messages.1.content.0.signature")}

    @pytest.mark.parametrize("signature", ["", ENVELOPE_PREFIX + "broken!"])
    def test_unsigned_thinking_is_sent_as_text(self, signature: str) -> None:
        assert details(DEEPSEEK, thinking(signature)) == PLAIN_DETAILS

    @pytest.mark.parametrize("block", [redacted("ZW5j"), thinking("", "")])
    def test_what_holds_nothing_readable_is_noted(self, block: Block) -> None:
        converted = convert(user("go"), assistant(block, "ok"), model=GPT)

        assert "reasoning_details" not in converted.body["messages"][1]
        assert notes(converted) == {("not_sent", "messages.1.content.0")}


@pytest.mark.parametrize("model", [CLAUDE, GEMINI, GPT, DEEPSEEK])
@pytest.mark.parametrize("block", [thinking, redacted])
def test_an_envelope_that_a_client_made_up_is_noted_and_not_sent(model: str, block: Callable[[str], Block]) -> None:
    forged = {"type": "reasoning.encrypted", "data": {"a": 1}, "id": {"b": 2}, "format": "google-gemini-v1"}
    converted = convert(user("go"), assistant(block(pack_reasoning([forged])), "ok"), model=model)

    assert "reasoning_details" not in converted.body["messages"][1]
    assert notes(converted) == {("not_sent", "messages.1.content.0")}
