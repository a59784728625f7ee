"""Streams that fail half-way: the client gets whole events, then one `error` event, and never a secret."""

import httpx
import orjson
import pytest

from tests.api.calls import body, events, post
from tests.gateway_fixtures import Line
from tests.server_process import UPSTREAM_KEY
from tests.upstreams import messages_wire
from tests.upstreams.answers import Answer, Text
from tests.upstreams.script import Cut, Pause, Script, Send, Step, json_script, sse_script

FRAMES = [
    step.data
    for step in messages_wire.stream_answer(Answer((Text("the words `event: error` are text"),)), "m").steps
    if isinstance(step, Send)
]
HEAD = FRAMES[:3]
SECRET = f"bad key {UPSTREAM_KEY} at https://internal.example:8443/v1"
ENVELOPE = orjson.dumps({"type": "error", "error": {"type": "overloaded_error", "message": SECRET}})
ERRORS = {
    "named": b"event: error\ndata: " + ENVELOPE + b"\n\n",
    "no space": b"event:error\ndata:" + ENVELOPE + b"\n\n",
    "unnamed": b"data: " + ENVELOPE + b"\n\n",
    "crlf": b"event: error\r\ndata: " + ENVELOPE + b"\r\n\r\n",
}


def ask(http: httpx.Client, line: Line, script: Script) -> httpx.Response:
    line.upstream.reply(script)
    return post(http, line.url, body(line.model, stream=True))


def assert_one_error_ends(response: httpx.Response) -> str:
    found = list(events(response.content))
    assert [event.name for event in found].count("error") == 1
    assert found[-1].name == "error"
    assert UPSTREAM_KEY not in response.text
    assert "internal.example" not in response.text
    kind: str = found[-1].data["error"]["type"]
    return kind


@pytest.mark.parametrize("error", ERRORS.values(), ids=ERRORS)
@pytest.mark.parametrize("share", [0.0, 0.02, 0.1, 0.5, 0.9, 0.99])
def test_an_error_event_is_cleaned_however_it_is_spelled_and_split(
    http: httpx.Client, messages_line: Line, error: bytes, share: float
) -> None:
    at = int(len(error) * share)
    pieces: list[bytes | Step] = [*HEAD, FRAMES[3] + error[:at], Pause(0.02), error[at:]]

    response = ask(http, messages_line, sse_script(pieces))

    assert assert_one_error_ends(response) == "overloaded_error"
    assert response.content.startswith(b"".join(FRAMES[:4]))


@pytest.mark.parametrize("left", [1, 2, 10, 25, 60])
def test_half_an_event_before_a_cut_is_not_sent(http: httpx.Client, messages_line: Line, left: int) -> None:
    response = ask(http, messages_line, sse_script([*HEAD, FRAMES[3][:left], Pause(0.02), Cut()]))

    assert assert_one_error_ends(response) == "api_error"
    assert response.content.startswith(b"".join(HEAD) + b"event: error\n")


def test_an_error_that_comes_first_is_a_real_status(http: httpx.Client, messages_line: Line) -> None:
    response = ask(http, messages_line, sse_script([ERRORS["named"]]))

    assert response.status_code == 529
    assert UPSTREAM_KEY not in response.text


@pytest.mark.parametrize(
    ("document", "status"),
    [
        ({"type": "error", "error": {"type": "rate_limit_error", "message": "slow down"}}, 429),
        ({"error": {"code": 529, "message": "busy", "metadata": {"error_type": "provider_overloaded"}}}, 529),
        ({"id": "x", "choices": []}, 502),
    ],
    ids=["anthropic", "openrouter", "no error"],
)
@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
def test_json_where_a_stream_or_message_belongs_is_a_real_status(
    http: httpx.Client, line: Line, document: object, status: int, stream: bool
) -> None:
    line.upstream.reply(json_script(document))

    response = post(http, line.url, body(line.model, stream=stream))

    assert response.status_code == status, response.text
    assert response.json()["type"] == "error"


def test_frames_around_the_end_of_a_chat_stream_do_no_harm(http: httpx.Client, chat_line: Line) -> None:
    chunk = b'data: {"choices":[{"delta":{"content":"fine"},"finish_reason":"stop"}]}\n\n'
    script = sse_script([b"data: \n\n" + chunk + b"data: [DONE] \n\ndata: [DONE]\n\ndata: garbage\n\n"])

    response = ask(http, chat_line, script)

    found = list(events(response.content))
    assert found[-1].name == "message_stop"
    assert "fine" in response.text


def test_a_stream_whose_last_empty_line_is_missing_is_complete(http: httpx.Client, messages_line: Line) -> None:
    response = ask(http, messages_line, sse_script([*FRAMES[:-1], FRAMES[-1].rstrip(b"\n")]))

    assert response.content == b"".join(FRAMES)
