"""Signatures are found in the events of either wire, and looked for only where they can be."""

from typing import Any

import orjson
import pytest

from openrouter_anthropic_server.streaming.signature_tap import signatures_in, signatures_of

TEXT = {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": 'a "signature" in words'}}


def event(data: Any, separator: bytes = b"\n") -> bytes:
    return b"event: " + str(data["type"]).encode() + separator + b"data: " + orjson.dumps(data) + separator * 2


def delta(**fields: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": 0, "delta": fields}


def start(**fields: Any) -> dict[str, Any]:
    return {"type": "content_block_start", "index": 0, "content_block": fields}


@pytest.mark.parametrize("separator", [b"\n", b"\r\n"])
def test_they_are_found_wherever_they_stand(separator: bytes) -> None:
    events = [
        start(type="thinking", thinking="", signature=""),
        delta(type="thinking_delta", thinking="hm"),
        delta(type="signature_delta", signature="one"),
        start(type="redacted_thinking", data="two"),
        start(type="thinking", thinking="", signature="three"),
        TEXT,
    ]

    assert list(signatures_in(b"".join(event(data, separator) for data in events))) == ["one", "two", "three"]


def test_json_with_spaces_is_read_too() -> None:
    assert list(
        signatures_in(
            b'data: {"type": "content_block_delta", "delta": {"type": "signature_delta", "signature": "x"}}\n\n'
        )
    ) == ["x"]


@pytest.mark.parametrize(
    "events",
    [
        b"",
        event(TEXT),
        event(delta(type="input_json_delta", partial_json='{"signature": "x", "type": "redacted_thinking"}')),
        event(start(type="tool_use", id="1", name="sign", input={"signature": "x"})),
        b'data: {"signature"\n\n',
        b'data: ["signature"]\n\n',
        b'data: {"type": "content_block_delta", "delta": {"type": ["signature_delta"], "signature": "x"}}\n\n',
        b'data: {"delta": {"type": "signature_delta", "signature": null}}\n\n',
        b': "signature"\n\n',
    ],
)
def test_nothing_else_is_taken_for_one(events: bytes) -> None:
    assert list(signatures_in(events)) == []


def test_a_whole_message_is_read_block_by_block() -> None:
    content = [
        {"type": "thinking", "thinking": "hm", "signature": "one"},
        {"type": "redacted_thinking", "data": "two"},
        {"type": "thinking", "thinking": "unsigned", "signature": ""},
        {"type": "text", "text": "a", "signature": "x"},
        "strange",
    ]

    assert signatures_of(content) == ["one", "two"]
    assert signatures_of(None) == []
