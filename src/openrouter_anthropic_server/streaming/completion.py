"""A chat completion as a message: through the same deltas, blocks and accumulator as a stream."""

from collections.abc import Sequence

from openrouter_anthropic_server.anthropic_types.response import Message
from openrouter_anthropic_server.errors import UpstreamError
from openrouter_anthropic_server.openai_types.chat import ChatCompletion
from openrouter_anthropic_server.streaming.accumulator import Accumulator
from openrouter_anthropic_server.streaming.assembler import Assembler
from openrouter_anthropic_server.streaming.deltas import Delta, Finish, TextDelta, UsageDelta, deltas_of

_ONE_TEXT = len(("text", "finish", "usage"))


def message_from_completion(completion: ChatCompletion, assembler: Assembler) -> Message:
    """The completion as a message, by way of a new assembler.

    Raises the upstream's error (also one that came with partial content), and `UpstreamError` for an
    answer without choices, without a finish reason or with a tool call whose input is not a JSON object.
    """
    deltas = deltas_of(completion)
    if not completion.get("choices") and not deltas:
        raise UpstreamError("The upstream answered without any choices.")
    if len(deltas) == _ONE_TEXT:
        text, finish, usage = deltas
        if type(text) is TextDelta and text.text and type(finish) is Finish and type(usage) is UsageDelta:
            return assembler.text_message(text, finish, usage)
    return message_of(deltas, assembler)


def message_of(deltas: Sequence[Delta], assembler: Assembler) -> Message:
    """The message that the events of the deltas of a whole answer add up to. Raises as `message_from_completion`."""
    events = assembler.start()
    for delta in deltas:
        events += assembler.feed(delta)
    events += assembler.finish()
    if assembler.failure is not None:
        raise assembler.failure
    accumulator = Accumulator()
    for event in events:
        accumulator.feed(event)
    return accumulator.message()
