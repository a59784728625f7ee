"""Images and documents of other APIs, by their media type, as content blocks of the Messages API."""

import re
from base64 import b64decode
from collections.abc import Mapping
from typing import Any

from openrouter_anthropic_server.conversion.request_shapes import refusal
from openrouter_anthropic_server.errors import InvalidRequestError

Block = dict[str, Any]

_DATA_URL = re.compile(r"data:([^;,]+)((?:;[^;,]+)*?);base64,", re.IGNORECASE)
_IMAGES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
_PDF = "application/pdf"
_ALIASES: Mapping[str, str] = {"image/jpg": "image/jpeg"}


def media_block(media_type: str, data: str, path: str, *, title: str | None = None) -> Block:
    """A block of base64 `data`: an image, a PDF or a text. Sound and film are refused by name."""
    kind = _ALIASES.get(media_type.lower(), media_type.lower())
    if kind in _IMAGES:
        return {"type": "image", "source": {"type": "base64", "media_type": kind, "data": _standard(data)}}
    if kind == _PDF:
        return _titled({"type": "base64", "media_type": kind, "data": _standard(data)}, title)
    if kind.startswith("text/"):
        return _titled({"type": "text", "media_type": "text/plain", "data": _decoded(data, path)}, title)
    raise refusal(path, f"contents of type '{media_type}'", "send images (PNG, JPEG, GIF, WebP), PDFs or texts")


def linked_block(media_type: str | None, url: str, path: str) -> Block:
    """A block of something that the upstream fetches; without a media type it is an image."""
    if not url.startswith(("http://", "https://")):
        raise refusal(path, "addresses other than http(s)", "send the data itself")
    if media_type is None or media_type.startswith("image/"):
        return {"type": "image", "source": {"type": "url", "url": url}}
    if media_type == _PDF:
        return {"type": "document", "source": {"type": "url", "url": url}}
    raise refusal(path, f"links to contents of type '{media_type}'", "send the data itself")


def block_of_url(url: str, path: str, *, title: str | None = None) -> Block:
    """A block of a `data:` URL or of a link to an image."""
    if url[:5].lower() != "data:":
        return linked_block(None, url, path)
    head = _DATA_URL.match(url)
    if head is None:
        raise InvalidRequestError(f"{path}: a data URL must look like data:<media type>;base64,<data>")
    return media_block(head[1], url[head.end() :], path, title=title)


def _standard(data: str) -> str:
    """Base64 in the standard alphabet with padding; Google's clients use the one for URLs."""
    if "-" in data or "_" in data:
        data = data.replace("-", "+").replace("_", "/")
    return data + "=" * (-len(data) % 4)


def _decoded(data: str, path: str) -> str:
    try:
        return b64decode(_standard(data), validate=True).decode()
    except ValueError:
        raise InvalidRequestError(f"{path}: Input should be base64 of UTF-8 text") from None


def _titled(source: dict[str, Any], title: str | None) -> Block:
    block: Block = {"type": "document", "source": source}
    return block | {"title": title} if title else block
