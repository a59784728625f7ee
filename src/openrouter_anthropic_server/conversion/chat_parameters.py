"""Top-level parameters: which go through as they are, which have another form, which are left out or refused."""

from collections.abc import Mapping
from typing import Any

from openrouter_anthropic_server.conversion.chat_context import ChatContext, Json
from openrouter_anthropic_server.conversion.session_ids import session_id_of, user_of
from openrouter_anthropic_server.conversion.threads import refuse_thread
from openrouter_anthropic_server.errors import InvalidRequestError

MAX_STOP_SEQUENCES = 4

_CONVERTED_ELSEWHERE = frozenset(
    {"model", "messages", "system", "tools", "tool_choice", "thinking", "output_config", "output_format"}
)
_CONVERTED_HERE = frozenset({"max_tokens", "stop_sequences", "stream", "metadata", "service_tier", "speed"})
_SAME_NAME = frozenset({"temperature", "top_p", "top_k", "cache_control"})

OPENROUTER_PARAMETERS = frozenset(
    {
        *("provider", "plugins", "models", "route", "transforms", "session_id", "user", "trace"),
        *("min_p", "top_a", "seed", "frequency_penalty", "presence_penalty", "repetition_penalty", "logit_bias"),
        *("logprobs", "top_logprobs", "verbosity", "reasoning", "reasoning_effort", "include_reasoning"),
        *("max_completion_tokens", "max_tool_calls", "parallel_tool_calls", "stop_server_tools_when"),
        *("prompt_cache_key", "prompt_cache_options", "prediction", "modalities", "image_config"),
        *("web_search_options", "x_search_filter", "response_format", "structured_outputs", "usage", "debug"),
    }
)
"""Parameters of OpenRouter that a client may set beside Anthropic's; they go through unchanged."""

_HARMLESS: Mapping[str, str] = {
    "context_management": "the conversation is sent whole",
    "container": "no code runs on this wire",
    "diagnostics": "this wire has no cache diagnostics",
    "inference_geo": "routing is set with `provider`",
    "safeguards": "only Anthropic's models can judge tool use",
    "betas": "betas belong to Anthropic's wire",
    "anthropic_beta": "betas belong to Anthropic's wire",
    "anthropic_version": "versions belong to Anthropic's wire",
    "billing_policy": "billing is the upstream's",
    "fallback_credit_token": "billing is the upstream's",
    "user_profile_id": "profiles belong to Anthropic's wire",
}

_REFUSED = frozenset({"mcp_servers", "compaction", "fallbacks"})
"""Without them the answer would be another one than the client asked for."""

_SERVICE_TIERS: Mapping[str, str] = {"standard_only": "default", "standard": "default"}


def chat_parameters(request: Json, ctx: ChatContext) -> dict[str, Any]:
    """The parameters of the chat request that are not messages, tools, reasoning or output format."""
    refuse_thread(request)
    body: dict[str, Any] = {}
    for name, value in request.items():
        if name in _CONVERTED_ELSEWHERE or name in _CONVERTED_HERE or value is None:
            continue
        if name in _SAME_NAME:
            body[name] = value
        elif name not in OPENROUTER_PARAMETERS:
            _leave_out(name, value, ctx)
    body |= _limits(request, ctx)
    body |= _identity(request.get("metadata") or {}, ctx)
    body |= _service_tier(request, ctx)
    return body


def openrouter_parameters(request: Json) -> dict[str, Any]:
    """What the client set in OpenRouter's own terms. It wins over what was made of Anthropic's parameters."""
    return {name: value for name, value in request.items() if name in OPENROUTER_PARAMETERS and value is not None}


def _leave_out(name: str, value: Any, ctx: ChatContext) -> None:
    if name in _REFUSED and value:
        raise ctx.refusal(name, f"requests with '{name}'")
    if name == "container" and isinstance(value, Mapping) and value.get("skills"):
        raise ctx.refusal("container.skills", "skills")
    ctx.notes.not_sent(name, _HARMLESS.get(name, "unknown parameter"))


def _limits(request: Json, ctx: ChatContext) -> dict[str, Any]:
    limits: dict[str, Any] = {}
    max_tokens, stop = request.get("max_tokens"), request.get("stop_sequences")
    if max_tokens == 0:
        raise InvalidRequestError(f"max_tokens: 0 (cache pre-fill) is not supported on the wire of {ctx.model}")
    if max_tokens is not None:
        limits["max_tokens"] = max_tokens
    if stop:
        if len(stop) > MAX_STOP_SEQUENCES:
            raise InvalidRequestError(
                f"stop_sequences: {ctx.model} takes at most {MAX_STOP_SEQUENCES} stop sequences, got {len(stop)}"
            )
        limits["stop"] = stop
    if request.get("stream"):
        limits["stream"] = True
    return limits


def _identity(metadata: Json, ctx: ChatContext) -> dict[str, Any]:
    ctx.note_unknown(metadata, frozenset({"user_id"}), "metadata")
    user_id = metadata.get("user_id")
    if not user_id:
        return {}
    identity = {"user": user_of(user_id)}
    if identity["user"] != user_id:
        ctx.notes.converted("metadata.user_id", "sent as `user`, without the session, long ids hashed")
    session = session_id_of(user_id)
    return identity if session is None else identity | {"session_id": session}


def _service_tier(request: Json, ctx: ChatContext) -> dict[str, Any]:
    """Anthropic's fast mode is OpenRouter's tier `fast`, on every provider that has one."""
    tier, speed = request.get("service_tier"), request.get("speed")
    if speed == "fast" and tier in {None, "auto"}:
        ctx.notes.converted("speed", "sent as the service tier 'fast'")
        return {"service_tier": "fast"}
    if speed is not None:
        ctx.notes.not_sent("speed", "the service tier decides")
    if tier is None:
        return {}
    if tier in _SERVICE_TIERS:
        ctx.notes.converted("service_tier", f"sent as '{_SERVICE_TIERS[tier]}'")
    return {"service_tier": _SERVICE_TIERS.get(tier, tier)}
