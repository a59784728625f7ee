"""A JSON answer whose bytes are ready."""

from collections.abc import Mapping

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

_JSON = (b"content-type", b"application/json")


class JsonAnswer(Response):
    """Sends `body` as it is; `headers` are names in lower case and their values."""

    def __init__(self, body: bytes, headers: Mapping[str, str] | None = None, status: int = 200) -> None:
        self.status_code = status
        self.body = body
        self.raw_headers = [(b"content-length", b"%d" % len(body)), _JSON]
        if headers:
            self.raw_headers += encoded_headers(headers)
        self.background = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body})


def encoded_headers(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """Headers as ASGI wants them; what HTTP cannot carry is replaced by `?`, line breaks by spaces."""
    return [(name.encode(), _one_line(value).encode("latin-1", "replace")) for name, value in headers.items()]


def _one_line(value: str) -> str:
    return value if value.isprintable() else "".join(char if char.isprintable() else " " for char in value)
