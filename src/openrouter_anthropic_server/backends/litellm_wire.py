"""The chat wire through LiteLLM to providers that speak no chat completions: it asks, and we read the answer.

LiteLLM writes the request, signs it and holds the connection. What comes back is read from the wire, in the provider's
own form: LiteLLM's reading loses why Gemini and Bedrock ended an answer, fails on Cohere's events, and gives a finish
reason to a stream that just broke off.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from openrouter_anthropic_server.backends.litellm_chat import LiteLlmChatBackend, LiteLlmUpstream
from openrouter_anthropic_server.backends.litellm_client import Hooks, LiteLlm, translated_failures
from openrouter_anthropic_server.conversion.upstream_errors import error_from_response, forwarded_headers
from openrouter_anthropic_server.errors import GatewayError, UpstreamError, UpstreamTimeoutError
from openrouter_anthropic_server.openai_types.chat import ChatChunk
from openrouter_anthropic_server.ports.chat_backend import ChatAnswer
from openrouter_anthropic_server.streaming.answer_forms import AnswerForm, StreamReader, json_object

_OK = 200

_responses: ContextVar[list[Any] | None] = ContextVar("responses_of_litellm", default=None)
"""The HTTP responses that LiteLLM got for the call of this context."""


async def _keep(response: Any) -> None:
    kept = _responses.get()
    if kept is not None:
        kept.append(response)


_HOOKS: Hooks = {"response": [_keep]}


class LiteLlmWireBackend(LiteLlmChatBackend):
    """A provider that LiteLLM talks to, whose answers are of `form`."""

    def __init__(self, litellm: LiteLlm, upstream: LiteLlmUpstream, form: AnswerForm) -> None:
        super().__init__(litellm, upstream)
        self._form = form

    async def complete(self, body: bytes) -> ChatAnswer:
        """Post a request and wait for the whole answer."""
        call = self._call(body, self._upstream.timeout_seconds)
        with _kept_responses() as responses:
            try:
                with translated_failures(self._upstream.secrets):
                    await self._litellm.raw(call, _HOOKS)
            except GatewayError as error:
                if not responses or responses[-1].status_code != _OK or not responses[-1].is_closed:
                    raise self._failure(responses, error) from None
                # Otherwise only LiteLLM's reading of the answer failed.
        answer = json_object(responses[-1].content)
        return ChatAnswer(self._form.whole(answer), forwarded_headers(responses[-1].headers))

    async def open_stream(self, body: bytes) -> "WireStream":
        """Post a request and return when the upstream's headers are there."""
        call = self._call(body, self._upstream.idle_seconds)
        with _kept_responses() as responses:
            try:
                with translated_failures(self._upstream.secrets):
                    wrapper = await self._litellm.raw(call | {"stream": True}, _HOOKS)
                    # For some providers nothing was sent yet; it does not read of the answer.
                    await wrapper.fetch_stream()
            except GatewayError as error:
                raise self._failure(responses, error) from None
        if not responses:
            raise UpstreamError("LiteLLM gave no access to the upstream's answer.")
        return WireStream(wrapper, responses[-1], self._form.stream(), self._upstream)

    def _failure(self, responses: Sequence[Any], error: GatewayError) -> GatewayError:
        """What the provider itself said, where that is known: LiteLLM maps statuses in ways of its own."""
        if not responses or responses[-1].status_code == _OK or not responses[-1].is_stream_consumed:
            return error
        response = responses[-1]
        return error_from_response(
            response.status_code, response.headers, response.content, secrets=self._upstream.secrets
        )


class WireStream:
    """An open stream of a provider, read from the wire."""

    def __init__(self, wrapper: Any, response: Any, reader: StreamReader, upstream: LiteLlmUpstream) -> None:
        self._wrapper = wrapper
        self._response = response
        self._reader = reader
        self._upstream = upstream
        self.headers: Mapping[str, str] = forwarded_headers(response.headers)

    async def chunks(self) -> AsyncGenerator[list[ChatChunk], None]:
        """What arrived, chunk by chunk."""
        data = self._response.aiter_bytes()
        while True:
            with translated_failures(self._upstream.secrets):
                piece = await self._next(data)
            if piece is None:
                break
            for chunks in self._reader.feed(piece):
                yield chunks
        for chunks in self._reader.close():
            yield chunks

    async def aclose(self) -> None:
        """Drop the connection. Safe to call twice."""
        await self._response.aclose()
        await self._wrapper.aclose()

    async def _next(self, data: AsyncIterator[bytes]) -> bytes | None:
        try:
            async with asyncio.timeout(self._upstream.idle_seconds):
                return await anext(data, None)
        except TimeoutError:
            raise UpstreamTimeoutError("the upstream was silent for too long") from None


@contextmanager
def _kept_responses() -> Iterator[list[Any]]:
    kept: list[Any] = []
    token = _responses.set(kept)
    try:
        yield kept
    finally:
        _responses.reset(token)
