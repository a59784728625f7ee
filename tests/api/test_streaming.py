"""Streams over HTTP: exact bytes, pings, broken streams, and clients that leave."""

import asyncio
import itertools
import socket
import time
from dataclasses import replace

import httpx
import orjson
import pytest

from tests.api.calls import (
    Event,
    assert_blocks_do_not_overlap,
    assert_error,
    body,
    events,
    names,
    post,
    stream,
    text_of,
)
from tests.gateway_fixtures import TUNED, Line, open_line
from tests.server_process import Gateways
from tests.upstreams import chat_wire, messages_wire
from tests.upstreams.answers import (
    Answer,
    Ending,
    Failure,
    Part,
    RedactedThinking,
    Stop,
    Text,
    Thinking,
    Tokens,
    ToolCall,
    Wire,
)
from tests.upstreams.chat_wire import Quirks
from tests.upstreams.script import sse_script

RICH = Answer(
    (
        Thinking("Two files must be read.", "sig/one=="),
        RedactedThinking("ZW5jcnlwdGVk"),
        Text("I read both files."),
        ToolCall("Read", {"file_path": "/tmp/a.txt"}, "toolu_a"),
        ToolCall("Bash", {"command": "ls", "timeout": 5}, "toolu_b"),
    ),
    tokens=Tokens(input=100, output=50, cache_read=3000, cache_write=115),
    interleave_tools=True,
)


def test_the_messages_wire_streams_the_upstreams_bytes_untouched(http: httpx.Client, messages_line: Line) -> None:
    messages_line.upstream.reply(RICH)

    response = post(http, messages_line.url, body(messages_line.model, stream=True))

    assert response.content == messages_wire.stream_answer(RICH, messages_line.model).sent


def test_the_messages_wire_gives_the_upstreams_json_untouched(http: httpx.Client, messages_line: Line) -> None:
    messages_line.upstream.reply(RICH)

    found = post(http, messages_line.url, body(messages_line.model)).json()

    assert found["content"][0] == {"type": "thinking", "thinking": "Two files must be read.", "signature": "sig/one=="}
    assert found["provider"] == "Anthropic"
    assert found["usage"]["cost"] == RICH.tokens.cost


@pytest.mark.parametrize("late_usage", ["no_choices", "empty_delta"])
def test_a_stream_holds_everything_in_order(http: httpx.Client, line: Line, late_usage: str) -> None:
    line.upstream.quirks = Quirks(late_usage="empty_delta" if late_usage == "empty_delta" else "no_choices")
    line.upstream.reply(RICH)

    found = stream(http, line.url, body(line.model))

    assert_blocks_do_not_overlap(found)
    assert names(found)[0] == "message_start"
    assert names(found)[-2:] == ["message_delta", "message_stop"]
    kinds = [event.data["content_block"]["type"] for event in found if event.name == "content_block_start"]
    assert kinds == ["thinking", "redacted_thinking", "text", "tool_use", "tool_use"]
    assert text_of(found) == "I read both files."
    inputs = {0: "", 1: "", 2: "", 3: "", 4: ""}
    for event in found:
        if event.name == "content_block_delta":
            inputs[event.data["index"]] += event.data["delta"].get("partial_json", "")
    assert inputs[3] == '{"file_path": "/tmp/a.txt"}' or inputs[3] == '{"file_path":"/tmp/a.txt"}'
    assert "".join(inputs[4].split()) == '{"command":"ls","timeout":5}'


def test_usage_is_never_zero_at_the_start_and_exact_at_the_end(http: httpx.Client, line: Line) -> None:
    line.upstream.reply(RICH)

    found = stream(http, line.url, body(line.model))

    start = found[0].data["message"]["usage"]
    delta = next(event.data for event in found if event.name == "message_delta")
    assert start["input_tokens"] > 0
    assert delta["delta"]["stop_reason"] == "tool_use"
    assert delta["usage"]["input_tokens"] == 100
    assert delta["usage"]["output_tokens"] == 50
    assert delta["usage"]["cache_read_input_tokens"] == 3000
    assert delta["usage"]["cache_creation_input_tokens"] == 115


def test_json_and_stream_say_the_same(http: httpx.Client, line: Line) -> None:
    line.upstream.reply(RICH, RICH)

    whole = post(http, line.url, body(line.model)).json()
    found = stream(http, line.url, body(line.model))

    kinds = [event.data["content_block"]["type"] for event in found if event.name == "content_block_start"]
    assert [block["type"] for block in whole["content"]] == kinds
    assert whole["content"][3]["input"] == {"file_path": "/tmp/a.txt"}
    assert whole["stop_reason"] == "tool_use"
    assert whole["usage"]["cache_read_input_tokens"] == 3000


@pytest.mark.parametrize("stop", ["end_turn", "max_tokens", "refusal"])
def test_stop_reasons_arrive(http: httpx.Client, line: Line, stop: Stop) -> None:
    line.upstream.reply(Answer(stop=stop), Answer(stop=stop))

    found = stream(http, line.url, body(line.model))
    whole = post(http, line.url, body(line.model)).json()

    assert next(event.data["delta"]["stop_reason"] for event in found if event.name == "message_delta") == stop
    assert whole["stop_reason"] == stop


def test_a_call_without_arguments_has_an_empty_input(http: httpx.Client, line: Line) -> None:
    answer = Answer((ToolCall("ListAgents"),))
    line.upstream.reply(answer, answer)

    whole = post(http, line.url, body(line.model)).json()
    found = stream(http, line.url, body(line.model))

    assert whole["content"] == [{"type": "tool_use", "id": "toolu_fake_1", "name": "ListAgents", "input": {}}]
    assert_blocks_do_not_overlap(found)
    partial = "".join(event.data["delta"]["partial_json"] for event in found if event.name == "content_block_delta")
    assert partial in ("", "{}")


@pytest.mark.parametrize("ending", ["cut", "end", "error"])
@pytest.mark.parametrize(
    "parts", [(), (Text("half an ans"),), (ToolCall("Bash", {"command": "rm"}),)], ids=["nothing", "text", "call"]
)
def test_a_stream_that_breaks_ends_with_an_error_event(
    http: httpx.Client, line: Line, ending: Ending, parts: tuple[Part, ...]
) -> None:
    line.upstream.reply(Answer(parts, ending=ending))

    response = post(http, line.url, body(line.model, stream=True))

    if response.status_code != 200:
        assert response.status_code >= 500
        assert parts == ()
        return
    found = list(events(response.content))
    assert found[-1].name == "error"
    assert found[-1].data["error"]["type"] in ("api_error", "overloaded_error")
    assert "message_stop" not in names(found)
    assert "message_delta" not in names(found)


@pytest.mark.parametrize("code", [429, 529, "server_error"])
def test_an_error_chunk_keeps_its_type(http: httpx.Client, chat_line: Line, code: int | str) -> None:
    expected = {429: "rate_limit_error", 529: "overloaded_error", "server_error": "api_error"}[code]
    chat_line.upstream.reply(Answer(ending="error", failure=Failure(code, "Provider trouble", expected)))

    found = stream(http, chat_line.url, body(chat_line.model))

    assert found[-1].data["error"]["type"] == expected
    assert "Provider trouble" in found[-1].data["error"]["message"]


def test_an_error_after_length_keeps_max_tokens(http: httpx.Client, chat_line: Line) -> None:
    chat_line.upstream.quirks = Quirks(error_after_finish=True)
    chat_line.upstream.reply(Answer(stop="max_tokens"))

    found = stream(http, chat_line.url, body(chat_line.model))

    assert names(found)[-2:] == ["message_delta", "message_stop"]
    delta = next(event.data for event in found if event.name == "message_delta")
    assert delta["delta"]["stop_reason"] == "max_tokens"
    assert delta["usage"]["output_tokens"] == 17


@pytest.mark.parametrize("wire", ["messages", "chat"])
def test_pings_fill_the_silence_before_the_first_byte(http: httpx.Client, gateways: Gateways, wire: Wire) -> None:
    line = open_line(gateways, wire, **TUNED)
    line.upstream.reply(Answer(pause_before_headers=1.5))

    found, arrivals = timed_stream(http, line)

    assert arrivals[0] < 1.0
    assert [event.name for event in found].count("ping") >= 3
    assert names(found)[0] == "message_start"
    assert names(found)[-1] == "message_stop"
    assert text_of(found) == "Hello from the fake upstream."


@pytest.mark.parametrize("wire", ["messages", "chat"])
def test_pings_fill_the_silence_inside_a_stream(http: httpx.Client, gateways: Gateways, wire: Wire) -> None:
    line = open_line(gateways, wire, **TUNED)
    line.upstream.reply(Answer(pause_within=1.2, pause_before_content=0.7))

    found, arrivals = timed_stream(http, line)

    assert [event.name for event in found].count("ping") >= 5
    assert max(late - early for early, late in itertools.pairwise(arrivals)) < 0.6
    assert_blocks_do_not_overlap(found)
    assert text_of(found) == "Hello from the fake upstream."


@pytest.mark.parametrize("wire", ["messages", "chat"])
def test_comments_of_the_upstream_do_not_stop_the_pings(http: httpx.Client, gateways: Gateways, wire: Wire) -> None:
    line = open_line(gateways, wire, **TUNED)
    line.upstream.quirks = Quirks(comments=17)
    line.upstream.reply(Answer(pause_before_content=0.9))

    found, _ = timed_stream(http, line)

    assert [event.name for event in found].count("ping") >= 2


@pytest.mark.parametrize("wire", ["messages", "chat"])
def test_a_late_failure_is_an_error_event(http: httpx.Client, gateways: Gateways, wire: Wire) -> None:
    line = open_line(gateways, wire, **TUNED)
    line.upstream.reply(Answer(pause_before_headers=0.8, ending="error", parts=()))

    found, _ = timed_stream(http, line)

    assert found[-1].name == "error"


@pytest.mark.parametrize("wire", ["messages", "chat"])
def test_an_upstream_that_falls_silent_is_a_timeout(http: httpx.Client, gateways: Gateways, wire: Wire) -> None:
    line = open_line(gateways, wire, **TUNED)
    line.upstream.reply(Answer(pause_before_headers=20), Answer(ending="hold"))

    whole = post(http, line.url, body(line.model))
    found, _ = timed_stream(http, line)

    assert_error(whole, 504, "timeout_error")
    assert found[-1].name == "error"
    assert found[-1].data["error"]["type"] == "timeout_error"
    assert all(call.wait_until_gone(2.0) for call in line.upstream.calls)


@pytest.mark.parametrize("size", [1, 7, 100_000])
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"], ids=["lf", "crlf"])
def test_network_reads_may_split_the_stream_anywhere(
    http: httpx.Client, line: Line, size: int, line_end: bytes
) -> None:
    answer = replace(RICH, parts=(*RICH.parts[:2], Text("Grüße, 世界 \U0001f30d!"), *RICH.parts[3:]))
    write = chat_wire.stream_answer if line.wire == "chat" else messages_wire.stream_answer
    sent = write(answer, line.model).sent.replace(b"\n", line_end)
    pieces = [sent[start : start + size] for start in range(0, len(sent), size)]
    line.upstream.reply(sse_script(pieces))

    found = stream(http, line.url, body(line.model))

    assert_blocks_do_not_overlap(found)
    assert text_of(found) == "Grüße, 世界 \U0001f30d!"
    assert names(found)[-1] == "message_stop"


@pytest.mark.parametrize("moment", ["before-headers", "before-content", "inside"])
def test_a_client_that_leaves_a_stream_closes_the_upstream(line: Line, moment: str) -> None:
    line.upstream.reply(
        {
            "before-headers": Answer(pause_before_headers=20),
            "before-content": Answer(pause_before_content=20),
            "inside": Answer(ending="hold"),
        }[moment]
    )

    left = leave(line, stream=True, read_first=moment == "inside")

    call = line.upstream.wait_for_calls(1)[0]
    assert call.wait_until_gone(3.0)
    assert call.gone_at is not None
    assert call.gone_at - left < 1.0


def test_a_client_that_leaves_while_waiting_closes_the_upstream(line: Line) -> None:
    line.upstream.reply(Answer(pause_before_headers=20))

    left = leave(line, stream=False, read_first=False)

    call = line.upstream.wait_for_calls(1)[0]
    assert call.wait_until_gone(3.0)
    assert call.gone_at is not None
    assert call.gone_at - left < 1.0


def test_the_stream_headers_suit_clients_and_proxies(http: httpx.Client, line: Line) -> None:
    response = post(http, line.url, body(line.model, stream=True))

    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert "no-cache" in response.headers["cache-control"]


def test_many_streams_do_not_disturb_each_other(line: Line) -> None:
    line.upstream.handler = lambda received: Answer(
        (Text(f"for {received.body['messages'][0]['content']}"),), pause_within=0.3
    )

    async def one(client: httpx.AsyncClient, number: int) -> str:
        messages = [{"role": "user", "content": f"client {number:03d}"}]
        request = body(line.model, messages=messages, stream=True)
        response = await client.post(f"{line.url}/v1/messages", json=request)
        return text_of(events(response.content))

    async def all_of_them() -> list[str]:
        async with httpx.AsyncClient(timeout=20.0) as client, asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(client, number)) for number in range(40)]
        return [task.result() for task in tasks]

    began = time.monotonic()

    assert asyncio.run(all_of_them()) == [f"for client {number:03d}" for number in range(40)]
    assert time.monotonic() - began < 5.0


def leave(line: Line, *, stream: bool, read_first: bool) -> float:
    """Ask, wait until the upstream has the call, and close the connection; gives the time of that."""
    content = orjson.dumps(body(line.model, stream=stream))
    head = (
        f"POST /v1/messages HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
        f"content-length: {len(content)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", line.gateway.server.port), timeout=10.0) as connection:
        connection.sendall(head.encode() + content)
        line.upstream.wait_for_calls(1)
        received = b""
        while read_first and b"content_block_delta" not in received:
            piece = connection.recv(65536)
            assert piece, "the server closed the connection"
            received += piece
    return time.monotonic()


def timed_stream(http: httpx.Client, line: Line) -> tuple[list[Event], list[float]]:
    """All events of a stream, and the arrival of each network read in seconds after the request."""
    request = body(line.model, stream=True)
    began = time.monotonic()
    arrivals: list[float] = []
    content = b""
    with http.stream("POST", f"{line.url}/v1/messages", json=request) as response:
        assert response.status_code == 200
        for chunk in response.iter_raw():
            arrivals.append(time.monotonic() - began)
            content += chunk
    return list(events(content)), arrivals
