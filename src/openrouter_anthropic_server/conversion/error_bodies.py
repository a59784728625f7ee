"""Reads what an upstream says about a failure, whatever shape the body has. Decides nothing.

Shapes seen: OpenRouter's chat errors and availability errors, its Anthropic envelopes, Anthropic's own,
OpenAI's, Google's (also as a list), Databricks', vLLM's, plain text, HTML pages and nothing at all.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from openrouter_anthropic_server.conversion.databricks_errors import CODES, unwrapped

_MAX_BODY = 1_000_000
_MAX_MESSAGE = 20_000
_MAX_PLAIN_TEXT = 4000
_GENERIC = re.compile(r"(?:(?:provider|model|upstream) returned (?:an )?error|(?:unknown )?error|)\.?", re.IGNORECASE)
_TITLE = re.compile(r"<title[^>]{0,200}>\s*([^<]{1,200}?)\s*</title", re.IGNORECASE)
_ERROR_CODE = re.compile(r"[a-z][a-z0-9_]{0,63}")
_DELAY = re.compile(r"(\d{1,9})(?:\.\d{1,9})?s")  # Google's RetryInfo: whole seconds are enough
_MESSAGE_KEYS = ("message", "detail", "error_message", "error_description", "msg", "title")
_NESTED_KEYS = ("error", "errors", "detail", "message")


@dataclass(frozen=True, slots=True)
class ErrorFacts:
    """What a body says. `message` and `inner` (the provider's own words) are not redacted yet.

    `error_type` is OpenRouter's, `availability` its code for models that cannot be reached,
    `anthropic_type` comes from an Anthropic envelope, `loose_type` from any other `error.type`.
    `code` is a number in 4xx and 5xx.
    """

    message: str = ""
    inner: str = ""
    error_type: str | None = None
    availability: str | None = None
    anthropic_type: str | None = None
    loose_type: str | None = None
    code: int | None = None
    error_code: str | None = None
    provider: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The most telling message: the provider's own where the outer one says nothing."""
        return self.inner if self.inner and _GENERIC.fullmatch(self.message) else self.message


def read_body(body: bytes) -> ErrorFacts:
    """The facts in the body of an answer; empty facts where it says nothing."""
    try:
        value = orjson.loads(body[:_MAX_BODY])
    except orjson.JSONDecodeError:
        return ErrorFacts(message=_plain_message(body[:_MAX_BODY].decode("utf-8", "replace").strip()))
    return read_value(value)


def read_value(value: object) -> ErrorFacts:
    """The facts in a parsed body."""
    outer = value[0] if isinstance(value, list) and value else value
    if not isinstance(outer, dict):
        return ErrorFacts(message=_message_of(outer))
    error = outer.get("error")
    if not isinstance(error, dict):
        return _read_error(outer, is_envelope=False)
    return _read_error(error, is_envelope=outer.get("type") == "error")


def _read_error(error: Mapping[str, Any], *, is_envelope: bool) -> ErrorFacts:
    metadata = _mapping(error.get("metadata"))
    availability = _mapping(error.get("availability")) or _mapping(metadata.get("availability"))
    kind = _text(error.get("type"))
    return ErrorFacts(
        message=unwrapped(_message_of(error), _message_of),
        inner=_inner_message(metadata.get("raw")),
        error_type=_text(metadata.get("error_type")) or _text(error.get("error_type")) or _text(error.get("code")),
        availability=_text(availability.get("code")),
        anthropic_type=kind if is_envelope else None,
        loose_type=None if is_envelope else kind,
        code=_first_status(error),
        error_code=_error_code(_mapping(error.get("details")).get("error_code")),
        provider=_text(metadata.get("provider_name")),
        headers=_body_headers(metadata, availability, error.get("details")),
    )


def _message_of(value: object) -> str:
    """The first message in a value, at most a few levels down: FastAPI nests lists, others dictionaries."""
    return next((text for text in _messages(value, 4) if text.strip()), "").strip()[:_MAX_MESSAGE]


def _messages(value: object, levels: int) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list) and levels:
        for item in value[:5]:
            yield from _messages(item, levels - 1)
    elif isinstance(value, dict) and levels:
        yield from (value[key] for key in _MESSAGE_KEYS if isinstance(value.get(key), str))
        for key in _NESTED_KEYS:
            yield from _messages(value.get(key), levels - 1)


def _inner_message(raw: object) -> str:
    """The provider's own message in OpenRouter's `metadata.raw`: JSON text, an object or plain text."""
    if not isinstance(raw, str):
        return _message_of(raw)
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return _plain_message(raw.strip())
    return _message_of(value)


def _plain_message(text: str) -> str:
    if not text.startswith("<"):
        return text if len(text) <= _MAX_PLAIN_TEXT else ""
    title = _TITLE.search(text)
    return f"an HTML page titled “{title[1]}”" if title else "an HTML page"


def _first_status(error: Mapping[str, Any]) -> int | None:
    """A status in the body: an integer or its text; Databricks calls it `error_code`."""
    values = (error.get(key) for key in ("code", "http_status", "status", "status_code", "error_code"))
    return next((status for status in map(_status, values) if status is not None), None)


def _status(value: object) -> int | None:
    if isinstance(value, str) and value in CODES:
        return CODES[value]
    if isinstance(value, str) and value.isdecimal() and len(value) == 3:
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 400 <= value <= 599:
        return value
    return None


def _body_headers(metadata: Mapping[str, Any], availability: Mapping[str, Any], details: object) -> dict[str, str]:
    """Headers that stand in the body: OpenRouter repeats its rate limits in `metadata.headers`."""
    headers = {str(name).lower(): str(value) for name, value in _mapping(metadata.get("headers")).items()}
    waits = (availability.get("retry_after"), metadata.get("retry_after"), metadata.get("retry_after_seconds"))
    for wait in waits:
        if isinstance(wait, int | float) and not isinstance(wait, bool):
            headers.setdefault("retry-after", str(wait))
    for detail in details if isinstance(details, list) else ():
        delay = _DELAY.fullmatch(str(_mapping(detail).get("retryDelay")))
        if delay:
            headers.setdefault("retry-after", delay[1])
    return headers


def _error_code(value: object) -> str | None:
    return value if isinstance(value, str) and _ERROR_CODE.fullmatch(value) else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
