"""The chat wire over HTTP: OpenRouter's `/chat/completions`."""

from collections.abc import AsyncIterator, Mapping
from typing import cast

from openrouter_anthropic_server.backends.http_upstream import HttpStream, HttpUpstream
from openrouter_anthropic_server.conversion.json_text import parse_lenient
from openrouter_anthropic_server.errors import UpstreamError
from openrouter_anthropic_server.openai_types.chat import ChatChunk, ChatCompletion
from openrouter_anthropic_server.ports.chat_backend import ChatAnswer
from openrouter_anthropic_server.streaming.chat_chunks import ChatChunkReader


class HttpChatStream:
    """An open chat stream of an upstream, parsed chunk by chunk."""

    def __init__(self, stream: HttpStream) -> None:
        self._stream = stream
        self._reader = ChatChunkReader()

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers worth forwarding, lower-case."""
        return self._stream.headers

    async def chunks(self) -> AsyncIterator[list[ChatChunk]]:
        """What arrived, grouped by network read; comments and unnamed frames without JSON are skipped."""
        reader = self._reader
        async for data in self._stream.chunks():
            for chunks in reader.feed(data):
                yield chunks
            if reader.done:
                return
        for chunks in reader.close():
            yield chunks

    async def aclose(self) -> None:
        """Drop the connection; after `[DONE]` it is kept for the next request."""
        if self._reader.done:
            await self._stream.drain()
        await self._stream.aclose()


class HttpChatBackend:
    """An upstream that takes chat requests at `path`."""

    def __init__(self, name: str, upstream: HttpUpstream, *, path: str) -> None:
        self.name = name
        self._upstream = upstream
        self._path = path

    def redact(self, text: str) -> str:
        """`text` without this upstream's keys and addresses."""
        return self._upstream.redact(text)

    async def complete(self, body: bytes) -> ChatAnswer:
        """Post a request and wait for the whole completion."""
        answer = await self._upstream.post(self._path, body)
        try:
            completion = parse_lenient(answer.body)
        except ValueError:
            raise UpstreamError("the upstream's answer is not JSON") from None
        if not isinstance(completion, dict):
            raise UpstreamError("the upstream's answer is not a completion")
        return ChatAnswer(cast(ChatCompletion, completion), answer.headers)

    async def open_stream(self, body: bytes) -> HttpChatStream:
        """Post a request and return when the upstream's headers are there."""
        return HttpChatStream(await self._upstream.open(self._path, body))
