"""What every backend is put through, judged by the official SDK: each scenario says how it ended, or fails."""

import base64
import json
from collections.abc import Callable, Sequence
from typing import Any

import anthropic

from tests.conformance.stations import Station
from tests.upstreams.answers import Answer, Text, ToolCall

YES = "yes"

Scenario = Callable[[Station], str]
"""Runs over an open station; gives `YES` or in few words what happened instead."""

CALLS = (ToolCall("get_weather", {"city": "Zürich"}, "toolu_fake_1"), ToolCall("list_cities", {}, "toolu_fake_2"))
TOOLS: Any = [
    {"name": "get_weather", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}}},
    {"name": "list_cities", "input_schema": {"type": "object", "properties": {}}},
]
THINKING = {"type": "adaptive"}
SIGNATURE = base64.b64encode(b"\x12\x40conformance signature of the fake, long enough to look like one").decode()
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
PDF = base64.b64encode(b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF").decode()
SCHEMA = {
    "type": "object",
    "properties": {"planet": {"type": "string"}},
    "required": ["planet"],
    "additionalProperties": False,
}


def text(station: Station) -> str:
    """A whole answer."""
    station.upstream.reply(Answer((Text("Grüezi, world"),)))

    message = station.client.messages.create(**station.ask("A question of the user"))

    assert texts(message.content) == ["Grüezi, world"]
    assert (message.type, message.role, message.stop_reason) == ("message", "assistant", "end_turn")
    assert "A question of the user" in station.last.raw.decode()
    return YES


def system_prompt(station: Station) -> str:
    """The system prompt arrives, as a list of blocks too."""
    station.client.messages.create(**station.ask(system=[{"type": "text", "text": "You are terse."}]))

    assert "You are terse." in station.last.raw.decode()
    return YES


def stream(station: Station) -> str:
    """A streamed answer in several pieces, in the order of events that the API has."""
    station.upstream.reply(Answer((Text("One two three four"),)))

    with station.client.messages.stream(**station.ask()) as events:
        seen = [event for event in events if event.type in _GRAMMAR]
        message = events.get_final_message()

    assert texts(message.content) == ["One two three four"]
    assert message.stop_reason == "end_turn"
    kinds = [event.type for event in seen]
    assert kinds[:2] == ["message_start", "content_block_start"]
    assert kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"]
    assert kinds.count("content_block_delta") > 1
    return YES


_GRAMMAR = frozenset(
    {
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    }
)


def tools(station: Station) -> str:
    """A call, its result in the next request, and the answer to that."""
    station.upstream.reply(Answer((Text("Let me see."), CALLS[0])), Answer((Text("Sunny."),)))
    first = station.client.messages.create(**station.ask("Weather?", tools=TOOLS))
    assert calls(first.content) == [("get_weather", {"city": "Zürich"})]
    assert first.stop_reason == "tool_use"

    last = station.client.messages.create(**after_tools(station, "Weather?", first, ["21 degrees"]))

    assert texts(last.content) == ["Sunny."]
    sent = station.last.raw.decode()
    assert "21 degrees" in sent
    assert sent.index("get_weather") < sent.index("21 degrees") or "tools" in sent
    return YES


def tools_streamed(station: Station) -> str:
    """A call, streamed piece by piece."""
    station.upstream.reply(Answer((Text("Let me see."), CALLS[0])))

    with station.client.messages.stream(**station.ask(tools=TOOLS)) as events:
        message = events.get_final_message()

    assert calls(message.content) == [("get_weather", {"city": "Zürich"})]
    assert message.stop_reason == "tool_use"
    return YES


def parallel_tools(station: Station) -> str:
    """Two calls in one answer, and both results in the next request, each under its call's id."""
    station.upstream.reply(Answer(CALLS), Answer((Text("Done."),)))
    first = station.client.messages.create(**station.ask("Both.", tools=TOOLS))
    assert calls(first.content) == [("get_weather", {"city": "Zürich"}), ("list_cities", {})]

    last = station.client.messages.create(**after_tools(station, "Both.", first, ["21 degrees", "Bern and Basel"]))

    assert texts(last.content) == ["Done."]
    sent = station.last.raw.decode()
    assert "21 degrees" in sent
    assert "Bern and Basel" in sent
    return YES


def parallel_tools_streamed(station: Station) -> str:
    """Two calls whose pieces come interleaved where the wire allows that."""
    station.upstream.reply(Answer(CALLS, interleave_tools=True))

    with station.client.messages.stream(**station.ask(tools=TOOLS)) as events:
        message = events.get_final_message()

    assert calls(message.content) == [("get_weather", {"city": "Zürich"}), ("list_cities", {})]
    return YES


def forced_tool(station: Station) -> str:
    """`tool_choice` with a name arrives, or the tool is the only one that does."""
    station.upstream.reply(Answer((CALLS[0],)))

    station.client.messages.create(**station.ask(tools=TOOLS, tool_choice={"type": "tool", "name": "get_weather"}))

    tools, others = (json.dumps(part) for part in _tools_and_others(station.last.body))
    assert "get_weather" in others or "list_cities" not in tools
    return YES


def _tools_and_others(body: dict[str, Any]) -> tuple[object, dict[str, Any]]:
    return body.get("tools"), {name: value for name, value in body.items() if name != "tools"}


def image(station: Station) -> str:
    """An image of the user arrives."""
    station.client.messages.create(**station.ask([_png(), {"type": "text", "text": "What is this?"}]))

    assert PNG in station.last.raw.decode()
    return YES


def image_in_tool_result(station: Station) -> str:
    """An image that a tool returned arrives."""
    station.upstream.reply(Answer((CALLS[0],)), Answer())
    first = station.client.messages.create(**station.ask("Look.", tools=TOOLS))

    station.client.messages.create(**after_tools(station, "Look.", first, [[_png()]]))

    assert PNG in station.last.raw.decode()
    return YES


def pdf(station: Station) -> str:
    """A PDF arrives."""
    source = {"type": "base64", "media_type": "application/pdf", "data": PDF}
    document = {"type": "document", "source": source, "title": "report.pdf"}

    station.client.messages.create(**station.ask([document, {"type": "text", "text": "Sum it up."}]))

    assert PDF in station.last.raw.decode()
    return YES


def structured_output(station: Station) -> str:
    """The schema arrives, and the answer is JSON of it."""
    station.upstream.reply(Answer((Text('{"planet": "Mars"}'),)))

    message = station.client.messages.create(
        **station.ask("Which planet?", output_config={"format": {"type": "json_schema", "schema": SCHEMA}})
    )

    assert [json.loads(one) for one in texts(message.content)] == [{"planet": "Mars"}]
    assert "planet" in station.last.raw.decode().replace("Which planet?", "")
    return YES


def texts(content: Sequence[Any]) -> list[str]:
    """The texts of an answer."""
    return [block.text for block in content if block.type == "text"]


def calls(content: Sequence[Any]) -> list[tuple[str, object]]:
    """Names and inputs of the calls in an answer."""
    return [(block.name, block.input) for block in content if block.type == "tool_use"]


def after_tools(
    station: Station, prompt: str, first: anthropic.types.Message, results: Sequence[object], **more: Any
) -> dict[str, Any]:
    """The request that returns the results of the calls in `first`."""
    ids = [block.id for block in first.content if block.type == "tool_use"]
    returned = [
        {"type": "tool_result", "tool_use_id": call_id, "content": content}
        for call_id, content in zip(ids, results, strict=True)
    ]
    request = station.ask(prompt, tools=TOOLS, **more)
    request["messages"] += [
        {"role": "assistant", "content": first.content},
        {"role": "user", "content": returned},
    ]
    return request


def _png() -> dict[str, Any]:
    return {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
