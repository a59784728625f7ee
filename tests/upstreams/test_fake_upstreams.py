"""The fakes themselves: what they send is what the real upstreams were recorded to send."""

from collections.abc import Iterator

import httpx
import orjson
import pytest

from tests.upstreams.answers import Answer, ApiError, Text, Thinking, Tokens, ToolCall
from tests.upstreams.chat_wire import COMMENT, DONE, Quirks
from tests.upstreams.server import FakeAnthropic, FakeOpenRouter

TWO_CALLS = Answer(
    (ToolCall("Read", {"file_path": "/a/long/path.txt"}, "t1"), ToolCall("Bash", {"command": "ls -la"}, "t2")),
    interleave_tools=True,
)


@pytest.fixture
def openrouter() -> Iterator[FakeOpenRouter]:
    fake = FakeOpenRouter().start()
    yield fake
    fake.stop()


def post(fake: FakeOpenRouter, path: str, *, stream: bool) -> httpx.Response:
    return httpx.post(fake.base_url + path, json={"model": "m", "stream": stream}, timeout=5.0)


def chunks_of(body: bytes) -> list[dict[str, object]]:
    lines = [line.removeprefix(b"data: ") for line in body.split(b"\n") if line.startswith(b"data: {")]
    return [orjson.loads(line) for line in lines]


def test_a_chat_stream_has_comments_late_usage_and_two_finish_chunks(openrouter: FakeOpenRouter) -> None:
    body = post(openrouter, "/chat/completions", stream=True).content

    assert body.startswith(COMMENT)
    assert body.endswith(DONE)
    chunks = chunks_of(body)
    assert chunks[-1]["choices"] == []
    assert "usage" in chunks[-1]
    finishes = [chunk["choices"][0]["finish_reason"] for chunk in chunks[-3:-1]]  # type: ignore[index]
    assert finishes == ["stop", "stop"]


def test_parallel_calls_interleave_on_the_chat_wire_only(openrouter: FakeOpenRouter) -> None:
    openrouter.reply(TWO_CALLS, TWO_CALLS)

    chat = chunks_of(post(openrouter, "/chat/completions", stream=True).content)
    messages = chunks_of(post(openrouter, "/messages", stream=True).content)

    indexes = [
        call["index"]
        for chunk in chat
        for choice in chunk["choices"]  # type: ignore[attr-defined]
        for call in choice["delta"].get("tool_calls", [])
    ]
    assert indexes[:4] == [0, 1, 0, 1]
    stops = [event["index"] for event in messages if event["type"] == "content_block_stop"]
    assert stops == [0, 1]


def test_a_signature_comes_in_a_chunk_of_its_own(openrouter: FakeOpenRouter) -> None:
    openrouter.reply(Answer((Thinking("hmm", "sig=="), Text("x"))))

    chunks = chunks_of(post(openrouter, "/chat/completions", stream=True).content)

    details = [
        detail
        for chunk in chunks
        for choice in chunk["choices"]  # type: ignore[attr-defined]
        for detail in choice["delta"].get("reasoning_details", [])
    ]
    assert details[0]["text"] == details[0]["signature"] == ""
    assert details[-1] == {"type": "reasoning.text", "format": "anthropic-claude-v1", "index": 0, "signature": "sig=="}


def test_an_empty_input_has_no_arguments_key(openrouter: FakeOpenRouter) -> None:
    openrouter.reply(Answer((ToolCall("ListAgents"),)))

    completion = post(openrouter, "/chat/completions", stream=False).json()

    assert "arguments" not in completion["choices"][0]["message"]["tool_calls"][0]["function"]


def test_usage_has_the_same_sum_on_both_wires(openrouter: FakeOpenRouter) -> None:
    answer = Answer(tokens=Tokens(input=3, cache_read=3211, cache_write=115))
    openrouter.reply(answer, answer)

    chat = post(openrouter, "/chat/completions", stream=False).json()["usage"]
    messages = post(openrouter, "/messages", stream=False).json()["usage"]

    assert chat["prompt_tokens"] == 3329
    assert messages["input_tokens"] == 3


def test_a_cut_stream_is_a_broken_body_and_an_ended_one_is_not(openrouter: FakeOpenRouter) -> None:
    openrouter.reply(Answer(ending="cut"), Answer(ending="end"))

    with pytest.raises(httpx.RemoteProtocolError):
        post(openrouter, "/chat/completions", stream=True)
    ended = post(openrouter, "/chat/completions", stream=True)

    assert DONE not in ended.content


def test_the_departure_of_a_client_is_noticed(openrouter: FakeOpenRouter) -> None:
    openrouter.reply(Answer(ending="hold"))

    with httpx.stream("POST", f"{openrouter.base_url}/messages", json={"stream": True}, timeout=5.0) as response:
        next(response.iter_raw())

    assert openrouter.last.wait_until_gone(2.0)


def test_errors_have_the_form_of_their_wire(openrouter: FakeOpenRouter) -> None:
    error = ApiError(429, "slow down", "rate_limit_error", {"retry-after": "7"})
    openrouter.reply(error, error)

    chat = post(openrouter, "/chat/completions", stream=False)
    messages = post(openrouter, "/messages", stream=False)

    assert chat.status_code == messages.status_code == 429
    assert chat.headers["retry-after"] == "7"
    assert chat.json()["error"]["code"] == 429
    assert messages.json()["error"] == {"type": "rate_limit_error", "message": "slow down"}


def test_late_usage_can_come_in_an_empty_delta(openrouter: FakeOpenRouter) -> None:
    openrouter.quirks = Quirks(late_usage="empty_delta")

    last = chunks_of(post(openrouter, "/chat/completions", stream=True).content)[-1]

    assert last["choices"][0]["finish_reason"] is None  # type: ignore[index]


def test_the_anthropic_fake_counts_tokens() -> None:
    fake = FakeAnthropic().start()
    try:
        counted = httpx.post(f"{fake.base_url}/v1/messages/count_tokens", json={}, timeout=5.0)
    finally:
        fake.stop()

    assert counted.json() == {"input_tokens": 4321}
