"""Checks before anything is measured: a contender that answers wrongly has no speed."""

from typing import Any

import orjson

from benchmarks.arena import Arena, Contender, Load
from benchmarks.payloads import Wire, large_request, small_request, spaced_request
from benchmarks.upstream import ANSWER_TEXT, STREAM_TEXT


def text_of_message(body: str) -> str:
    """The text of a JSON answer in the Messages form."""
    return "".join(block["text"] for block in orjson.loads(body)["content"] if block["type"] == "text")


def text_of_stream(body: str) -> str:
    """The text of a stream in the Messages form; it has to end with `message_stop` and hold no error."""
    events: list[dict[str, Any]] = [orjson.loads(line[5:]) for line in body.splitlines() if line.startswith("data:")]
    kinds = [event["type"] for event in events]
    if kinds[0] != "message_start" or kinds[-1] != "message_stop" or "error" in kinds:
        raise ValueError(f"not a whole stream: {kinds}")
    deltas = [event["delta"] for event in events if event["type"] == "content_block_delta"]
    return "".join(delta["text"] for delta in deltas if delta["type"] == "text_delta")


def verify(arena: Arena, contender: Contender, wire: Wire) -> None:
    """Send one request of each kind and compare the answer, letter by letter, with what the upstream said."""
    for body in (small_request(wire), large_request(wire)):
        _compare(text_of_message(_ask(arena, contender, Load(body))), ANSWER_TEXT, contender.name)
    for body in (small_request(wire, stream=True), spaced_request(wire)):
        _compare(text_of_stream(_ask(arena, contender, Load(body, stream=True))), STREAM_TEXT, contender.name)


def _ask(arena: Arena, contender: Contender, load: Load) -> str:
    arena.send(contender, load, "probe")
    return arena.finish().body


def _compare(text: str, expected: str, name: str) -> None:
    if text != expected:
        raise ValueError(f"{name}: {len(text)} characters of text instead of {len(expected)}: {text[:200]!r}")
