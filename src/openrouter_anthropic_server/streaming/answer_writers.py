"""How a stream of events leaves in each form: its chunks, its pings, and its failure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from openrouter_anthropic_server.anthropic_types.events import StreamEvent
from openrouter_anthropic_server.conversion.json_text import parse_exact
from openrouter_anthropic_server.conversion.universal_answers import AnswerOrigin
from openrouter_anthropic_server.conversion.universal_forms import OutputForm
from openrouter_anthropic_server.errors import GatewayError, UpstreamError
from openrouter_anthropic_server.streaming.gemini_chunks import GeminiChunks, gemini_error
from openrouter_anthropic_server.streaming.openai_chunks import OpenAiChunks, openai_error
from openrouter_anthropic_server.streaming.sse import PING, SseDecoder, encode_event
from openrouter_anthropic_server.streaming.universal_chunks import UniversalChunks

COMMENT = b": ping\n\n"
"""A ping in forms that have none: a comment, which every reader of SSE passes over."""


class EventWriter(Protocol):
    """Turns the events of one answer into the bytes of a form."""

    def feed(self, event: StreamEvent) -> bytes:
        """The bytes for one event."""
        ...


class AnswerWriter:
    """Feed the SSE bytes of a Messages stream; the bytes of the form come out, Anthropic's as they went in."""

    __slots__ = ("_decoder", "_writer")

    def __init__(self, form: OutputForm, origin: AnswerOrigin, *, include_usage: bool) -> None:
        self._decoder = SseDecoder()
        self._writer = _writer(form, origin, include_usage)

    def feed(self, data: bytes) -> bytes:
        """The bytes for whole events. Raises `UpstreamError` for events that are none."""
        if self._writer is None:
            return data
        try:
            events = [parse_exact(frame.data) for frame in self._decoder.feed(data)]
            return b"".join([self._writer.feed(event) for event in events])
        except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
            raise UpstreamError("the upstream's stream holds an event of an unexpected form") from error


@dataclass(frozen=True, slots=True)
class StreamManners:
    """What a form says in silence, and what once an answer that has begun fails (with the request's id)."""

    ping: bytes
    failure: Callable[[GatewayError, str], bytes]


def _event(error: GatewayError, request_id: str) -> bytes:
    return encode_event(error.envelope(request_id))


MESSAGES_MANNERS = StreamManners(PING, _event)
_MANNERS: Mapping[OutputForm, StreamManners] = {
    "anthropic_messages": MESSAGES_MANNERS,
    "openai_chat": StreamManners(COMMENT, openai_error),
    "google_gemini": StreamManners(COMMENT, gemini_error),
}


def manners_of(form: OutputForm, headers: Mapping[str, str]) -> StreamManners:
    """The manners of a form; `headers` are the answer's, which tell in the end whose answer failed."""

    def failure(error: GatewayError, request_id: str) -> bytes:
        who = {"provider": headers.get("x-provider"), "model": headers.get("x-model")}
        return encode_event({**error.envelope(request_id), **who, "provider_metadata": {}})

    return _MANNERS.get(form) or StreamManners(COMMENT, failure)


def _writer(form: OutputForm, origin: AnswerOrigin, include_usage: bool) -> EventWriter | None:
    if form == "openai_chat":
        return OpenAiChunks(origin, include_usage=include_usage)
    if form == "google_gemini":
        return GeminiChunks(origin)
    return UniversalChunks(origin) if form == "universal" else None
