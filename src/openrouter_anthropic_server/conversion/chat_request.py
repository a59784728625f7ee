"""An Anthropic Messages request as a request for OpenRouter's chat completions. Reads its input, never changes it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from openrouter_anthropic_server.anthropic_types.request import MessagesRequest
from openrouter_anthropic_server.capabilities.traits import UNLIMITED, Capabilities
from openrouter_anthropic_server.conversion.chat_context import ChatContext
from openrouter_anthropic_server.conversion.chat_dialects import OPENROUTER, ChatDialect
from openrouter_anthropic_server.conversion.chat_messages import convert_messages
from openrouter_anthropic_server.conversion.chat_output_format import response_format
from openrouter_anthropic_server.conversion.chat_parameters import chat_parameters, own_parameters
from openrouter_anthropic_server.conversion.chat_reasoning import reasoning_parameters
from openrouter_anthropic_server.conversion.chat_tools import convert_tools
from openrouter_anthropic_server.conversion.claude_tool_ids import good_messages
from openrouter_anthropic_server.conversion.databricks_request import fit_databricks
from openrouter_anthropic_server.conversion.litellm_request import fit_litellm
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


def convert_request(
    request: MessagesRequest,
    *,
    model: str,
    dialect: ChatDialect = OPENROUTER,
    capabilities: Capabilities = UNLIMITED,
) -> ConvertedRequest:
    """Convert a validated request for the upstream's `model`.

    Nothing gets lost in silence: what this wire cannot carry is an `InvalidRequestError` that names it, or, where it
    is harmless, a note.
    """
    ctx = ChatContext(model, vendor_of(model), ToolNames(_names(request)), dialect=dialect, capabilities=capabilities)
    body: ChatRequest = {"model": model, "messages": convert_messages(_with_good_ids(request, ctx), ctx)}
    if all(message["role"] == "system" for message in body["messages"]):
        raise InvalidRequestError("messages: at least one message with content is required")
    body |= convert_tools(request, ctx)
    body |= chat_parameters(request, ctx)
    body |= reasoning_parameters(request, ctx)
    body |= response_format(request, ctx)
    body |= own_parameters(request, ctx)
    if dialect.provider == "databricks":
        body = fit_databricks(body, ctx)
    elif dialect.reasoning == "litellm":
        body = fit_litellm(body, ctx)
    return ConvertedRequest(
        body,
        ctx.tool_names,
        ctx.notes.notes(),
        stop_sequences=tuple(request.get("stop_sequences") or ()),
        web_search=offers_web_search(request),
    )


def _with_good_ids(request: MessagesRequest, ctx: ChatContext) -> MessagesRequest:
    """The request with ids of tool calls that Claude, and whatever Bedrock serves, takes."""
    if not (ctx.anthropic or ctx.dialect.provider == "bedrock"):
        return request
    good = good_messages(cast(list[dict[str, Any]], request["messages"]), names=False)
    if good is None:
        return request
    ctx.notes.add(good[1])
    return cast(MessagesRequest, {**request, "messages": good[0]})


def _names(request: MessagesRequest) -> Iterator[str]:
    """Names of the offered tools; toolsets have none."""
    return (tool["name"] for tool in request.get("tools") or () if tool.get("name"))
