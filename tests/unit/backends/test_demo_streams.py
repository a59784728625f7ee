"""The streams of the demo backend: the grammar of the API, and the same content as without a stream."""

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import httpx2
import orjson
import pytest
from anthropic import AsyncAnthropic

from openrouter_anthropic_server.backends.demo import DemoBackend
from openrouter_anthropic_server.errors import OverloadedError, UpstreamError
from openrouter_anthropic_server.ports.messages_backend import MessagesCall

Json = dict[str, Any]

BASH = {"name": "Bash", "input_schema": {"type": "object", "properties": {"command": {}}, "required": ["command"]}}
WEB_SEARCH = {"type": "web_search_20250305", "name": "web_search"}
SCHEMA = {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]}

REQUESTS: dict[str, Json] = {
    "plain": {},
    "thinking": {"thinking": {"type": "adaptive"}},
    "hidden thinking": {"thinking": {"type": "enabled", "budget_tokens": 2000, "display": "omitted"}},
    "forced tool": {"tools": [BASH], "tool_choice": {"type": "any"}, "thinking": {"type": "adaptive"}},
    "structured output": {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}},
    "web search": {"tools": [WEB_SEARCH]},
    "cache only": {"max_tokens": 0},
    "short": {"max_tokens": 20},
    "stopped": {"stop_sequences": ["scripted"]},
    **{
        script: {"script": script.replace(" / ", "\n"), "tools": [BASH]}
        for script in (
            "demo:text Grüße, 世界 🌍 and more than sixteen characters",
            'demo:think Hm. / demo:text One / demo:text Two / demo:tool Bash {"command":"echo hi"} / demo:tool Bash',
            "demo:tool Bash {}",
            "demo:tool web_search",
            "demo:text a / demo:slow 0 / demo:wait 0 / demo:text b",
            "demo:slow 0 / demo:text b",
            "demo:long 40",
            "demo:max_tokens",
            "demo:text I will not / demo:refusal",
            "demo:text a / demo:then / demo:text b",
        )
    },
}


def call_of(script: str = "Hello", **fields: Any) -> MessagesCall:
    """A call with one user message."""
    body = {"model": "m", "max_tokens": 4096, "messages": [{"role": "user", "content": script}], **fields}
    return MessagesCall(orjson.dumps(body | {"stream": True}))


async def chunks_of(call: MessagesCall) -> list[bytes]:
    """All chunks of a stream."""
    stream = await DemoBackend(chunk_delay_seconds=0).open_stream(call)
    return [chunk async for chunk in stream.chunks()]


def events_of(data: bytes) -> list[Json]:
    """The events in SSE bytes; each has a name that is its type."""
    frames = data.decode().split("\n\n")
    assert frames.pop() == ""
    events = []
    for frame in frames:
        name, payload = frame.split("\n")
        events.append(orjson.loads(payload.removeprefix("data: ")))
        assert name == f"event: {events[-1]['type']}"
    return events


def add_up(events: list[Json]) -> Json:
    """The message that a client assembles; asserts the order of the API on the way."""
    assert [event["type"] for event in events[-2:]] == ["message_delta", "message_stop"]
    message: Json = events[0]["message"]
    inputs: list[str] = []
    is_open = False
    for event in events[1:-2]:
        match event:
            case {"type": "ping"}:
                continue
            case {"type": "content_block_start", "index": index, "content_block": block}:
                assert not is_open
                assert index == len(message["content"])
                message["content"].append(block)
                inputs, is_open = [], True
            case {"type": "content_block_delta", "index": index, "delta": delta}:
                assert is_open
                assert index == len(message["content"]) - 1
                add_delta(message["content"][-1], delta, inputs)
            case {"type": "content_block_stop", "index": index}:
                assert is_open
                assert index == len(message["content"]) - 1
                is_open = False
                if "".join(inputs):
                    message["content"][-1]["input"] = orjson.loads("".join(inputs))
    assert not is_open
    message.update(events[-2]["delta"])
    message["usage"].update(events[-2]["usage"])
    return message


def add_delta(block: Json, delta: Json, inputs: list[str]) -> None:
    """Add one delta to its block, or to the pieces of its input."""
    match delta:
        case {"type": "text_delta", "text": text}:
            block["text"] += text
        case {"type": "thinking_delta", "thinking": text}:
            assert not block["signature"]
            block["thinking"] += text
        case {"type": "signature_delta", "signature": signature}:
            block["signature"] = signature
        case {"type": "input_json_delta", "partial_json": piece}:
            assert inputs or piece == ""
            inputs.append(piece)
        case _:
            pytest.fail(f"unknown delta {delta}")


def without_ids(message: Json) -> Json:
    """The message without what differs from answer to answer."""
    new = ("id", "tool_use_id")
    content = [{key: value for key, value in block.items() if key not in new} for block in message["content"]]
    return {**message, "id": "", "content": content}


@pytest.mark.parametrize("name", REQUESTS)
async def test_a_stream_adds_up_to_the_answer_without_one(name: str) -> None:
    call = call_of(**REQUESTS[name])

    streamed = add_up(events_of(b"".join(await chunks_of(call))))
    whole = orjson.loads((await DemoBackend(0).send(call)).body)

    assert without_ids(streamed) == without_ids(whole)


@pytest.mark.parametrize("name", REQUESTS)
async def test_the_official_client_takes_the_stream(name: str) -> None:
    call = call_of(**REQUESTS[name])
    body = b"".join(await chunks_of(call))

    def reply(_request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, content=body, headers={"content-type": "text/event-stream; charset=utf-8"})

    http_client = httpx2.AsyncClient(transport=httpx2.MockTransport(reply))
    question: Any = [{"role": "user", "content": "Hello"}]
    async with (
        AsyncAnthropic(api_key="k", http_client=http_client, _strict_response_validation=True) as client,
        client.messages.stream(model="m", max_tokens=10, messages=question) as stream,
    ):
        message = await stream.get_final_message()

    whole = orjson.loads((await DemoBackend(0).send(call)).body)
    assert [block.type for block in message.content] == [block["type"] for block in whole["content"]]
    assert message.stop_reason == whole["stop_reason"]
    assert message.usage.output_tokens == whole["usage"]["output_tokens"]


async def test_the_stream_begins_like_that_of_the_api() -> None:
    first, *_ = await chunks_of(call_of())

    start, block, ping, delta = events_of(first)
    assert start["message"]["content"] == []
    assert start["message"]["stop_reason"] is None
    assert start["message"]["usage"]["output_tokens"] == 1
    assert start["message"]["usage"]["input_tokens"] > 1
    assert start["message"]["demo"] is True
    assert start["message"]["id"].startswith("msg_")
    assert block == {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    assert ping == {"type": "ping"}
    assert delta["delta"]["type"] == "text_delta"


async def test_a_tool_input_comes_in_pieces_after_an_empty_one() -> None:
    call = call_of('demo:tool Bash {"command":"echo a rather long line"}')

    events = events_of(b"".join(await chunks_of(call)))

    assert events[1]["content_block"]["input"] == {}
    pieces = [event["delta"]["partial_json"] for event in events if event["type"] == "content_block_delta"]
    assert pieces[0] == ""
    assert len(pieces) > 2


async def test_long_streams_that_many_pieces_each_in_its_chunk() -> None:
    chunks = await chunks_of(call_of("demo:long 25"))

    assert len(chunks) == 25 + 1
    assert sum(event["type"] == "content_block_delta" for event in events_of(b"".join(chunks))) == 25


@pytest.mark.parametrize("directive", ["demo:fail 529", "demo:wait 0\ndemo:text x\ndemo:fail 529"])
async def test_a_failure_before_the_first_byte_is_raised_when_the_stream_opens(directive: str) -> None:
    with pytest.raises(OverloadedError):
        await DemoBackend(0).open_stream(call_of(directive))


async def test_an_error_event_ends_the_stream() -> None:
    events = events_of(b"".join(await chunks_of(call_of("demo:text Hello\ndemo:error overloaded_error Busy"))))

    assert [event["type"] for event in events[-2:]] == ["content_block_delta", "error"]
    assert events[-1]["error"] == {"type": "overloaded_error", "message": "Busy"}


async def test_a_cut_breaks_the_connection_inside_the_last_block() -> None:
    stream = await DemoBackend(0).open_stream(call_of('demo:text Done\ndemo:tool Bash {"command":"x"}\ndemo:cut'))
    seen: list[bytes] = []

    async def read() -> None:
        async for chunk in stream.chunks():
            seen.append(chunk)

    with pytest.raises(UpstreamError):
        await read()

    events = events_of(b"".join(seen))
    assert sum(event["type"] == "content_block_stop" for event in events) == 1
    assert events[-1]["index"] == 1
    written = "".join(event["delta"].get("partial_json", "") for event in events if "delta" in event)
    assert 0 < len(written) < len('{"command":"x"}')


async def test_a_quiet_cut_just_ends() -> None:
    events = events_of(b"".join(await chunks_of(call_of("demo:think Hm.\ndemo:cut quietly"))))

    assert events[-1]["delta"] == {"type": "thinking_delta", "thinking": "Hm."}


async def test_a_cut_before_any_block_comes_after_the_start() -> None:
    events = events_of(b"".join(await chunks_of(call_of("demo:cut quietly"))))

    assert [event["type"] for event in events] == ["message_start"]


async def test_silence_comes_between_blocks() -> None:
    stream = await DemoBackend(0).open_stream(call_of("demo:text a\ndemo:slow 0.05\ndemo:text b"))
    clock = asyncio.get_running_loop().time
    arrivals = [(clock(), events_of(chunk)) async for chunk in stream.chunks()]

    gaps = [later[0] - earlier[0] for earlier, later in pairwise(arrivals)]
    assert max(gaps) >= 0.05
    before, after = arrivals[gaps.index(max(gaps))][1], arrivals[gaps.index(max(gaps)) + 1][1]
    assert before[-1] == {"type": "content_block_stop", "index": 0}
    assert after[0]["type"] == "content_block_start"


async def test_chunks_are_spread_over_time() -> None:
    stream = await DemoBackend(chunk_delay_seconds=0.01).open_stream(call_of("demo:long 5"))
    began = asyncio.get_running_loop().time()

    chunks = [chunk async for chunk in stream.chunks()]

    assert asyncio.get_running_loop().time() - began >= 0.009 * len(chunks)


async def test_waiting_comes_before_the_answer() -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await DemoBackend(0).open_stream(call_of("demo:wait 60\ndemo:text late"))


async def test_closing_ends_a_silent_stream_at_once() -> None:
    stream = await DemoBackend(0).open_stream(call_of("demo:text a\ndemo:slow 60\ndemo:text b"))
    chunks: AsyncIterator[bytes] = stream.chunks()
    await anext(chunks)  # the start and the text
    await anext(chunks)  # the end of the block; now the stream is silent

    async def rest() -> list[bytes]:
        return [chunk async for chunk in chunks]

    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        reader = group.create_task(rest())
        await asyncio.sleep(0)  # the reader reaches the silence
        await stream.aclose()
        await stream.aclose()

    assert reader.result() == []


async def test_a_closed_stream_sends_nothing_more() -> None:
    stream = await DemoBackend(0).open_stream(call_of("demo:long 10"))
    chunks: AsyncIterator[bytes] = stream.chunks()
    await anext(chunks)

    await stream.aclose()

    assert [chunk async for chunk in chunks] == []
