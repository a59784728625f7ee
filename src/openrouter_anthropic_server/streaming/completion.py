"""A chat completion as a message: through the same deltas, blocks and accumulator as a stream."""

from openrouter_anthropic_server.anthropic_types.response import Message
from openrouter_anthropic_server.errors import UpstreamError
from openrouter_anthropic_server.openai_types.chat import ChatCompletion
from openrouter_anthropic_server.streaming.accumulator import Accumulator
from openrouter_anthropic_server.streaming.assembler import Assembler
from openrouter_anthropic_server.streaming.deltas import deltas_of


def message_from_completion(completion: ChatCompletion, assembler: Assembler) -> Message:
    """The completion as a message, by way of a new assembler.

    Raises the upstream's error (also one that came with partial content), and `UpstreamError` for an
    answer without choices, without a finish reason or with a tool call whose input is not a JSON object.
    """
    deltas = deltas_of(completion)
    if not completion.get("choices") and not deltas:
        raise UpstreamError("The upstream answered without any choices.")
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
