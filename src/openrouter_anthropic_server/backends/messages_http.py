"""The messages wire over HTTP: OpenRouter's `/messages`, Anthropic's own API, and others of that form."""

from collections.abc import AsyncIterator, Mapping

import orjson

from openrouter_anthropic_server.backends.http_upstream import HttpStream, HttpUpstream
from openrouter_anthropic_server.errors import UpstreamError
from openrouter_anthropic_server.ports.messages_backend import MessagesAnswer, MessagesCall


class HttpMessagesStream:
    """An open SSE answer of an upstream, passed on untouched."""

    def __init__(self, stream: HttpStream) -> None:
        self._stream = stream

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers worth forwarding, lower-case."""
        return self._stream.headers

    def chunks(self) -> AsyncIterator[bytes]:
        """The SSE bytes as they arrive."""
        return self._stream.chunks()

    async def aclose(self) -> None:
        """Drop the connection unless the stream was read to its end."""
        await self._stream.aclose()


class HttpMessagesBackend:
    """An upstream that takes Messages requests at `path`, and counts tokens at `count_path` if it can."""

    def __init__(self, name: str, upstream: HttpUpstream, *, path: str, count_path: str | None = None) -> None:
        self.name = name
        self._upstream = upstream
        self._path = path
        self._count_path = count_path

    def redact(self, text: str) -> str:
        """`text` without this upstream's keys and addresses."""
        return self._upstream.redact(text)

    async def send(self, call: MessagesCall) -> MessagesAnswer:
        """Post a request and wait for the whole answer."""
        answer = await self._upstream.post(self._path, call.body, call.headers)
        return MessagesAnswer(answer.body, answer.headers)

    async def open_stream(self, call: MessagesCall) -> HttpMessagesStream:
        """Post a request and return when the upstream's headers are there."""
        return HttpMessagesStream(await self._upstream.open(self._path, call.body, call.headers))

    async def count_tokens(self, call: MessagesCall) -> int | None:
        """The upstream's count, or None where it has no such endpoint."""
        if self._count_path is None:
            return None
        answer = await self._upstream.post(self._count_path, call.body, call.headers)
        try:
            return int(orjson.loads(answer.body)["input_tokens"])
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
            raise UpstreamError("the upstream's token count makes no sense") from None
