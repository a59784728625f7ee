"""What builds the Message of an answer on the chat wire."""

from openrouter_anthropic_server.streaming.assembler import Assembler
from openrouter_anthropic_server.tasks.message_call import ChatCall, MessageCall


def new_assembler(call: MessageCall, model: str, request: ChatCall, input_tokens: int) -> Assembler:
    """The assembler of one answer; `input_tokens` is an estimate until the upstream's usage arrives."""
    return Assembler(
        message_id=f"msg_{call.request_id.removeprefix('req_')}",
        model=model,
        input_tokens=input_tokens,
        tool_names=request.tool_names,
        stop_sequences=request.stop_sequences,
        web_search=request.web_search,
    )
