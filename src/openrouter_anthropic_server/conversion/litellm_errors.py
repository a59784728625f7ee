"""Turns LiteLLM's exceptions into errors of this server's tree. Knows them by their attributes, not their classes.

LiteLLM wraps what an upstream says in texts of its own ("litellm.RateLimitError: RateLimitError: OpenAIException -
..."), sometimes several times; the upstream's own body is in one of the exceptions that led to the last one.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from openrouter_anthropic_server.conversion.upstream_errors import error_from_response
from openrouter_anthropic_server.errors import GatewayError, UpstreamError, UpstreamTimeoutError

_SILENT = "the upstream was silent for too long"
_FAILED = "the connection to the upstream failed"
_NOT_SENT = "the request to the upstream failed"

_LONGEST_CHAIN = 12
_PREFIX = re.compile(
    r"^\s*(?:litellm\.)?(?:\w{0,60}(?:Error|Exception)|Timeout|[A-Z]\w{0,40} ?Exception)"
    r"(?: \w{1,60}Error)?(?:\s?[:-])\s*"
)
_HINTS = re.compile(
    r"(?s)\.? (?:Original exception: .*|Received Model Group=.*|LiteLLM Retried: .*)$"
    r"|\. Handle with `litellm\.\w+`\.?|(?:To drop these, set|If you want to use these params).*$"
)

# What failed on the way, by the names of exceptions of LiteLLM, OpenAI's SDK, httpx, aiohttp and Python, or of their
# bases; most specific first. None of them has a status, whatever LiteLLM says.
_FAILURES: Final[Mapping[str, tuple[type[GatewayError], str]]] = {
    "ConnectionTimeoutError": (UpstreamTimeoutError, "the upstream could not be reached in time"),
    "ConnectTimeout": (UpstreamTimeoutError, "the upstream could not be reached in time"),
    "PoolTimeout": (UpstreamTimeoutError, _SILENT),
    "ReadTimeout": (UpstreamTimeoutError, _SILENT),
    "APITimeoutError": (UpstreamTimeoutError, _SILENT),
    "Timeout": (UpstreamTimeoutError, _SILENT),
    "TimeoutError": (UpstreamTimeoutError, _SILENT),
    "TimeoutException": (UpstreamTimeoutError, _SILENT),
    "ClientConnectorDNSError": (UpstreamError, "the upstream's name could not be resolved"),
    "ConnectError": (UpstreamError, "the upstream could not be reached"),
    "ClientConnectorError": (UpstreamError, "the upstream could not be reached"),
    "ServerDisconnectedError": (UpstreamError, "the upstream closed the connection without an answer"),
    "ClientPayloadError": (UpstreamError, "the upstream's answer broke off"),
    "ReadError": (UpstreamError, "the upstream's answer broke off"),
    "RemoteProtocolError": (UpstreamError, "the upstream's answer broke off"),
    "APIConnectionError": (UpstreamError, _FAILED),
    "RequestError": (UpstreamError, _FAILED),
    "ClientError": (UpstreamError, _FAILED),
    "ConnectionError": (UpstreamError, _FAILED),
}


def error_from_litellm(error: BaseException, *, secrets: Sequence[str] = ()) -> GatewayError:
    """The error that stands for an exception of LiteLLM's, with the upstream's own status, message and headers.

    Where the upstream answered nothing, only what LiteLLM says against the request itself (a status below 500) is
    shown: other texts of libraries tell addresses and objects of this process.
    """
    chain = list(_chain(error))
    status = next((status for status in map(_status, chain) if status is not None), None)
    body = next((body for body in map(_body, chain) if body), b"")
    if not body:
        kinds = frozenset().union(*map(_kinds, chain))
        failure = next((failure for kind, failure in _FAILURES.items() if kind in kinds), None)
        if failure is not None:
            ours, message = failure
            return ours(message)
        if (status or 500) >= 500 and not any(map(_answered, chain)):
            return UpstreamError(_NOT_SENT)
        body = _plain(str(getattr(error, "message", "") or error)).encode()
    return error_from_response(status or 502, _headers(chain), body, secrets=secrets)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The exception and those that led to it, nearest first."""
    found: BaseException | None = error
    for _ in range(_LONGEST_CHAIN):
        if found is None:
            return
        yield found
        original = getattr(found, "original_exception", None)
        found = original if isinstance(original, BaseException) else found.__cause__ or found.__context__


def _kinds(error: BaseException) -> frozenset[str]:
    """The names of its class and of the bases of that: libraries raise more classes than can be listed."""
    return frozenset(kind.__name__ for kind in type(error).__mro__)


def _answered(error: BaseException) -> bool:
    """Whether it holds an answer of the upstream. Where there was none, LiteLLM makes up one without headers."""
    response = getattr(error, "response", None)
    return bool(getattr(error, "litellm_response_headers", None) or getattr(response, "headers", None))


def _status(error: BaseException) -> int | None:
    """Its HTTP status. A connection that failed has none, whatever LiteLLM puts there."""
    if not _FAILURES.keys().isdisjoint(_kinds(error)):
        return None
    status = getattr(error, "status_code", None)
    if isinstance(status, str) and status.isdecimal():
        status = int(status)
    return status if isinstance(status, int) and 400 <= status <= 599 else None


def _body(error: BaseException) -> bytes:
    """What the upstream answered: the content of the response, or a text that begins as JSON does."""
    response = getattr(error, "response", None)
    for text in (_content(response), getattr(error, "message", None), getattr(error, "text", None)):
        if isinstance(text, str):
            plain = _plain(text)
            if plain.startswith(("{", "[")):
                return plain.encode()
    return b""


def _content(response: Any) -> str | None:
    """The text of an httpx response; one of a stream that was not read has none."""
    try:
        content = getattr(response, "content", b"")
    except RuntimeError:  # httpx.ResponseNotRead, StreamConsumed
        return None
    return content.decode("utf-8", "replace") if isinstance(content, bytes) else None


def _plain(text: str) -> str:
    """The text without LiteLLM's prefixes and hints."""
    text = re.sub(r"""^b(['"])(.*)\1$""", r"\2", text.strip(), flags=re.DOTALL)
    while (prefix := _PREFIX.match(text)) is not None:
        text = text[prefix.end() :]
    return _HINTS.sub("", text).strip()


def _headers(chain: Sequence[BaseException]) -> Mapping[str, str]:
    """The headers of the upstream's answer, from whichever exception kept them."""
    for error in chain:
        response = getattr(error, "response", None)
        for headers in (
            getattr(error, "litellm_response_headers", None),
            getattr(error, "headers", None),
            getattr(response, "headers", None),
        ):
            if headers:
                return {str(name): str(value) for name, value in headers.items()}
    return {}
