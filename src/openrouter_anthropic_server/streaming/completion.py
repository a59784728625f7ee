"""A chat completion as a message: through the same deltas, blocks and accumulator as a stream."""

from collections.abc import Sequence

from openrouter_anthropic_server.anthropic_types.response import Message
from openrouter_anthropic_server.conversion.tool_names import ToolNames
from openrouter_anthropic_server.errors import UpstreamError
from openrouter_anthropic_server.openai_types.chat import ChatCompletion
from openrouter_anthropic_server.streaming.accumulator import Accumulator
from openrouter_anthropic_server.streaming.assembler import Assembler
from openrouter_anthropic_server.streaming.deltas import deltas_of


def message_from_completion(
    completion: ChatCompletion,
    *,
    message_id: str,
    fallback_model: str,
    tool_names: ToolNames,
    stop_sequences: Sequence[str] = (),
    web_search: bool = False,
) -> Message:
    """The completion as a message named `message_id`; `fallback_model` where the upstream names none.

    Raises the upstream's error (also one that came with partial content), and `UpstreamError` for an
    answer without choices, without a finish reason or with a tool call whose input is not valid JSON.
    """
    deltas = deltas_of(completion)
    if not completion.get("choices") and not deltas:
        raise UpstreamError("The upstream answered without any choices.")
    assembler = Assembler(
        message_id, completion.get("model") or fallback_model, 0, tool_names, stop_sequences, web_search=web_search
    )
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
