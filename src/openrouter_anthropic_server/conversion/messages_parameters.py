"""Parameters beside Anthropic's on the messages wire: taken, put into Anthropic's terms, or left out."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from openrouter_anthropic_server.capabilities.traits import Capabilities
from openrouter_anthropic_server.conversion.chat_context import Json, NoteBook
from openrouter_anthropic_server.conversion.own_reasoning import ALL_PARAMETERS, in_anthropics_terms
from openrouter_anthropic_server.conversion.parameter_table import BY_NAME, goes_over_messages, has_parameters
from openrouter_anthropic_server.errors import InvalidRequestError

_SAME_TIER: Final[Mapping[str, str]] = {"standard": "standard_only", "default": "standard_only"}
_ANTHROPICS_TIERS: Final = frozenset({"auto", "standard_only"})


def for_messages_wire(
    body: dict[str, Any], upstream: str, capabilities: Capabilities, notes: NoteBook
) -> dict[str, Any]:
    """`body` without what `upstream` does not take; the same object if it has nothing of the kind."""
    if upstream != "openrouter" and body.get("service_tier", "auto") not in _ANTHROPICS_TIERS:
        body = _with_anthropics_tier(body, upstream, notes)
    if not has_parameters(body):
        return body
    foreign = {name: body[name] for name in body if name in BY_NAME and not _taken(name, upstream, capabilities)}
    if not foreign:
        return body
    changed = {name: value for name, value in body.items() if name not in foreign}
    changed |= in_anthropics_terms(foreign | _anthropics(body), notes)
    for name, value in foreign.items():
        if value is None or name in ALL_PARAMETERS:
            continue
        convert = _CONVERSIONS.get(name)
        if convert is None:
            notes.not_sent(name, f"{upstream} does not take it")
        else:
            changed |= convert(value, changed, notes)
    return changed


def _taken(name: str, upstream: str, capabilities: Capabilities) -> bool:
    return goes_over_messages(BY_NAME[name], upstream, capabilities.fields)


def _anthropics(body: Json) -> dict[str, Any]:
    return {name: body[name] for name in ("thinking", "output_config", "max_tokens") if name in body}


def _with_anthropics_tier(body: dict[str, Any], upstream: str, notes: NoteBook) -> dict[str, Any]:
    tier = body["service_tier"]
    rest = {name: value for name, value in body.items() if name != "service_tier"}
    if tier in _SAME_TIER:
        notes.converted("service_tier", f"sent as '{_SAME_TIER[tier]}'")
        return rest | {"service_tier": _SAME_TIER[tier]}
    if tier is not None:
        notes.not_sent("service_tier", f"{upstream} does not take '{tier}'")
    return rest


Conversion = Callable[[Any, Json, NoteBook], dict[str, Any]]
"""The fields that a value becomes, beside the rest of the request."""


def _stop(value: Any, body: Json, notes: NoteBook) -> dict[str, Any]:
    if body.get("stop_sequences"):
        notes.not_sent("stop", "the request has stop_sequences")
        return {}
    notes.converted("stop", "sent as stop_sequences")
    return {"stop_sequences": [value] if isinstance(value, str) else value}


def _user(value: str, body: Json, notes: NoteBook) -> dict[str, Any]:
    metadata = body.get("metadata") or {}
    if metadata.get("user_id"):
        notes.not_sent("user", "the request has metadata.user_id")
        return {}
    notes.converted("user", "sent as metadata.user_id")
    return {"metadata": {**metadata, "user_id": value}}


def _max_completion_tokens(value: int, body: Json, notes: NoteBook) -> dict[str, Any]:
    notes.converted("max_completion_tokens", "sent as max_tokens, the smaller of both")
    return {"max_tokens": min(value, body.get("max_tokens") or value)}


def _parallel_tool_calls(value: bool, body: Json, notes: NoteBook) -> dict[str, Any]:
    choice = body.get("tool_choice") or {"type": "auto"}
    if value or not body.get("tools") or choice.get("type") == "none":
        overruled = value and choice.get("disable_parallel_tool_use")
        why = "the request has tool_choice.disable_parallel_tool_use" if overruled else "it would change nothing"
        notes.not_sent("parallel_tool_calls", why)
        return {}
    notes.converted("parallel_tool_calls", "sent as tool_choice.disable_parallel_tool_use")
    return {"tool_choice": {**choice, "disable_parallel_tool_use": True}}


def _response_format(value: Json, body: Json, notes: NoteBook) -> dict[str, Any]:
    config = body.get("output_config") or {}
    schema = (value.get("json_schema") or {}).get("schema")
    if config.get("format") is not None:
        notes.not_sent("response_format", "the request has output_config.format")
        return {}
    if value.get("type") == "text":
        notes.not_sent("response_format", "it would change nothing")
        return {}
    if value.get("type") != "json_schema" or schema is None:
        raise InvalidRequestError("response_format: this upstream takes only a JSON schema: send output_config.format")
    notes.converted("response_format", "sent as output_config.format")
    return {"output_config": {**config, "format": {"type": "json_schema", "schema": schema}}}


def _number_of_answers(_value: int, _body: Json, _notes: NoteBook) -> dict[str, Any]:
    return {}  # one, as always


_CONVERSIONS: Final[Mapping[str, Conversion]] = {
    "stop": _stop,
    "user": _user,
    "max_completion_tokens": _max_completion_tokens,
    "parallel_tool_calls": _parallel_tool_calls,
    "response_format": _response_format,
    "n": _number_of_answers,
}
