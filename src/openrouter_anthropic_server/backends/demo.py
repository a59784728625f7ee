"""The demo backend: an offline, scripted model on the messages wire, for trying the server without a key.

It is the stub of the tests too. Nothing leaves the machine and no model is asked: every answer says so.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping

import orjson

from openrouter_anthropic_server.backends.demo_answer import Answer, Break
from openrouter_anthropic_server.backends.demo_events import Beat, beats_of, message_of
from openrouter_anthropic_server.backends.demo_model import answer_to
from openrouter_anthropic_server.backends.demo_request import DemoRequest, read_request
from openrouter_anthropic_server.backends.demo_script import Pause
from openrouter_anthropic_server.errors import GatewayError
from openrouter_anthropic_server.ports.messages_backend import MessagesAnswer, MessagesCall
from openrouter_anthropic_server.streaming.sse import encode_event


class DemoBackend:
    """A `MessagesBackend` that answers by itself; `chunk_delay_seconds` passes between streamed chunks."""

    name = "demo"

    def __init__(self, chunk_delay_seconds: float = 0.01) -> None:
        self._chunk_delay_seconds = chunk_delay_seconds

    def redact(self, text: str) -> str:
        """`text` itself: the demo has no secrets."""
        return text

    async def send(self, call: MessagesCall) -> MessagesAnswer:
        """The complete answer; a script's silences are waited for, its break is raised."""
        request, answer = await _begin(call)
        for part in answer.parts:
            if isinstance(part, Pause):
                await asyncio.sleep(part.seconds)
            if isinstance(part, Break):
                raise part.error
        return MessagesAnswer(orjson.dumps(message_of(request, answer)))

    async def open_stream(self, call: MessagesCall) -> "DemoStream":
        """The stream; a scripted failure before the first byte is raised here."""
        request, answer = await _begin(call)
        return DemoStream(beats_of(request, answer), self._chunk_delay_seconds)

    async def count_tokens(self, call: MessagesCall) -> int | None:
        """None: the server's own estimator is better than this one."""
        return None


async def _begin(call: MessagesCall) -> tuple[DemoRequest, Answer]:
    request = read_request(call.body)
    answer = answer_to(request)
    if answer.wait_seconds:
        await asyncio.sleep(answer.wait_seconds)
    if answer.failure is not None:
        raise answer.failure
    return request, answer


class DemoStream:
    """An open demo stream: plays its beats, and stops in the middle of a silence when closed."""

    def __init__(self, beats: Iterator[Beat], delay_seconds: float) -> None:
        self._beats = beats
        self._delay_seconds = delay_seconds
        self._closed = asyncio.Event()

    @property
    def headers(self) -> Mapping[str, str]:
        """None worth forwarding."""
        return {}

    async def chunks(self) -> AsyncIterator[bytes]:
        """SSE bytes, one chunk per beat."""
        for beat in self._beats:
            if self._closed.is_set():
                return
            if isinstance(beat, Pause):
                await self._rest(beat.seconds)
            elif isinstance(beat, Break):
                for last_words in _last_words(beat):
                    yield last_words
                return
            else:
                yield b"".join(map(encode_event, beat))
                await self._rest(self._delay_seconds)

    async def aclose(self) -> None:
        """End the stream at once, a silence too. Safe to call twice."""
        self._closed.set()

    async def _rest(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)  # other requests get their turn
            return
        # Not a plain sleep: closing the stream must end a silence of any length.
        try:
            async with asyncio.timeout(seconds):
                await self._closed.wait()
        except TimeoutError:
            return


def _last_words(end: Break) -> list[bytes]:
    """What a failing stream still sends; raises where the connection breaks."""
    if end.how == "raise":
        raise end.error
    return [encode_event(error_event(end.error))] if end.how == "event" else []


def error_event(error: GatewayError) -> dict[str, object]:
    """The `error` event of the API."""
    return {"type": "error", "error": {"type": error.type, "message": error.message}}
