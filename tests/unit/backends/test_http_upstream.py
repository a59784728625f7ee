"""HTTP to an upstream on loopback: answers as bytes, every failure as an error of the tree."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from openrouter_anthropic_server.backends.chat_http import HttpChatBackend
from openrouter_anthropic_server.backends.http_upstream import HttpUpstream, translated
from openrouter_anthropic_server.backends.messages_http import HttpMessagesBackend
from openrouter_anthropic_server.errors import GatewayError, RateLimitError, UpstreamError, UpstreamTimeoutError
from openrouter_anthropic_server.ports.messages_backend import MessagesCall

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
KEY = "sk-or-v1-0123456789abcdef"


@asynccontextmanager
async def upstream_of(handler: Handler, *, silence_seconds: float = 5.0) -> AsyncIterator[HttpUpstream]:
    """An upstream whose every path is answered by `handler`."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    upstream = HttpUpstream(
        f"http://127.0.0.1:{port}/base/",
        headers={"authorization": f"Bearer {KEY}"},
        secrets=[KEY],
        timeout_seconds=silence_seconds,
        idle_seconds=silence_seconds,
    )
    try:
        async with upstream:
            yield upstream
    finally:
        await runner.cleanup()


async def test_a_post_carries_our_headers_and_the_bytes_as_they_are() -> None:
    seen: dict[str, object] = {}

    async def handler(request: web.Request) -> web.Response:
        seen.update(path=request.path, key=request.headers["authorization"], body=await request.read())
        seen.update(extra=request.headers["anthropic-beta"], encoding=request.headers["accept-encoding"])
        return web.Response(body=b"{}", headers={"anthropic-ratelimit-requests-limit": "9", "server": "x"})

    async with upstream_of(handler) as upstream:
        answer = await upstream.post("/messages", b'{"a": 1}', {"anthropic-beta": "b"})

    assert seen == {
        "path": "/base/messages",
        "key": f"Bearer {KEY}",
        "body": b'{"a": 1}',
        "extra": "b",
        "encoding": "identity",
    }
    assert (answer.body, answer.headers) == (b"{}", {"anthropic-ratelimit-requests-limit": "9"})


async def test_a_refusal_becomes_an_error_without_our_key() -> None:
    async def handler(_: web.Request) -> web.Response:
        body = {"error": {"code": 429, "message": f"slow down, {KEY}"}}
        return web.json_response(body, status=429, headers={"retry-after": "7"})

    async with upstream_of(handler) as upstream:
        with pytest.raises(RateLimitError) as refusal:
            await upstream.post("/messages", b"{}")

    assert refusal.value.headers["retry-after"] == "7"
    assert KEY not in refusal.value.message


async def test_an_unreachable_upstream_is_an_upstream_error_without_its_address(unused_tcp_port: int) -> None:
    upstream = HttpUpstream(
        f"http://127.0.0.1:{unused_tcp_port}", headers={}, secrets=[], timeout_seconds=1, idle_seconds=1
    )
    async with upstream:
        with pytest.raises(UpstreamError) as failure:
            await upstream.post("/messages", b"{}")

    assert "127.0.0.1" not in failure.value.message


async def test_silence_is_a_timeout() -> None:
    async def handler(_: web.Request) -> web.Response:
        await asyncio.sleep(30)
        return web.Response()

    async with upstream_of(handler, silence_seconds=0.05) as upstream:
        with pytest.raises(UpstreamTimeoutError):
            await upstream.post("/messages", b"{}")


async def test_a_broken_body_is_an_upstream_error_not_an_end() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"data: {}\n\n")
        assert request.transport is not None
        request.transport.abort()
        return response

    async with upstream_of(handler) as upstream:
        stream = await upstream.open("/messages", b"{}")
        with pytest.raises(UpstreamError):
            async for _ in stream.chunks():
                pass
        await stream.aclose()


async def test_closing_a_stream_drops_the_connection_at_once() -> None:
    gone = asyncio.Event()

    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(b": still here\n\n")
                await asyncio.sleep(0.01)
        except (ConnectionError, asyncio.CancelledError):
            gone.set()
            raise

    async with upstream_of(handler) as upstream:
        stream = await upstream.open("/messages", b"{}")
        async for _ in stream.chunks():
            break
        await stream.aclose()
        await asyncio.wait_for(gone.wait(), 1)


async def test_a_chat_stream_yields_chunks_until_done_and_keeps_the_connection() -> None:
    transports = set()

    async def handler(request: web.Request) -> web.StreamResponse:
        transports.add(id(request.transport))
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b': OPENROUTER PROCESSING\n\ndata: {"id":"1"}\n\ndata: {"id":"2"}\n\ndata: [DONE]\n\n')
        return response

    async with upstream_of(handler) as upstream:
        backend = HttpChatBackend("openrouter", upstream, path="/chat/completions")
        for _ in range(2):
            stream = await backend.open_stream(b'{"model":"m"}')
            ids = [chunk["id"] async for chunks in stream.chunks() for chunk in chunks]
            await stream.aclose()
            assert ids == ["1", "2"]

    assert len(transports) == 1


@pytest.mark.parametrize("body", [b"data: {not json\n\n", b"data: [1]\n\n"])
async def test_a_chunk_that_makes_no_sense_is_an_upstream_error(body: bytes) -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(body=body)

    async with upstream_of(handler) as upstream:
        stream = await HttpChatBackend("openrouter", upstream, path="/c").open_stream(b"{}")
        with pytest.raises(UpstreamError):
            _ = [chunks async for chunks in stream.chunks()]


@pytest.mark.parametrize("body", [b"<html>", b"[]"])
async def test_a_completion_that_makes_no_sense_is_an_upstream_error(body: bytes) -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(body=body)

    async with upstream_of(handler) as upstream:
        with pytest.raises(UpstreamError):
            await HttpChatBackend("openrouter", upstream, path="/c").complete(b"{}")


async def test_token_counts_come_from_the_upstream_where_it_has_them() -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.json_response({"input_tokens": 42})

    async with upstream_of(handler) as upstream:
        counting = HttpMessagesBackend("anthropic", upstream, path="/m", count_path="/c")
        silent = HttpMessagesBackend("openrouter", upstream, path="/m")

        assert await counting.count_tokens(MessagesCall(b"{}")) == 42
        assert await silent.count_tokens(MessagesCall(b"{}")) is None


async def test_a_token_count_that_makes_no_sense_is_an_upstream_error() -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.json_response({"tokens": "many"})

    async with upstream_of(handler) as upstream:
        with pytest.raises(UpstreamError):
            await HttpMessagesBackend("a", upstream, path="/m", count_path="/c").count_tokens(MessagesCall(b"{}"))


async def test_json_is_fetched_and_anything_else_is_an_upstream_error() -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(body=b'{"data": []}' if request.path.endswith("models") else b"<html>")

    async with upstream_of(handler) as upstream:
        assert await upstream.get_json("/models") == {"data": []}
        with pytest.raises(UpstreamError):
            await upstream.get_json("/other")


async def test_an_upstream_must_be_opened_before_use() -> None:
    upstream = HttpUpstream("http://127.0.0.1:1", headers={}, secrets=[], timeout_seconds=1, idle_seconds=1)

    with pytest.raises(RuntimeError):
        await upstream.post("/messages", b"{}")


def _kinds(kind: type[BaseException]) -> list[type[BaseException]]:
    return [kind, *(below for child in kind.__subclasses__() for below in _kinds(child))]


@pytest.mark.parametrize("kind", _kinds(aiohttp.ClientError), ids=lambda kind: kind.__name__)
def test_every_error_of_the_http_client_is_translated(kind: type[BaseException]) -> None:
    assert isinstance(translated(kind.__new__(kind)), GatewayError)
