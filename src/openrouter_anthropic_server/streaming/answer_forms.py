"""The forms of answers that are no chat completions, each read as such: what a reader of one must offer."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, cast

from openrouter_anthropic_server.conversion.json_text import parse_lenient
from openrouter_anthropic_server.errors import UpstreamError
from openrouter_anthropic_server.openai_types.chat import ChatChunk, ChatCompletion
from openrouter_anthropic_server.streaming.sse import SseDecoder, SseFrame

BROKEN = 502
"""The status of an answer that the upstream itself gave up."""


class StreamReader(Protocol):
    """Fed with the bytes of a streamed answer, gives chunks."""

    def feed(self, data: bytes) -> Iterator[list[ChatChunk]]:
        """The chunks that this piece completes. Raises `UpstreamError` for what makes no sense."""
        ...

    def close(self) -> Iterator[list[ChatChunk]]:
        """What was still waiting at the end of the body."""
        ...


@dataclass(frozen=True, slots=True)
class AnswerForm:
    """One form: `whole` reads the JSON of a complete answer, `stream` makes a reader for one streamed answer."""

    whole: Callable[[Mapping[str, Any]], ChatCompletion]
    stream: Callable[[], StreamReader]


class SseReader:
    """Reads a stream of server-sent events whose data are JSON objects; `read` gives the chunks of one."""

    def __init__(self, read: Callable[[Mapping[str, Any]], list[ChatChunk]]) -> None:
        self._decoder = SseDecoder()
        self._read = read

    def feed(self, data: bytes) -> Iterator[list[ChatChunk]]:
        """The chunks of all events that this piece completes, in one list."""
        return self._chunks(self._decoder.feed(data))

    def close(self) -> Iterator[list[ChatChunk]]:
        """The chunks of a last event without its empty line."""
        return self._chunks(self._decoder.close())

    def _chunks(self, frames: list[SseFrame]) -> Iterator[list[ChatChunk]]:
        chunks = [chunk for frame in frames if frame.data for chunk in self._read(json_object(frame.data))]
        if chunks:
            yield chunks


def json_object(data: bytes) -> Mapping[str, Any]:
    """The JSON object in `data`. Raises `UpstreamError` for anything else."""
    try:
        value = parse_lenient(data)
    except ValueError:
        raise UpstreamError("the upstream's answer holds something that is not JSON") from None
    if not isinstance(value, dict):
        raise UpstreamError("the upstream's answer holds something that is no object")
    return value


def delta_chunk(delta: Mapping[str, Any], **more: Any) -> ChatChunk:
    """A chunk that says `delta`; `more` are fields of the chunk."""
    return _chunk(more, {"index": 0, "delta": dict(delta)})


def finish_chunk(reason: str, native: str, **more: Any) -> ChatChunk:
    """A chunk that ends the answer."""
    return _chunk(more, {"index": 0, "delta": {}, "finish_reason": reason, "native_finish_reason": native})


def count_chunk(**more: Any) -> ChatChunk:
    """A chunk with nothing but counts."""
    return _chunk(more)


def failure_chunk(message: str, **more: Any) -> ChatChunk:
    """A chunk that says that the answer failed; `more` can hold a `status`."""
    return _chunk({"error": {"code": more.pop("status", BROKEN), "message": message}, **more})


def completion(message: Mapping[str, Any], last: ChatChunk, **more: Any) -> ChatCompletion:
    """A completion: its message, and how it ended as the last chunk of a stream says it."""
    ending = dict(last["choices"][0]) if last["choices"] else {"index": 0}
    ending.pop("delta", None)
    choice = {**ending, "message": {"role": "assistant", **message}}
    return cast(ChatCompletion, {**last, **more, "choices": [choice]})


def _chunk(fields: Mapping[str, Any], *choices: Mapping[str, Any]) -> ChatChunk:
    return cast(ChatChunk, {"choices": list(choices), **fields})
