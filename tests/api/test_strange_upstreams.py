"""An upstream that sends strange values is the upstream's fault: an error of its kind, never a 500 of ours."""

from typing import Any

import httpx
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.api.calls import body, events, post
from tests.api.strange_values import FUZZ, paths, replaced
from tests.gateway_fixtures import Line
from tests.upstreams import chat_wire, messages_wire
from tests.upstreams.answers import Answer, RedactedThinking, SearchResult, Text, Thinking, ToolCall
from tests.upstreams.script import Script, Send, json_script, sse_script

ANSWER = Answer(
    (
        Thinking("hm", "sig"),
        RedactedThinking("eA=="),
        SearchResult("https://docs.example", "Docs"),
        Text("hello"),
        ToolCall("Bash", {"a": 1}, "toolu_1"),
    )
)
STRANGE: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, 0, -1, 1.5, "", "x", [], {}, [[]], [{}], {"type": []}, [None], [1], {"a": 1}]
)
COMPLETION = chat_wire.completion(ANSWER, "m")
MESSAGE = messages_wire.message(ANSWER, "m")
CHUNKS = [step.data for step in chat_wire.stream_answer(ANSWER, "m").steps if isinstance(step, Send)]
EVENTS = [step.data for step in messages_wire.stream_answer(ANSWER, "m").steps if isinstance(step, Send)]
OURS = "Internal server error"


@st.composite
def strange_documents(draw: st.DrawFn, document: dict[str, Any]) -> Any:
    """A JSON document with one strange value."""
    return replaced(document, draw(st.sampled_from(paths(document))), draw(STRANGE))


@st.composite
def strange_streams(draw: st.DrawFn, frames: list[bytes]) -> Script:
    """A stream with one strange value in one of its frames."""
    number = draw(st.sampled_from([index for index, frame in enumerate(frames) if b"data: {" in frame]))
    head, _, data = frames[number].partition(b"data: ")
    changed = head + b"data: " + orjson.dumps(draw(strange_documents(orjson.loads(data)))) + b"\n\n"
    return sse_script([*frames[:number], changed, *frames[number + 1 :]])


def ask(http: httpx.Client, line: Line, script: Script, *, stream: bool) -> httpx.Response:
    line.upstream.reply(script)
    return post(http, line.url, body(line.model, stream=stream))


@FUZZ
@given(document=strange_documents(COMPLETION))
def test_a_strange_completion_is_no_bug_of_ours(http: httpx.Client, chat_line: Line, document: Any) -> None:
    response = ask(http, chat_line, json_script(document), stream=False)

    assert response.json()["type"] in ("message", "error")
    assert OURS not in response.text


@FUZZ
@given(document=strange_documents(MESSAGE))
def test_a_strange_message_is_no_bug_of_ours(http: httpx.Client, messages_line: Line, document: Any) -> None:
    assert OURS not in ask(http, messages_line, json_script(document), stream=False).text


@FUZZ
@given(script=strange_streams(CHUNKS))
def test_a_strange_chunk_leaves_a_whole_stream_or_an_error(http: httpx.Client, chat_line: Line, script: Script) -> None:
    response = ask(http, chat_line, script, stream=True)

    assert OURS not in response.text
    if response.status_code == 200:
        assert list(events(response.content))[-1].name in ("message_stop", "error")


@FUZZ
@given(script=strange_streams(EVENTS))
def test_a_strange_event_passes_or_is_an_error(http: httpx.Client, messages_line: Line, script: Script) -> None:
    response = ask(http, messages_line, script, stream=True)

    assert OURS not in response.text
    assert response.content.endswith(b"\n\n") or response.status_code != 200


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("choices", 0, "message", "reasoning_details", 0, "type"), []),
        (("choices", 0, "message", "tool_calls", 0, "id"), [[]]),
        (("choices", 0, "message", "tool_calls", 0, "function", "name"), {"type": []}),
    ],
    ids=["type", "id", "name"],
)
def test_a_value_that_cannot_be_a_key_is_no_bug_of_ours(
    http: httpx.Client, chat_line: Line, path: tuple[str | int, ...], value: object
) -> None:
    assert OURS not in ask(http, chat_line, json_script(replaced(COMPLETION, path, value)), stream=False).text


@pytest.mark.parametrize("value", [True, -1, 1.5, "none"])
def test_a_usage_that_is_no_object_does_not_cost_the_answer(
    http: httpx.Client, messages_line: Line, value: object
) -> None:
    response = ask(http, messages_line, json_script(MESSAGE | {"usage": value}), stream=False)

    assert response.status_code == 200
    assert response.json()["content"] == MESSAGE["content"]
