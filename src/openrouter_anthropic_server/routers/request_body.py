"""Reads a request's body once, within the size limit."""

from collections.abc import Mapping

from starlette.requests import ClientDisconnect, Request

from openrouter_anthropic_server.errors import InvalidRequestError, RequestTooLargeError

_JSON_TYPES = ("application/json", "")


async def read_json_body(request: Request, headers: Mapping[str, str], max_bytes: int) -> bytes:
    """The body's bytes; too big, compressed, or not declared as JSON raises."""
    _check_type(headers)
    declared = headers.get("content-length", "")
    if declared.isdigit() and int(declared) > max_bytes:
        raise _too_large(max_bytes)
    chunks: list[bytes] = []
    size = 0
    more = True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk = message.get("body", b"")
        more = message.get("more_body", False)
        size += len(chunk)
        if size > max_bytes:
            raise _too_large(max_bytes)
        if chunk:
            chunks.append(chunk)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _check_type(headers: Mapping[str, str]) -> None:
    declared = headers.get("content-type", "").partition(";")[0].partition(",")[0].strip().lower()
    if declared not in _JSON_TYPES and not declared.endswith("+json"):
        raise InvalidRequestError("content-type: must be application/json")
    encoding = headers.get("content-encoding", "identity").lower()
    if encoding != "identity":
        raise InvalidRequestError(
            "content-encoding: compressed request bodies are not supported",
            error_code="request_body_encoding_unsupported",
        )


def _too_large(max_bytes: int) -> RequestTooLargeError:
    return RequestTooLargeError(f"Request exceeds the maximum size of {max_bytes / 2**20:g} MB")
