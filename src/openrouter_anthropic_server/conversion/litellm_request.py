"""The last step of a conversion for providers that LiteLLM translates for: what it or they would lose or refuse.

LiteLLM drops some things in silence (Cohere's tool_choice, `parallel_tool_calls` for Gemini), fetches addresses that
stand in a request, and makes a call of its own for each cache mark to Gemini. None of that may happen.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from openrouter_anthropic_server.conversion.chat_context import ChatContext
from openrouter_anthropic_server.conversion.litellm_history import (
    cohere_messages,
    converse_messages,
    gemini_messages,
    is_redacted,
    openai_messages,
)
from openrouter_anthropic_server.conversion.mistral_request import fit_mistral
from openrouter_anthropic_server.errors import InvalidRequestError
from openrouter_anthropic_server.openai_types.chat import ChatRequest


def fit_litellm(body: ChatRequest, ctx: ChatContext) -> ChatRequest:
    """`body` as arguments for LiteLLM; unchanged for providers that speak chat completions themselves."""
    fit = _FITS.get(ctx.dialect.provider)
    return body if fit is None else fit(_fit_format(body, ctx), ctx)


def _fit_format(body: ChatRequest, ctx: ChatContext) -> ChatRequest:
    """Formats that LiteLLM would drop in silence; text is what comes anyway."""
    kind = (body.get("response_format") or {}).get("type")
    if kind is None or kind in _FORMATS.get(ctx.dialect.provider, (kind,)):
        return body
    if kind != "text":
        raise ctx.refusal("response_format", f"formats of type '{kind}'")
    ctx.notes.converted("response_format", "text is what comes anyway")
    return {name: value for name, value in body.items() if name != "response_format"}


def _gemini(body: ChatRequest, ctx: ChatContext) -> ChatRequest:
    fitted = {**body, "messages": gemini_messages(body["messages"], ctx)}
    if fitted.pop("parallel_tool_calls", None) is False:
        ctx.notes.not_sent("tool_choice.disable_parallel_tool_use", "Gemini cannot be kept from parallel calls")
    return fitted


def _bedrock(body: ChatRequest, ctx: ChatContext) -> ChatRequest:
    fitted = {**body, "messages": converse_messages(body["messages"], ctx)}
    turns = (message for message in reversed(body["messages"]) if message["role"] == "assistant")
    last: dict[str, Any] = next(turns, {})
    if "thinking" in fitted and is_redacted(last):
        # Claude would refuse to go on thinking without all of what it thought before its calls.
        del fitted["thinking"]
        ctx.notes.not_sent("thinking", "the turn before holds redacted thinking, which cannot be sent back")
    choice = fitted.get("tool_choice")
    if choice == "none":
        _without_tools(fitted, ctx)
    elif choice not in (None, "auto") and fitted.get("thinking", {}).get("type", "disabled") != "disabled":
        # LiteLLM would send "auto" instead.
        raise InvalidRequestError("tool_choice: Thinking may not be enabled when tool_choice forces tool use.")
    if not ctx.anthropic and fitted.pop("parallel_tool_calls", None) is False:
        ctx.notes.not_sent("tool_choice.disable_parallel_tool_use", f"{ctx.model} has no such setting")
    return fitted


def _without_tools(fitted: dict[str, Any], ctx: ChatContext) -> None:
    """Converse knows no "none": the tools stay out, which it refuses where the conversation holds calls."""
    if any(message["role"] == "tool" or message.get("tool_calls") for message in fitted["messages"]):
        raise ctx.refusal("tool_choice", "requests with type 'none' after calls of tools")
    ctx.notes.converted("tool_choice", "no tools are offered")
    for name in ("tools", "tool_choice", "parallel_tool_calls"):
        fitted.pop(name, None)


def _cohere(body: ChatRequest, ctx: ChatContext) -> ChatRequest:
    fitted = {**body, "messages": cohere_messages(body["messages"], ctx)}
    choice = fitted.pop("tool_choice", None)
    if isinstance(choice, Mapping):
        name = choice["function"]["name"]
        ctx.notes.converted("tool_choice", "only the tool that must be called is offered")
        fitted["tools"] = [tool for tool in fitted["tools"] if tool["function"]["name"] == name]
    own = {"tool_choice": _COHERE_CHOICES[choice if isinstance(choice, str) else "required"]} if choice else {}
    # LiteLLM accepts the parameter and forgets it.
    return _with_own_fields(fitted, {name: value for name, value in own.items() if value})


def _openai(body: ChatRequest, ctx: ChatContext) -> ChatRequest:
    return {**body, "messages": openai_messages(body["messages"], ctx)}


_FORMATS: Final[Mapping[str, tuple[str, ...]]] = {
    "google": ("json_schema", "json_object", "text"),
    "bedrock": ("json_schema",),
}
"""The formats that LiteLLM passes on to a provider, where these are not all."""

_COHERE_CHOICES: Final = {"auto": None, "required": "REQUIRED", "none": "NONE"}


def _with_own_fields(body: dict[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """`body` with fields that go into the provider's request as they are."""
    return {**body, "extra_body": {**body.get("extra_body", {}), **fields}} if fields else body


_FITS: Final[Mapping[str, Callable[[ChatRequest, ChatContext], ChatRequest]]] = {
    "google": _gemini,
    "bedrock": _bedrock,
    "cohere": _cohere,
    "openai": _openai,
    "azure": _openai,
    "mistral": fit_mistral,
}
