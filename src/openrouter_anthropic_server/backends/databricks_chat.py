"""The chat wire of Databricks over HTTP."""

from collections.abc import AsyncIterator, Mapping

from openrouter_anthropic_server.backends.chat_http import HttpChatBackend, HttpChatStream
from openrouter_anthropic_server.openai_types.chat import ChatChunk
from openrouter_anthropic_server.ports.chat_backend import ChatAnswer
from openrouter_anthropic_server.streaming.databricks_chunks import normalise_chunk, normalise_completion


class DatabricksChatStream:
    """An open chat stream of Databricks, its chunks in the common form."""

    def __init__(self, stream: HttpChatStream) -> None:
        self._stream = stream

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers worth forwarding, lower-case."""
        return self._stream.headers

    async def chunks(self) -> AsyncIterator[list[ChatChunk]]:
        """What arrived, grouped by network read."""
        async for chunks in self._stream.chunks():
            for chunk in chunks:
                normalise_chunk(chunk)
            yield chunks

    async def aclose(self) -> None:
        """Drop the connection; after `[DONE]` it is kept for the next request."""
        await self._stream.aclose()


class DatabricksChatBackend:
    """A workspace that takes chat requests at the path of `backend`."""

    def __init__(self, backend: HttpChatBackend) -> None:
        self._backend = backend
        self.name = backend.name

    def redact(self, text: str) -> str:
        """`text` without this upstream's keys and addresses."""
        return self._backend.redact(text)

    async def complete(self, body: bytes) -> ChatAnswer:
        """Post a request and wait for the whole completion."""
        answer = await self._backend.complete(body)
        normalise_completion(answer.completion)
        return answer

    async def open_stream(self, body: bytes) -> DatabricksChatStream:
        """Post a request and return when the upstream's headers are there."""
        return DatabricksChatStream(await self._backend.open_stream(body))
