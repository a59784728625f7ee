"""Top-level parameters: which go through as they are, which have another form, which are left out or refused."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from openrouter_anthropic_server.conversion.chat_context import ChatContext, Json
from openrouter_anthropic_server.conversion.chat_support import SAMPLING, chat_name, is_openai_reasoner
from openrouter_anthropic_server.conversion.own_reasoning import foreign_parameters
from openrouter_anthropic_server.conversion.parameter_rules import a_map, text
from openrouter_anthropic_server.conversion.parameter_table import BY_NAME, MAX_STOP_SEQUENCES
from openrouter_anthropic_server.conversion.session_ids import session_id_of, user_of
from openrouter_anthropic_server.conversion.threads import refuse_thread
from openrouter_anthropic_server.errors import InvalidRequestError

_CONVERTED_ELSEWHERE = frozenset(
    {"model", "messages", "system", "tools", "tool_choice", "thinking", "output_config", "output_format"}
)
_CONVERTED_HERE = frozenset({"max_tokens", "stop_sequences", "stream", "metadata", "service_tier", "speed"})
_OF_LIMITS = frozenset({"max_completion_tokens", "stop", "n"})

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

_TIERS: Mapping[str, Mapping[str, str]] = {
    "openrouter": {name: name for name in ("auto", "default", "fast", "flex", "priority", "scale")},
    "openai": {name: name for name in ("auto", "default", "fast", "flex", "priority", "scale")},
    "azure": {name: name for name in ("auto", "default", "priority")},
}
"""The service tiers of each provider that has any. Anthropic's `standard_only` is called `default` there."""

_SAME_TIER: Mapping[str, str] = {"standard_only": "default", "standard": "default"}
_METADATA = a_map(text(512), most=16, longest_key=64)
_OPENAI = frozenset({"openai", "azure"})
_MORE_THAN_HIGH = frozenset({"xhigh", "max"})
_LONGEST_USER: Mapping[str, int] = {"openai": 64, "azure": 64}


def chat_parameters(request: Json, ctx: ChatContext) -> dict[str, Any]:
    """The parameters of the chat request that are not messages, tools, reasoning or output format."""
    refuse_thread(request)
    body: dict[str, Any] = {}
    for name, value in request.items():
        if name in _CONVERTED_ELSEWHERE or name in _CONVERTED_HERE or name in BY_NAME or value is None:
            continue
        if name in SAMPLING:
            body |= _named(name, value, ctx)
        elif name == "cache_control":
            body |= _cache_control(value, ctx)
        else:
            _leave_out(name, value, ctx)
    body |= _limits(request, ctx)
    metadata = request.get("metadata")
    if metadata:
        body |= _identity(metadata, ctx) | _labels(metadata, bool(request.get("store")), ctx)
    body |= _service_tier(request, ctx)
    return body


def own_parameters(request: Json, ctx: ChatContext) -> dict[str, Any]:
    """What the client set in the upstream's own terms. It wins over what was made of Anthropic's parameters."""
    sent: dict[str, Any] = {}
    if BY_NAME.keys().isdisjoint(request):
        return sent
    elsewhere = _OF_LIMITS | foreign_parameters(ctx.dialect)
    for name, value in request.items():
        if name in BY_NAME and name not in elsewhere and value is not None:
            sent |= _named(name, _fitting(name, value, ctx), ctx)
    if not request.get("tools") and sent.pop("parallel_tool_calls", None) is not None:
        ctx.notes.not_sent("parallel_tool_calls", "there are no tools to call")
    return sent


def _fitting(name: str, value: Any, ctx: ChatContext) -> Any:
    """The value as this upstream takes it; a form of answer that it does not have is refused."""
    if name == "verbosity" and ctx.dialect.provider in _OPENAI and value in _MORE_THAN_HIGH:
        ctx.notes.converted("verbosity", "sent as 'high'")
        return "high"
    wants_json = name == "response_format" and value.get("type") != "text"
    if wants_json and not (ctx.capabilities.structured_output and _takes(name, ctx)):
        raise ctx.refusal(name, "requests for JSON of a schema")
    return value


def _named(name: str, value: Any, ctx: ChatContext) -> dict[str, Any]:
    wire_name = chat_name(name, ctx.model, ctx.dialect, ctx.capabilities)
    if wire_name is None:
        ctx.notes.not_sent(name, f"{ctx.model} at {ctx.dialect.provider} does not take it")
        return {}
    return {wire_name: value}


def _cache_control(value: Any, ctx: ChatContext) -> dict[str, Any]:
    if ctx.dialect.provider != "openrouter":
        ctx.notes.not_sent("cache_control", f"{ctx.dialect.provider} does not take it")
        return {}
    return {"cache_control": value}


def _leave_out(name: str, value: Any, ctx: ChatContext) -> None:
    if name in _REFUSED and value:
        raise ctx.refusal(name, f"requests with '{name}'")
    if name == "container" and isinstance(value, Mapping) and value.get("skills"):
        raise ctx.refusal("container.skills", "skills")
    ctx.notes.not_sent(name, _HARMLESS.get(name, "unknown parameter"))


def _limits(request: Json, ctx: ChatContext) -> dict[str, Any]:
    limits = _length(request, ctx)
    stop = request.get("stop_sequences")
    other = request.get("stop")
    if stop and other is not None:
        ctx.notes.not_sent("stop", "the request has stop_sequences")
    elif other is not None:
        stop = [other] if isinstance(other, str) else other
    if stop:
        limits["stop"] = _stop(stop, ctx)
    if request.get("stream"):
        limits["stream"] = True
    return limits


def _length(request: Json, ctx: ChatContext) -> dict[str, Any]:
    """The longest answer, under the one name that the model knows."""
    max_tokens, other = request.get("max_tokens"), request.get("max_completion_tokens")
    if max_tokens == 0:
        raise InvalidRequestError(f"max_tokens: 0 (cache pre-fill) is not supported on the wire of {ctx.model}")
    name = "max_completion_tokens" if is_openai_reasoner(ctx.model, ctx.dialect) else "max_tokens"
    if other is not None:
        ctx.notes.converted("max_completion_tokens", f"sent as {name}, the smaller of both limits")
        max_tokens = min(other, max_tokens or other)
    return {} if max_tokens is None else {name: max_tokens}


def _stop(sequences: list[str], ctx: ChatContext) -> list[str]:
    most = 0 if is_openai_reasoner(ctx.model, ctx.dialect) else ctx.capabilities.max_stop_sequences
    most = MAX_STOP_SEQUENCES if most is None else most
    if len(sequences) > most:
        raise InvalidRequestError(
            f"stop_sequences: {ctx.model} takes at most {most} stop sequences, got {len(sequences)}"
        )
    return sequences


def _identity(metadata: Json, ctx: ChatContext) -> dict[str, Any]:
    user_id = metadata.get("user_id")
    if not user_id:
        return {}
    if not _takes("user", ctx):
        ctx.notes.not_sent("metadata.user_id", f"{ctx.dialect.provider} does not take it")
        return {}
    user = user_of(user_id)
    if len(user) > _LONGEST_USER.get(ctx.dialect.provider, len(user)):
        user = sha256(user.encode()).hexdigest()
    if user != user_id:
        ctx.notes.converted("metadata.user_id", "sent as `user`, without the session, long ids hashed")
    session = session_id_of(user_id)
    return {"user": user} | ({"session_id": session} if session is not None and _takes("session_id", ctx) else {})


def _labels(metadata: Json, store: bool, ctx: ChatContext) -> dict[str, Any]:
    """OpenAI's `metadata`: the pairs beside Anthropic's `user_id`. OpenAI takes them for what it stores."""
    pairs = {name: value for name, value in metadata.items() if name != "user_id"}
    provider = ctx.dialect.provider
    takes = provider == "openrouter" or (provider in _OPENAI and store)
    if pairs and takes and _METADATA.holds(pairs):
        return {"metadata": pairs}
    why = f"{provider} takes {_METADATA.wanted}" if takes else f"{provider} does not take it, or only with store"
    for name in pairs:
        ctx.notes.not_sent(f"metadata.{name}", why)
    return {}


def _takes(name: str, ctx: ChatContext) -> bool:
    return chat_name(name, ctx.model, ctx.dialect, ctx.capabilities) is not None


def _service_tier(request: Json, ctx: ChatContext) -> dict[str, Any]:
    """Anthropic's fast mode is the tier `fast`, where the provider has tiers."""
    tiers = _TIERS.get(ctx.dialect.provider, {})
    tier, speed = request.get("service_tier"), request.get("speed")
    if speed == "fast" and tier in {None, "auto"} and "fast" in tiers:
        ctx.notes.converted("speed", "sent as the service tier 'fast'")
        return {"service_tier": "fast"}
    if speed is not None:
        ctx.notes.not_sent("speed", "the service tier decides" if tiers else f"{ctx.dialect.provider} has no tiers")
    if tier is None:
        return {}
    sent = tiers.get(_SAME_TIER.get(tier, tier))
    if sent is None:
        ctx.notes.not_sent("service_tier", f"{ctx.dialect.provider} has no tier '{tier}'")
        return {}
    if sent != tier:
        ctx.notes.converted("service_tier", f"sent as '{sent}'")
    return {"service_tier": sent}
