"""Reads the SSE bytes of a chat stream as chunks."""

from collections.abc import Iterator
from typing import cast

from openrouter_anthropic_server.conversion.json_text import parse_lenient
from openrouter_anthropic_server.errors import UpstreamError
from openrouter_anthropic_server.openai_types.chat import ChatChunk
from openrouter_anthropic_server.streaming.sse import DONE, SseDecoder, SseFrame


class ChatChunkReader:
    """Fed with bytes, gives the chunks that are whole; `done` tells that the end marker has come."""

    def __init__(self) -> None:
        self._decoder = SseDecoder()
        self.done = False

    def feed(self, data: bytes) -> Iterator[list[ChatChunk]]:
        """The chunks up to `[DONE]`; those before a frame that makes no sense come before it raises."""
        return self._read(self._decoder.feed(data))

    def close(self) -> Iterator[list[ChatChunk]]:
        """The chunks of a last frame that was not ended properly."""
        return self._read(self._decoder.close())

    def _read(self, frames: list[SseFrame]) -> Iterator[list[ChatChunk]]:
        chunks: list[ChatChunk] = []
        try:
            for frame in frames:
                if frame.data.strip() == DONE:
                    self.done = True
                    break
                if frame.data:
                    chunks.append(_chunk(frame))
        except UpstreamError:
            if chunks:
                yield chunks
            raise
        if chunks:
            yield chunks


def _chunk(frame: SseFrame) -> ChatChunk:
    try:
        chunk = parse_lenient(frame.data)
    except ValueError:
        raise UpstreamError("the upstream's stream holds a chunk that is not JSON") from None
    if not isinstance(chunk, dict):
        raise UpstreamError("the upstream's stream holds something that is not a chunk")
    return cast(ChatChunk, chunk)
