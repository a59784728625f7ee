"""HTTP to an upstream: one pooled aiohttp session, answers as bytes, failures as `GatewayError`s."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import aiohttp
import orjson

from openrouter_anthropic_server.conversion.redaction import redact
from openrouter_anthropic_server.conversion.upstream_errors import error_from_response, forwarded_headers
from openrouter_anthropic_server.errors import GatewayError, UpstreamError, UpstreamTimeoutError

_CONNECT_SECONDS = 10.0
_DRAIN_SECONDS = 0.05
_OK = 200
_MAX_ANSWER_BYTES = 64 * 2**20
_MAX_REFUSAL_BYTES = 2**20
_FAILURES = (aiohttp.ClientError, TimeoutError, ConnectionError)
_FORWARDED_PREFIXES = ("anthropic-ratelimit-", "x-ratelimit-")


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """A complete answer with status 200."""

    body: bytes
    headers: Mapping[str, str]


class HttpStream:
    """An open answer with status 200, read piece by piece."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.headers = _forwarded(response)

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives. A broken body or too long a silence raises."""
        try:
            async for chunk in self._response.content.iter_any():
                yield chunk
        except _FAILURES as error:
            raise translated(error) from None

    async def drain(self) -> None:
        """Read the last bytes, if they come at once, so that the connection can be used again."""
        if self._response.content.at_eof():
            return
        try:
            async with asyncio.timeout(_DRAIN_SECONDS):
                await self._response.read()
        except _FAILURES:
            self._response.close()

    async def aclose(self) -> None:
        """Drop the connection unless the answer was read to its end. Safe to call twice."""
        self._response.close()


class HttpUpstream:
    """One upstream: its base address, its headers with our key, its time limits (seconds).

    `timeout_seconds` is the longest silence before and inside an answer that is not streamed,
    `idle_seconds` the longest silence inside a stream.
    """

    def __init__(
        self,
        base_url: str,
        *,
        headers: Mapping[str, str],
        secrets: Sequence[str],
        timeout_seconds: float,
        idle_seconds: float,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._headers = dict(headers)
        self._secrets = tuple(secrets)
        self._timeout = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS, sock_read=timeout_seconds)
        self._stream_timeout = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS, sock_read=idle_seconds)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Open the connection pool; there is no limit on connections."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=60),
            headers={"accept-encoding": "identity", "content-type": "application/json", **self._headers},
            skip_auto_headers=("user-agent", "accept"),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=True,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close every connection."""
        await self._open_session().close()

    async def post(self, path: str, body: bytes, headers: Mapping[str, str] | None = None) -> HttpAnswer:
        """Post `body` and read the whole answer; any status but 200 is raised."""
        response = await self._request("POST", path, self._timeout, body=body, headers=headers)
        try:
            return HttpAnswer(await _read(response, _MAX_ANSWER_BYTES), _forwarded(response))
        except _FAILURES as error:
            raise translated(error) from None
        finally:
            response.release()

    async def open(self, path: str, body: bytes, headers: Mapping[str, str] | None = None) -> HttpStream:
        """Post `body` and return the answer as soon as its headers are there.

        Any status but 200 is raised, and so is JSON: an error under a 200, or an upstream that cannot stream.
        """
        response = await self._request("POST", path, self._stream_timeout, body=body, headers=headers)
        if response.content_type == "application/json":
            raise await self._refusal(response)
        return HttpStream(response)

    @property
    def secrets(self) -> Sequence[str]:
        """What must not show in messages: the key."""
        return self._secrets

    def redact(self, text: str) -> str:
        """`text` without our key and without addresses."""
        return redact(text, self.secrets)

    async def get_json(self, path: str) -> Any:
        """The parsed JSON of a GET."""
        response = await self._request("GET", path, self._timeout)
        try:
            return orjson.loads(await _read(response, _MAX_ANSWER_BYTES))
        except _FAILURES as error:
            raise translated(error) from None
        except orjson.JSONDecodeError:
            raise UpstreamError("the upstream's answer is not JSON") from None
        finally:
            response.release()

    async def _request(
        self,
        method: str,
        path: str,
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - aiohttp's own limits, not a deadline
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> aiohttp.ClientResponse:
        try:
            response = await self._open_session().request(
                method, self._base_url + path, data=body, headers=headers, timeout=timeout, allow_redirects=False
            )
        except _FAILURES as error:
            raise translated(error) from None
        if response.status == _OK:
            return response
        raise await self._refusal(response)

    async def _refusal(self, response: aiohttp.ClientResponse) -> GatewayError:
        try:
            body = await _read(response, _MAX_REFUSAL_BYTES)
        except (UpstreamError, *_FAILURES):
            body = b""
        finally:
            response.release()
        return error_from_response(response.status, response.headers, body, secrets=self.secrets)

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("the upstream is used before it is opened")
        return self._session


_TRANSLATIONS: tuple[tuple[type[BaseException], type[GatewayError], str], ...] = (
    (aiohttp.ConnectionTimeoutError, UpstreamTimeoutError, "the upstream could not be reached in time"),
    (TimeoutError, UpstreamTimeoutError, "the upstream was silent for too long"),
    (aiohttp.ClientConnectorDNSError, UpstreamError, "the upstream's name could not be resolved"),
    (aiohttp.ClientConnectorError, UpstreamError, "the upstream could not be reached"),
    (aiohttp.ServerDisconnectedError, UpstreamError, "the upstream closed the connection without an answer"),
    (aiohttp.ClientPayloadError, UpstreamError, "the upstream's answer broke off"),
    (aiohttp.ClientResponseError, UpstreamError, "the upstream's answer is not valid HTTP"),
    (aiohttp.InvalidURL, UpstreamError, "the upstream's address is not a valid URL"),
    (aiohttp.ClientError, UpstreamError, "the connection to the upstream failed"),
    (ConnectionError, UpstreamError, "the connection to the upstream failed"),
)


def translated(error: BaseException) -> GatewayError:
    """The error that stands for a failure of the HTTP client; most specific first."""
    for foreign, ours, message in _TRANSLATIONS:
        if isinstance(error, foreign):
            return ours(message)
    raise error


async def _read(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """The whole body. An upstream that sends without end must not fill the memory: `UpstreamError` above `limit`."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.content.iter_any():
        size += len(chunk)
        if size > limit:
            response.close()
            raise UpstreamError("the upstream's answer is too large")
        chunks.append(chunk)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _forwarded(response: aiohttp.ClientResponse) -> Mapping[str, str]:
    """Rate limits of an answer with status 200; most have none, so their names are looked at first."""
    found = {name: value for name, value in response.headers.items() if name.lower().startswith(_FORWARDED_PREFIXES)}
    return forwarded_headers(found) if found else found
