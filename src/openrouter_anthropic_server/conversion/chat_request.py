"""An Anthropic Messages request as a request for OpenRouter's chat completions. Reads its input, never changes it."""

from collections.abc import Iterator
from dataclasses import dataclass

from openrouter_anthropic_server.anthropic_types.request import MessagesRequest
from openrouter_anthropic_server.conversion.chat_context import ChatContext
from openrouter_anthropic_server.conversion.chat_messages import convert_messages
from openrouter_anthropic_server.conversion.chat_output_format import response_format
from openrouter_anthropic_server.conversion.chat_parameters import chat_parameters, openrouter_parameters
from openrouter_anthropic_server.conversion.chat_reasoning import reasoning_parameters
from openrouter_anthropic_server.conversion.chat_tools import convert_tools
from openrouter_anthropic_server.conversion.notes import Note
from openrouter_anthropic_server.conversion.tool_names import ToolNames
from openrouter_anthropic_server.conversion.vendors import vendor_of
from openrouter_anthropic_server.conversion.web_search import offers_web_search
from openrouter_anthropic_server.errors import InvalidRequestError
from openrouter_anthropic_server.openai_types.chat import ChatRequest


@dataclass(frozen=True, slots=True)
class ConvertedRequest:
    """The body to post, what is needed to read the answer, and what the upstream sees otherwise than it was sent.

    `tool_names` is the way back for tool names; `web_search` tells whether a search was offered. `body`
    shares values with the request it was made from: neither may be changed in place.
    """

    body: ChatRequest
    tool_names: ToolNames
    notes: tuple[Note, ...]
    stop_sequences: tuple[str, ...] = ()
    web_search: bool = False


def convert_request(request: MessagesRequest, *, model: str) -> ConvertedRequest:
    """Convert a validated request for the upstream's `model`.

    Nothing gets lost in silence: what this wire cannot carry is an `InvalidRequestError` that names it, or, where it
    is harmless, a note.
    """
    ctx = ChatContext(model, vendor_of(model), ToolNames(_names(request)))
    body: ChatRequest = {"model": model, "messages": convert_messages(request, ctx)}
    if all(message["role"] == "system" for message in body["messages"]):
        raise InvalidRequestError("messages: at least one message with content is required")
    body |= convert_tools(request, ctx)
    body |= chat_parameters(request, ctx)
    body |= reasoning_parameters(request, ctx)
    body |= response_format(request, ctx)
    body |= openrouter_parameters(request)
    return ConvertedRequest(
        body,
        ctx.tool_names,
        ctx.notes.notes(),
        stop_sequences=tuple(request.get("stop_sequences") or ()),
        web_search=offers_web_search(request),
    )


def _names(request: MessagesRequest) -> Iterator[str]:
    """Names of the offered tools; toolsets have none."""
    return (tool["name"] for tool in request.get("tools") or () if tool.get("name"))
