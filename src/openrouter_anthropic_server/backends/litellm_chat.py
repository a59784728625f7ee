"""The chat wire through LiteLLM."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from openrouter_anthropic_server.backends.litellm_client import Call, LiteLlm, LiteLlmStream, translated_failures
from openrouter_anthropic_server.conversion.json_text import parse_exact
from openrouter_anthropic_server.conversion.redaction import redact
from openrouter_anthropic_server.conversion.upstream_errors import forwarded_headers
from openrouter_anthropic_server.errors import GatewayError
from openrouter_anthropic_server.openai_types.chat import ChatChunk, ChatCompletion
from openrouter_anthropic_server.ports.chat_backend import ChatAnswer, ChatStream
from openrouter_anthropic_server.streaming.chat_chunks import ChatChunkReader

Speaks = Literal["chat", "own"]
"""chat: the upstream itself speaks chat completions; own: LiteLLM translates to another API and back."""


_DRAIN_SECONDS = 0.05
_NO_MESSAGES = [{"role": "user", "content": ""}]
"""LiteLLM must see some; those of the body take their place."""

_NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class LiteLlmUpstream:
    """One upstream as LiteLLM reaches it.

    `prefix` goes before the model's name; `options` are arguments of every call: always the address and the key,
    because LiteLLM would take missing ones from variables that can name this server itself. `streaming` are fields
    of the body for streams. `timeout_seconds` is the longest silence of an answer that is not streamed,
    `idle_seconds` that of a stream.
    """

    name: str
    prefix: str
    options: Mapping[str, Any]
    secrets: Sequence[str]
    timeout_seconds: float
    idle_seconds: float
    speaks: Speaks = "own"
    streaming: Mapping[str, Any] = field(default_factory=dict)


class LiteLlmChatBackend:
    """An upstream on the chat wire that LiteLLM talks to."""

    def __init__(self, litellm: LiteLlm, upstream: LiteLlmUpstream) -> None:
        self.name = upstream.name
        self._litellm = litellm
        self._upstream = upstream

    def redact(self, text: str) -> str:
        """`text` without this upstream's keys and addresses."""
        return redact(text, self._upstream.secrets)

    async def complete(self, body: bytes) -> ChatAnswer:
        """Post a request and wait for the whole completion."""
        call = self._call(body, self._upstream.timeout_seconds)
        with translated_failures(self._upstream.secrets):
            answer = await self._litellm.complete(call)
        return ChatAnswer(cast(ChatCompletion, answer.completion), forwarded_headers(answer.headers))

    async def open_stream(self, body: bytes) -> ChatStream:
        """Post a request and return when the upstream's headers are there."""
        call = self._call(body, self._upstream.idle_seconds, self._upstream.streaming)
        with translated_failures(self._upstream.secrets):
            stream = await self._litellm.open_stream(call)
        return LiteLlmChatStream(stream, self._upstream)

    def _call(self, body: bytes, timeout_seconds: float, more: Mapping[str, Any] = _NOTHING) -> Call:
        """The arguments for LiteLLM; to an upstream that speaks chat completions the body goes as it is."""
        upstream = self._upstream
        request = {**parse_exact(body), **more}
        model = upstream.prefix + request.pop("model")
        request.pop("stream", None)
        call = {**upstream.options, "model": model, "timeout": timeout_seconds}
        call |= {"num_retries": 0, "max_retries": 0, "no-log": True, "_skip_mcp_handler": True}
        if upstream.speaks == "chat":
            return call | {"messages": _NO_MESSAGES, "extra_body": request}
        return call | request


class LiteLlmChatStream:
    """An open chat stream of LiteLLM's, read from the wire."""

    def __init__(self, stream: LiteLlmStream, upstream: LiteLlmUpstream) -> None:
        self._stream = stream
        self._upstream = upstream
        self._reader = ChatChunkReader()
        self._data = stream.wire()
        self.headers: Mapping[str, str] = forwarded_headers(stream.headers)

    async def chunks(self) -> AsyncIterator[list[ChatChunk]]:
        """What arrived, chunk by chunk."""
        reader = self._reader
        while (piece := await self._next(self._upstream.idle_seconds)) is not None:
            for chunks in reader.feed(piece):
                yield chunks
            if reader.done:
                return
        for chunks in reader.close():
            yield chunks

    async def aclose(self) -> None:
        """Drop the connection; after the end marker it is kept for the next request. Safe to call twice."""
        if self._reader.done:
            with suppress(GatewayError):
                while await self._next(_DRAIN_SECONDS) is not None:
                    pass
        await self._stream.aclose()

    async def _next(self, seconds: float) -> bytes | None:
        with translated_failures(self._upstream.secrets):
            async with asyncio.timeout(seconds):
                return await anext(self._data, None)
