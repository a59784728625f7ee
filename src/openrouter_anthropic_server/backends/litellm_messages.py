"""The messages wire of OpenRouter through LiteLLM's HTTP client.

LiteLLM's own layer for this wire is passed by: it drops fields of OpenRouter, drops adaptive thinking for models
that it does not know, and its streams import a whole proxy server (docs/decisions/0010).
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass

import httpx

from openrouter_anthropic_server.backends.litellm_client import LiteLlm, translated_failures
from openrouter_anthropic_server.conversion.redaction import redact
from openrouter_anthropic_server.conversion.upstream_errors import error_from_response, forwarded_headers
from openrouter_anthropic_server.errors import GatewayError, UpstreamError
from openrouter_anthropic_server.ports.messages_backend import MessagesAnswer, MessagesCall

_OK = 200
_MAX_ANSWER_BYTES = 64 * 2**20
_MAX_REFUSAL_BYTES = 2**20
_REFUSAL_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class MessagesAccess:
    """Where Messages requests go: the whole `url`, our `headers` with the key, the `secrets` among them.

    `timeout_seconds` is the longest silence of an answer that is not streamed, `idle_seconds` that of a stream.
    """

    url: str
    headers: Mapping[str, str]
    secrets: Sequence[str]
    timeout_seconds: float
    idle_seconds: float


class LiteLlmMessagesStream:
    """An open SSE answer, passed on untouched."""

    def __init__(self, response: httpx.Response, secrets: Sequence[str]) -> None:
        self._response = response
        self._secrets = secrets
        self.headers: Mapping[str, str] = forwarded_headers(response.headers)

    async def chunks(self) -> AsyncIterator[bytes]:
        """The SSE bytes as they arrive."""
        with translated_failures(self._secrets):
            async for data in self._response.aiter_bytes():
                yield data

    async def aclose(self) -> None:
        """Drop the connection unless the stream was read to its end. Safe to call twice."""
        await self._response.aclose()


class LiteLlmMessagesBackend:
    """An upstream that takes Messages requests, reached with LiteLLM's HTTP client."""

    def __init__(self, name: str, litellm: LiteLlm, access: MessagesAccess) -> None:
        self.name = name
        self._litellm = litellm
        self._access = access

    def redact(self, text: str) -> str:
        """`text` without this upstream's keys and addresses."""
        return redact(text, self._access.secrets)

    async def send(self, call: MessagesCall) -> MessagesAnswer:
        """Post a request and wait for the whole answer."""
        response = await self._post(call, self._access.timeout_seconds)
        try:
            with translated_failures(self._access.secrets):
                body = await _read(response, _MAX_ANSWER_BYTES)
        finally:
            await response.aclose()
        return MessagesAnswer(body, forwarded_headers(response.headers))

    async def open_stream(self, call: MessagesCall) -> LiteLlmMessagesStream:
        """Post a request and return when the upstream's headers are there; JSON instead of a stream is raised."""
        response = await self._post(call, self._access.idle_seconds)
        if response.headers.get("content-type", "").startswith("application/json"):
            raise await self._refusal(response)
        return LiteLlmMessagesStream(response, self._access.secrets)

    async def count_tokens(self, call: MessagesCall) -> int | None:
        """None: OpenRouter does not count."""
        return None

    async def _post(self, call: MessagesCall, timeout_seconds: float) -> httpx.Response:
        access = self._access
        with translated_failures(access.secrets):
            response = await self._litellm.post(
                access.url, call.body, {**access.headers, **call.headers}, timeout_seconds
            )
        if response.status_code == _OK:
            return response
        raise await self._refusal(response)

    async def _refusal(self, response: httpx.Response) -> GatewayError:
        try:
            async with asyncio.timeout(_REFUSAL_SECONDS):
                body = await _read(response, _MAX_REFUSAL_BYTES)
        except (httpx.HTTPError, TimeoutError, UpstreamError):
            body = b""
        finally:
            await response.aclose()
        return error_from_response(response.status_code, response.headers, body, secrets=self._access.secrets)


async def _read(response: httpx.Response, limit: int) -> bytes:
    """The whole body; `UpstreamError` where it is larger than `limit` bytes."""
    body = bytearray()
    async for data in response.aiter_bytes():
        body += data
        if len(body) > limit:
            raise UpstreamError("the upstream's answer is too large")
    return bytes(body)
