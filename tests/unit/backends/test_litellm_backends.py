"""The backends over LiteLLM, in this process: nothing blocks the loop, nothing of the wire is lost or changed."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from typing import Any

import pytest

from openrouter_anthropic_server.backends.litellm_chat import LiteLlmChatBackend, LiteLlmUpstream
from openrouter_anthropic_server.backends.litellm_client import LiteLlm
from openrouter_anthropic_server.backends.litellm_messages import LiteLlmMessagesBackend, MessagesAccess
from openrouter_anthropic_server.conversion.json_text import dump_json
from openrouter_anthropic_server.errors import (
    AuthenticationError,
    GatewayError,
    RateLimitError,
    UpstreamError,
    UpstreamTimeoutError,
)
from openrouter_anthropic_server.ports.messages_backend import MessagesCall
from tests.upstreams.answers import Answer, ApiError, Failure, Text, Thinking
from tests.upstreams.script import raw_script
from tests.upstreams.server import FakeOpenRouter

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:litellm")

KEY = "sk-or-v1-secret-of-the-tests"
SIGNED = Answer((Thinking("Two and two.", "EtSignature=="), Text("Four [DONE].")))
CHAT = {
    "model": "anthropic/claude-sonnet-4.5",
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": "Hi", "cache_control": {"type": "ephemeral"}}]},
        {"role": "assistant", "content": "Hm", "reasoning_details": [{"type": "reasoning.text", "signature": "x"}]},
        {"role": "user", "content": "And?"},
    ],
    "max_tokens": 100,
    "provider": {"order": ["anthropic"]},
    "session_id": "one",
}
MESSAGES = {"model": "anthropic/claude-sonnet-4.5", "messages": [], "provider": {"order": ["a"]}, "max_tokens": 9}


@pytest.fixture(scope="module")
def running() -> Iterator[FakeOpenRouter]:
    fake = FakeOpenRouter().start()
    yield fake
    fake.stop()


@pytest.fixture
def upstream(running: FakeOpenRouter) -> FakeOpenRouter:
    running.reset()
    return running


@pytest.fixture
async def litellm() -> AsyncIterator[LiteLlm]:
    async with aclosing(LiteLlm()) as opened:
        yield opened


def chat_backend(litellm: LiteLlm, base_url: str, seconds: float = 5.0) -> LiteLlmChatBackend:
    headers = {"user-agent": "ours/1", "HTTP-Referer": "https://app.example", "X-Title": "My App"}
    options = {"api_key": KEY, "api_base": base_url, "extra_headers": headers}
    return LiteLlmChatBackend(litellm, LiteLlmUpstream("x", "openrouter/", options, [KEY], seconds, seconds, "chat"))


def messages_backend(litellm: LiteLlm, base_url: str, seconds: float = 5.0) -> LiteLlmMessagesBackend:
    headers = {"authorization": f"Bearer {KEY}", "user-agent": "ours/1", "content-type": "application/json"}
    access = MessagesAccess(f"{base_url}/messages", headers, [KEY], seconds, seconds)
    return LiteLlmMessagesBackend("x", litellm, access)


def messages_call(**more: Any) -> MessagesCall:
    return MessagesCall(dump_json({**MESSAGES, **more}), {"anthropic-beta": "one,two"})


async def streamed(backend: LiteLlmChatBackend) -> list[Any]:
    async with aclosing(await backend.open_stream(dump_json({**CHAT, "stream": True}))) as stream:
        return [chunk async for chunks in stream.chunks() for chunk in chunks]


async def test_a_chat_request_goes_out_as_it_is(litellm: LiteLlm, upstream: FakeOpenRouter) -> None:

    await chat_backend(litellm, upstream.base_url).complete(dump_json(CHAT))

    sent = upstream.last.body
    assert sent == {**CHAT, "usage": {"include": True}}
    assert upstream.last.headers["authorization"] == f"Bearer {KEY}"
    assert upstream.last.headers["user-agent"] == "ours/1"
    assert (upstream.last.headers["http-referer"], upstream.last.headers["x-title"]) == (
        "https://app.example",
        "My App",
    )


async def test_signatures_and_texts_of_a_stream_come_whole(litellm: LiteLlm, upstream: FakeOpenRouter) -> None:
    upstream.reply(SIGNED)

    chunks = await streamed(chat_backend(litellm, upstream.base_url))

    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    details = [detail for delta in deltas for detail in delta.get("reasoning_details", ())]
    assert [detail["signature"] for detail in details if detail.get("signature")] == ["EtSignature=="]
    assert "".join(delta.get("content") or "" for delta in deltas) == "Four [DONE]."
    assert chunks[-1]["usage"]["cost"] == 0.00042


async def test_signatures_of_a_whole_answer_are_kept(litellm: LiteLlm, upstream: FakeOpenRouter) -> None:
    upstream.reply(SIGNED)

    answer = await chat_backend(litellm, upstream.base_url).complete(dump_json(CHAT))

    message: dict[str, Any] = dict(answer.completion["choices"][0]["message"])
    (detail,) = message["provider_specific_fields"]["reasoning_details"]
    assert detail["signature"] == "EtSignature=="


@pytest.mark.parametrize("code", [502, "server_error"])
async def test_an_error_inside_a_stream_is_a_chunk(litellm: LiteLlm, upstream: FakeOpenRouter, code: Any) -> None:
    upstream.reply(Answer(ending="error", failure=Failure(code=code)))

    chunks = await streamed(chat_backend(litellm, upstream.base_url))

    assert chunks[-1]["error"]["code"] == code


async def test_an_error_before_the_first_chunk_is_raised_with_its_headers(
    litellm: LiteLlm, upstream: FakeOpenRouter
) -> None:
    backend = chat_backend(litellm, upstream.base_url)
    upstream.reply(ApiError(429, f"slow down, {KEY}", headers={"retry-after": "7"}))

    with pytest.raises(RateLimitError, match="slow down, ") as caught:
        await backend.open_stream(dump_json({**CHAT, "stream": True}))

    assert KEY not in caught.value.message
    assert caught.value.headers["retry-after"] == "7"
    assert len(upstream.calls) == 1


async def test_a_closed_stream_is_closed_upstream_at_once(litellm: LiteLlm, upstream: FakeOpenRouter) -> None:
    upstream.reply(Answer(ending="hold"))
    stream = await chat_backend(litellm, upstream.base_url).open_stream(dump_json({**CHAT, "stream": True}))
    await anext(stream.chunks())

    closed = time.monotonic()
    await stream.aclose()
    await stream.aclose()

    assert await asyncio.to_thread(upstream.last.wait_until_gone, 2.0)
    assert (upstream.last.gone_at or 0) - closed < 1.0


async def test_a_message_goes_and_comes_byte_by_byte(litellm: LiteLlm, upstream: FakeOpenRouter) -> None:
    upstream.reply(raw_script(b'{"type":"message",  "odd" : 1}', content_type="application/json"))

    answer = await messages_backend(litellm, upstream.base_url).send(messages_call())

    assert answer.body == b'{"type":"message",  "odd" : 1}'
    assert upstream.last.raw == messages_call().body
    assert upstream.last.betas == ["one", "two"]
    assert "itellm" not in str(upstream.last.headers)


async def test_a_stream_of_messages_comes_byte_by_byte(litellm: LiteLlm, upstream: FakeOpenRouter) -> None:
    script = raw_script(b"event: message_start\r\ndata: {}\n\n: comment\n\n", content_type="text/event-stream")
    upstream.reply(script)

    stream = await messages_backend(litellm, upstream.base_url).open_stream(messages_call(stream=True))
    data = b"".join([piece async for piece in stream.chunks()])
    await stream.aclose()

    assert data == script.sent


@pytest.mark.parametrize("stream", [False, True])
async def test_a_refused_message_is_an_error(litellm: LiteLlm, upstream: FakeOpenRouter, stream: bool) -> None:
    backend = messages_backend(litellm, upstream.base_url)
    upstream.reply(ApiError(429, "slow down", "rate_limit_error", {"retry-after": "7"}))

    with pytest.raises(RateLimitError, match="slow down") as caught:
        await (backend.open_stream if stream else backend.send)(messages_call(stream=stream))

    assert caught.value.headers["retry-after"] == "7"
    assert len(upstream.calls) == 1


async def test_json_instead_of_a_stream_is_an_error(litellm: LiteLlm, upstream: FakeOpenRouter) -> None:
    body = b'{"type":"error","error":{"type":"authentication_error","message":"no"}}'
    upstream.reply(raw_script(body, content_type="application/json"))

    with pytest.raises(AuthenticationError):
        await messages_backend(litellm, upstream.base_url).open_stream(messages_call(stream=True))


@pytest.mark.parametrize("wire", ["chat", "messages"])
@pytest.mark.parametrize("stream", [False, True])
async def test_silence_is_a_timeout(litellm: LiteLlm, upstream: FakeOpenRouter, wire: str, stream: bool) -> None:
    upstream.reply(Answer(pause_before_headers=2))

    with pytest.raises(UpstreamTimeoutError):
        await attempt(litellm, upstream.base_url, wire, stream=stream, seconds=0.3)


@pytest.mark.parametrize("wire", ["chat", "messages"])
@pytest.mark.parametrize("stream", [False, True])
async def test_nobody_there_is_said_without_the_address(litellm: LiteLlm, wire: str, stream: bool) -> None:
    with pytest.raises(UpstreamError, match="^the upstream could not be reached$"):
        await attempt(litellm, "http://127.0.0.1:9/api", wire, stream=stream)


async def test_a_stream_of_messages_that_breaks_is_an_error(litellm: LiteLlm, upstream: FakeOpenRouter) -> None:
    upstream.reply(Answer(ending="cut"))
    stream = await messages_backend(litellm, upstream.base_url).open_stream(messages_call(stream=True))

    with pytest.raises(GatewayError, match="broke off"):
        async for _ in stream.chunks():
            pass
    await stream.aclose()


async def attempt(litellm: LiteLlm, base_url: str, wire: str, *, stream: bool, seconds: float = 5.0) -> None:
    if wire == "chat":
        chat = chat_backend(litellm, base_url, seconds)
        await (chat.open_stream if stream else chat.complete)(dump_json({**CHAT, "stream": stream}))
    else:
        messages = messages_backend(litellm, base_url, seconds)
        await (messages.open_stream if stream else messages.send)(messages_call(stream=stream))


async def test_other_work_goes_on_while_the_library_is_loaded_and_first_used(upstream: FakeOpenRouter) -> None:
    longest = 0.0

    async def beat() -> None:
        nonlocal longest
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.01)
            longest = max(longest, time.monotonic() - before)

    beating = asyncio.get_running_loop().create_task(beat())
    async with aclosing(LiteLlm()) as fresh:
        await chat_backend(fresh, upstream.base_url).complete(dump_json(CHAT))
    beating.cancel()

    assert longest < 1.0
