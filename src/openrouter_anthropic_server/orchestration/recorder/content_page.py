"""What was asked and answered, as a page for people: JSON with line breaks, a stream joined to the message it made."""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from openrouter_anthropic_server.errors import UpstreamError
from openrouter_anthropic_server.observability.redaction import redact_keys
from openrouter_anthropic_server.orchestration.recorder.markdown import code, fenced

_MAX_CHARACTERS = 512 * 1024  # of one text
_EVENT = "event: "
_BROKEN = (UpstreamError, AttributeError, IndexError, KeyError, TypeError, ValueError)


def content_page(content: Mapping[str, str]) -> str:
    """The page of all texts, each in a block that nothing in it ends."""
    parts = [part for name, text in content.items() for part in _parts(code(name), text)]
    return "\n\n".join(f"## {title}\n\n{fenced(_bounded(text))}" for title, text in parts) + "\n"


def _parts(name: str, text: str) -> Iterator[tuple[str, str]]:
    """Titles and texts that show `text`."""
    if not text.startswith(_EVENT):
        yield name, _spread(text)
        return
    message = _joined(text)
    if message is None:
        yield f"{name} as it was streamed", text
        return
    shown = orjson.dumps(message, option=orjson.OPT_INDENT_2)
    redacted = redact_keys(shown)
    yield f"{name} joined from its events", redacted.decode()
    if redacted == shown:  # else a key stands in pieces in the events
        yield f"{name} as it was streamed", text


def _joined(text: str) -> dict[str, Any] | None:
    """The message that the events make; None if the stream is not whole."""
    # Imported here: only servers that keep content need it, and it takes 3 MB.
    from openrouter_anthropic_server.streaming.accumulator import Accumulator  # noqa: PLC0415
    from openrouter_anthropic_server.streaming.sse import SseDecoder  # noqa: PLC0415

    accumulator = Accumulator()
    try:
        for frame in SseDecoder().feed(text.encode()):
            accumulator.feed(orjson.loads(frame.data))
        return dict(accumulator.message())
    except _BROKEN:
        return None


def _spread(text: str) -> str:
    try:
        return orjson.dumps(orjson.loads(text), option=orjson.OPT_INDENT_2).decode()
    except orjson.JSONDecodeError:
        return text


def _bounded(text: str) -> str:
    shown = text.replace("\0", "\ufffd")
    cut = len(shown) - _MAX_CHARACTERS
    return f"{shown[:_MAX_CHARACTERS]}\n[{cut} more characters are not shown]" if cut > 0 else shown
