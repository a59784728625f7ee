"""Every optional parameter that a client may send beside Anthropic's: what its value must be, and who takes it.

One row per parameter. Sources: OpenRouter's parameters and its OpenAPI description, the chat completions of
OpenAI's SDK (2.54), and for the other providers what LiteLLM (1.106) says that they support.
"""

from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from openrouter_anthropic_server.conversion.parameter_rules import (
    Rule,
    a_list,
    a_map_by_number,
    an_interval,
    an_object,
    either,
    exactly,
    number,
    one_of,
    text,
    truth,
    whole_number,
    whole_number_of_64_bits,
)
from openrouter_anthropic_server.conversion.thinking_kinds import EFFORTS

SERVICE_TIERS: Final = ("auto", "standard_only", "standard", "default", "fast", "flex", "priority", "scale")
"""Anthropic's and OpenAI's words for it."""

MAX_STOP_SEQUENCES: Final = 4

Wire = Literal["messages", "chat"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter. `chat`: providers whose chat completions take it, and its name there.

    `messages`: upstreams whose Messages API takes it. `becomes`: the parameter of ours or of the upstream that carries
    it where it has no name of its own; "" if nothing can.
    """

    name: str
    rule: Rule
    chat: Mapping[str, str] = field(default_factory=dict)
    messages: frozenset[str] = frozenset()
    becomes: str = ""


def _names(providers: str, name: str) -> dict[str, str]:
    return dict.fromkeys(providers.split(), name)


def _row(name: str, rule: Rule, chat: str = "", *, messages: str = "", becomes: str = "") -> Parameter:
    return Parameter(name, rule, _names(chat, name), frozenset(messages.split()), becomes)


_OPENROUTER = "openrouter"
_OPENAI = "openrouter openai azure"
_ALL = "openrouter openai azure google cohere mistral bedrock databricks"

_PERCENTILES = either(number(0, 1e9), an_object())
_PROVIDER = an_object(
    order=a_list(text()),
    only=a_list(text()),
    ignore=a_list(text()),
    quantizations=a_list(text()),
    allow_fallbacks=truth(),
    require_parameters=truth(),
    zdr=truth(),
    enforce_distillable_text=truth(),
    data_collection=one_of("allow", "deny"),
    sort=either(one_of("price", "throughput", "latency"), an_object(by=one_of("price", "throughput", "latency"))),
    preferred_min_throughput=_PERCENTILES,
    preferred_max_latency=_PERCENTILES,
    max_price=an_object(),
)
_REASONING = an_object(
    effort=one_of(*EFFORTS),
    max_tokens=whole_number(1),
    exclude=truth(),
    enabled=truth(),
    summary=one_of("auto", "concise", "detailed"),
    context=one_of("auto", "all_turns", "current_turn"),
    mode=one_of("standard", "pro"),
)
_RESPONSE_FORMAT = an_object(
    type=one_of("text", "json_object", "json_schema", "grammar", "python"),
    json_schema=an_object(name=text(64), schema=an_object(), strict=truth()),
    grammar=text(),
)

PARAMETERS: Final[tuple[Parameter, ...]] = (
    # ---- sampling
    _row("min_p", number(0, 1), _OPENROUTER),
    _row("top_a", number(0, 1), _OPENROUTER),
    _row("repetition_penalty", number(0, 2), _OPENROUTER),
    _row("frequency_penalty", number(-2, 2), f"{_OPENAI} google cohere mistral"),
    _row("presence_penalty", number(-2, 2), f"{_OPENAI} google cohere mistral"),
    _row("temperature_range", an_interval(0, 2), becomes="temperature"),
    _row("seed", whole_number_of_64_bits(), f"{_OPENAI} google cohere mistral"),
    _row("logit_bias", a_map_by_number(number(-100, 100)), _OPENAI),
    _row("logprobs", truth(), f"{_OPENAI} databricks"),
    _row("top_logprobs", whole_number(0, 20), f"{_OPENAI} databricks"),
    _row("stop", either(text(), a_list(text(), longest=MAX_STOP_SEQUENCES)), _ALL, becomes="stop_sequences"),
    _row("n", exactly(1)),
    # ---- length, effort, form of the answer
    _row("max_completion_tokens", whole_number(1), _ALL, becomes="max_tokens"),
    _row("reasoning", _REASONING, _OPENROUTER, becomes="thinking"),
    _row("reasoning_effort", one_of(*EFFORTS), _OPENROUTER, becomes="output_config.effort"),
    _row("include_reasoning", truth(), _OPENROUTER, becomes="thinking"),
    _row("verbosity", one_of("low", "medium", "high", "xhigh", "max"), _OPENAI, becomes="output_config.effort"),
    _row(
        "response_format",
        _RESPONSE_FORMAT,
        f"{_OPENAI} google mistral bedrock databricks",
        becomes="output_config.format",
    ),
    _row("structured_outputs", truth(), _OPENROUTER),
    _row("prediction", an_object(type=one_of("content")), f"{_OPENAI} mistral"),
    _row("modalities", a_list(one_of("text", "image")), f"{_OPENAI} google"),
    _row("image_config", an_object(), _OPENROUTER),
    # ---- tools
    _row(
        "parallel_tool_calls",
        truth(),
        f"{_OPENAI} mistral bedrock",
        becomes="tool_choice.disable_parallel_tool_use",
    ),
    _row("max_tool_calls", whole_number(1, 30), _OPENROUTER),
    _row("stop_server_tools_when", a_list(an_object()), _OPENROUTER, messages=_OPENROUTER),
    _row("web_search_options", an_object(), _OPENAI),
    _row("x_search_filter", an_object(), _OPENROUTER),
    # ---- routing
    _row("models", a_list(text()), _OPENROUTER, messages=_OPENROUTER),
    _row("route", one_of("fallback", "sort"), _OPENROUTER, messages=_OPENROUTER),
    _row("provider", _PROVIDER, _OPENROUTER, messages=_OPENROUTER),
    _row("plugins", a_list(an_object(id=text())), _OPENROUTER, messages=_OPENROUTER),
    _row("transforms", a_list(one_of("middle-out")), becomes="plugins"),
    _row("session_id", text(256), _OPENROUTER, messages=_OPENROUTER),
    _row("prompt_cache_key", text(), _OPENAI),
    _row("prompt_cache_options", an_object(), "openrouter openai"),
    _row("prompt_cache_retention", one_of("in_memory", "24h"), "openai azure"),
    # ---- who asks, and what is kept
    _row("user", text(), _OPENAI, messages=_OPENROUTER, becomes="metadata.user_id"),
    _row("safety_identifier", text(64), "openai"),
    _row("trace", an_object(), _OPENROUTER, messages=_OPENROUTER),
    _row("store", truth(), "openai azure"),
    _row("usage", an_object(include=truth()), _OPENROUTER),
    _row("stream_options", an_object(include_usage=truth()), _OPENROUTER),
    _row("debug", an_object(echo_upstream_body=truth()), _OPENROUTER),
    _row("moderation", an_object(), "openai"),
)
"""`service_tier` and `metadata`, which Anthropic has too, are not among them: see SHARED_RULES."""

BY_NAME: Final[Mapping[str, Parameter]] = {parameter.name: parameter for parameter in PARAMETERS}

SHARED_RULES: Final[Mapping[str, Rule]] = {
    "service_tier": one_of(*SERVICE_TIERS),
    "speed": one_of("standard", "fast"),
    "inference_geo": text(),
}
"""Parameters that several APIs have under one name and with different values."""

REFUSED: Final[Mapping[str, str]] = {
    "functions": "deprecated by OpenAI: send `tools`",
    "function_call": "deprecated by OpenAI: send `tool_choice`",
    "audio": "a Message has no place for sound: remove it",
}
"""Without them the answer would be another one than the client asked for; each with what to do instead."""

_RULES: Final[Mapping[str, Rule]] = {**{parameter.name: parameter.rule for parameter in PARAMETERS}, **SHARED_RULES}
_CHECKED: Final = frozenset(_RULES) | frozenset(REFUSED)


def has_parameters(body: Mapping[str, Any]) -> bool:
    """Whether a request sets any of the parameters in the table."""
    return not BY_NAME.keys().isdisjoint(body)


def parameter_problems(body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Path and description of every value that is not what its parameter must be; null means absent."""
    if _CHECKED.isdisjoint(body):
        return
    for name, value in body.items():
        if name not in _CHECKED or value is None:
            continue
        if name in REFUSED:
            yield name, REFUSED[name]
        else:
            wrong = list(_RULES[name].problems(name, value))
            yield from wrong or _WITH_OTHERS.get(name, _alone)(body)


def _alone(_body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    return iter(())


def _reasoning_of_one_kind(body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if body["reasoning"].get("effort") is not None and body["reasoning"].get("max_tokens") is not None:
        yield "reasoning", "takes one of effort and max_tokens, not both"


def _schema(body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    wanted = body["response_format"]
    if wanted.get("type") == "json_schema" and (wanted.get("json_schema") or {}).get("schema") is None:
        yield "response_format.json_schema.schema", "is required with type json_schema"


def _with_logprobs(body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if not body.get("logprobs"):
        yield "top_logprobs", "needs logprobs: true"


_WITH_OTHERS: Final[Mapping[str, Callable[[Mapping[str, Any]], Iterator[tuple[str, str]]]]] = {
    "reasoning": _reasoning_of_one_kind,
    "response_format": _schema,
    "top_logprobs": _with_logprobs,
}
"""What good values must be beside others of the request."""


def goes_over_messages(parameter: Parameter, upstream: str, fields: Set[str] | None = None) -> bool:
    """Whether `upstream` takes the parameter in its Messages API.

    `fields` are the top-level fields that it takes, None if that is not known.
    """
    return parameter.name in fields if fields is not None else upstream in parameter.messages


_BECOMES_IN_CHAT: Final = frozenset(
    {
        *("temperature_range", "transforms", "max_completion_tokens"),
        *("reasoning", "reasoning_effort", "include_reasoning", "verbosity"),
    }
)
"""What is put into other terms before or while a chat request is made; the rest has a name there or none."""


def outcome(parameter: Parameter, upstream: str, wire: Wire) -> str:
    """What becomes of a good value where nothing more is known of the model: for the documentation and for tests.

    "sent", "sent as <name>", "not sent" (and noted), "refused" or "as always" (it asks for nothing else).
    """
    name, becomes = parameter.chat.get(upstream), parameter.becomes
    if wire == "messages":
        name = parameter.name if upstream in parameter.messages else None
    elif parameter.name not in _BECOMES_IN_CHAT:
        becomes = ""
    if name is not None and parameter.name != "max_completion_tokens":  # there is one limit, under one name
        return "sent"
    if becomes and (becomes != "plugins" or upstream == "openrouter"):
        return f"sent as {becomes}"
    return _OUTCOMES.get((parameter.name, wire), "not sent")


_OUTCOMES: Final[Mapping[tuple[str, Wire], str]] = {
    ("n", "chat"): "as always",
    ("n", "messages"): "as always",
    ("response_format", "chat"): "refused",
}
