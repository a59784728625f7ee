"""A request of Gemini's `generateContent` as a request of the Messages API. Reads its input, never changes it.

What has no counterpart is refused by name, or noted where nothing of the answer's content depends on it.
"""

from collections.abc import Callable, Mapping
from typing import Any

from openrouter_anthropic_server.conversion.chat_context import NoteBook
from openrouter_anthropic_server.conversion.from_gemini_contents import messages_from_gemini, system_from_gemini
from openrouter_anthropic_server.conversion.from_gemini_tools import tools_from_gemini
from openrouter_anthropic_server.conversion.gemini_shapes import fields_of, json_schema
from openrouter_anthropic_server.conversion.request_shapes import Json, note_rest, refusal
from openrouter_anthropic_server.errors import InvalidRequestError

Request = dict[str, Any]

Rule = Callable[[Any, Request, NoteBook], None]
"""Adds to the request what a field's value means there."""

LEAST_BUDGET = 1024
"""The Messages API knows no smaller budget of thinking tokens."""

_CONFIG = "generationConfig"
_THINKING_FIELDS = frozenset({"thinkingBudget", "thinkingLevel", "includeThoughts"})


def from_gemini(body: Json, notes: NoteBook) -> Request:
    """The request, without `max_tokens` where the client set no limit."""
    fields = fields_of(body, "body")
    messages = messages_from_gemini(fields.pop("contents", None), notes)
    request: Request = {"model": fields.pop("model"), "messages": messages}
    if "systemInstruction" in fields:
        system = system_from_gemini(fields.pop("systemInstruction"), notes)
        request |= {"system": system} if system else {}
    request |= tools_from_gemini(fields.pop("tools", []), fields.pop("toolConfig", {}), notes)
    config = fields_of(fields.pop(_CONFIG, {}), _CONFIG)
    for name, value in config.items():
        rule = _RULES.get(name)
        if rule is None:
            raise refusal(f"{_CONFIG}.{name}", "settings of this name", "leave it out")
        rule(value, request, notes)
    _answer_format(config, request, notes)
    for name in fields:
        _leave_out(name, notes)
    return request


def _leave_out(name: str, notes: NoteBook) -> None:
    if name not in _NOT_SENT:
        raise refusal(name, "fields of this name", "leave it out")
    notes.not_sent(name, _NOT_SENT[name])


def _as(name: str) -> Rule:
    def rule(value: Any, request: Request, notes: NoteBook) -> None:
        request[name] = value

    return rule


def _top_k(value: Any, request: Request, notes: NoteBook) -> None:
    """Gemini's type is a float."""
    request["top_k"] = int(value) if isinstance(value, float) and value.is_integer() else value


def _only(expected: object, path: str, what: str) -> Rule:
    def rule(value: Any, request: Request, notes: NoteBook) -> None:
        if value != expected:
            raise refusal(f"{_CONFIG}.{path}", what, "leave it out")

    return rule


def _not_sent(path: str, why: str) -> Rule:
    def rule(value: Any, request: Request, notes: NoteBook) -> None:
        notes.not_sent(f"{_CONFIG}.{path}", why)

    return rule


def _modalities(value: Any, request: Request, notes: NoteBook) -> None:
    if not isinstance(value, list) or any(str(one).upper() != "TEXT" for one in value):
        raise refusal(f"{_CONFIG}.responseModalities", "answers other than text", "leave it out")


def _thinking(value: Any, request: Request, notes: NoteBook) -> None:
    path = f"{_CONFIG}.thinkingConfig"
    wanted = fields_of(value, path)
    note_rest(wanted, _THINKING_FIELDS, path, notes)
    budget, level = wanted.get("thinkingBudget"), wanted.get("thinkingLevel")
    if budget is not None and type(budget) is not int:
        raise InvalidRequestError(f"{path}.thinkingBudget: Input should be a whole number")
    if budget == 0:
        request["thinking"] = {"type": "disabled"}
    elif budget is not None and budget > 0:
        if budget < LEAST_BUDGET:
            notes.converted(f"{path}.thinkingBudget", f"{budget} is below the least budget, {LEAST_BUDGET}")
        request["thinking"] = {"type": "enabled", "budget_tokens": max(budget, LEAST_BUDGET)}
    elif budget is not None or wanted.get("includeThoughts") is True:
        request["thinking"] = {"type": "adaptive"}
    if level is not None and str(level).upper() != "THINKING_LEVEL_UNSPECIFIED":
        request.setdefault("output_config", {})["effort"] = str(level).lower()


def _nothing(value: Any, request: Request, notes: NoteBook) -> None:
    """`_answer_format` reads it with its neighbours."""


def _answer_format(config: Json, request: Request, notes: NoteBook) -> None:
    kind = config.get("responseMimeType", "text/plain")
    schema = config.get("responseJsonSchema")
    if schema is None:
        schema = json_schema(config.get("responseSchema"), f"{_CONFIG}.responseSchema", notes)
    if kind == "text/plain" and schema is None:
        return
    if kind != "application/json":
        raise refusal(f"{_CONFIG}.responseMimeType", f"answers of type '{kind}'", "send text/plain or application/json")
    if schema is None:
        request["response_format"] = {"type": "json_object"}
    else:
        request.setdefault("output_config", {})["format"] = {"type": "json_schema", "schema": schema}


_RULES: Mapping[str, Rule] = {
    "maxOutputTokens": _as("max_tokens"),
    "temperature": _as("temperature"),
    "topP": _as("top_p"),
    "topK": _top_k,
    "stopSequences": _as("stop_sequences"),
    "seed": _as("seed"),
    "presencePenalty": _as("presence_penalty"),
    "frequencyPenalty": _as("frequency_penalty"),
    "candidateCount": _only(1, "candidateCount", "several answers to one request"),
    "responseLogprobs": _only(False, "responseLogprobs", "log probabilities"),
    "logprobs": _only(0, "logprobs", "log probabilities"),
    "responseModalities": _modalities,
    "thinkingConfig": _thinking,
    "responseMimeType": _nothing,
    "responseSchema": _nothing,
    "responseJsonSchema": _nothing,
    "mediaResolution": _not_sent("mediaResolution", "the upstream decides how closely it looks"),
    "enableEnhancedCivicAnswers": _not_sent("enableEnhancedCivicAnswers", "only Google's own server knows it"),
}

_NOT_SENT: Mapping[str, str] = {
    "safetySettings": "each provider filters by its own rules",
    "labels": "billing labels belong to Google's server",
    "store": "nothing is stored with the answer",
    "serviceTier": "tiers have other names elsewhere",
}
