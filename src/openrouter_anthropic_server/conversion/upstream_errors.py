"""Turns any upstream failure into an error of this server's tree, without the upstream's secrets."""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import Final

from openrouter_anthropic_server.conversion.context_overflow import overflow_message
from openrouter_anthropic_server.conversion.error_bodies import ErrorFacts, read_body, read_value
from openrouter_anthropic_server.conversion.redaction import redact
from openrouter_anthropic_server.errors import (
    AuthenticationError,
    BillingError,
    ConflictError,
    GatewayError,
    InvalidRequestError,
    NotFoundError,
    NotSupportedError,
    OverloadedError,
    PermissionDeniedError,
    RateLimitError,
    RequestTooLargeError,
    UpstreamError,
    UpstreamServerError,
    UpstreamTimeoutError,
)
from openrouter_anthropic_server.openai_types.chat import ChatError

KEY_REJECTED: Final = "The upstream rejected this server's API key."
"""The whole message of an `AuthenticationError` made here; callers add the name of the setting."""

# OpenRouter's `error_type`, and the strings that it and OpenAI put into `code`. "unmapped" is left out:
# it says that OpenRouter could not tell, so the status decides.
OPENROUTER_TYPES: Final[Mapping[str, type[GatewayError]]] = {
    "invalid_request": InvalidRequestError,
    "invalid_prompt": InvalidRequestError,
    "context_length_exceeded": InvalidRequestError,
    "max_tokens_exceeded": InvalidRequestError,
    "token_limit_exceeded": InvalidRequestError,
    "string_too_long": InvalidRequestError,
    "content_policy_violation": InvalidRequestError,
    "refusal": InvalidRequestError,
    "invalid_image": InvalidRequestError,
    "image_too_large": InvalidRequestError,
    "image_too_small": InvalidRequestError,
    "unsupported_image_format": InvalidRequestError,
    "image_download_failed": InvalidRequestError,
    "authentication": AuthenticationError,
    "invalid_api_key": AuthenticationError,
    "payment_required": BillingError,
    "insufficient_quota": BillingError,  # OpenAI says so with 429, but waiting does not help
    "permission_denied": PermissionDeniedError,
    "not_found": NotFoundError,
    "image_not_found": NotFoundError,
    "timeout": UpstreamTimeoutError,
    "precondition_failed": InvalidRequestError,
    "payload_too_large": RequestTooLargeError,
    "unprocessable": InvalidRequestError,
    "rate_limit_exceeded": RateLimitError,
    "server": UpstreamServerError,
    "server_error": UpstreamServerError,
    "provider_unavailable": UpstreamError,
    "provider_overloaded": OverloadedError,
}

# OpenRouter's codes for a model that cannot be reached. A wrong model name comes as 400; here it is a 404,
# because Claude Code then names the model instead of repeating the request in variants.
AVAILABILITY_CODES: Final[Mapping[str, type[GatewayError]]] = {
    "model_not_found": NotFoundError,
    "wrong_endpoint": InvalidRequestError,
    "no_endpoints": NotFoundError,
    "model_deprecated": NotFoundError,
    "model_unavailable_upstream": NotFoundError,
    "privacy_restricted": NotFoundError,
    "constraint_filtered": NotFoundError,
    "free_variant_ended": NotFoundError,
    "region_restricted": PermissionDeniedError,
    "capacity_exhausted": RateLimitError,
    "temporarily_unavailable": OverloadedError,
}

# The types of Anthropic's error envelope. `api_error` is left out: it is the type of 500, 501, 502 alike.
ANTHROPIC_TYPES: Final[Mapping[str, type[GatewayError]]] = {
    "invalid_request_error": InvalidRequestError,
    "authentication_error": AuthenticationError,
    "billing_error": BillingError,
    "permission_error": PermissionDeniedError,
    "not_found_error": NotFoundError,
    "conflict_error": ConflictError,
    "request_too_large": RequestTooLargeError,
    "rate_limit_error": RateLimitError,
    "timeout_error": UpstreamTimeoutError,
    "overloaded_error": OverloadedError,
}

STATUSES: Final[Mapping[int, type[GatewayError]]] = {
    401: AuthenticationError,
    402: BillingError,
    403: PermissionDeniedError,
    404: NotFoundError,
    408: UpstreamTimeoutError,
    409: ConflictError,
    413: RequestTooLargeError,
    429: RateLimitError,
    500: UpstreamServerError,
    501: NotSupportedError,
    503: OverloadedError,
    504: UpstreamTimeoutError,
    524: UpstreamTimeoutError,
    529: OverloadedError,
}

# Errors whose text can be a provider's way to say that the prompt does not fit; a rate limit's text
# speaks of tokens too, and means another thing.
_MAY_BE_OVERFLOW = (InvalidRequestError, RequestTooLargeError, UpstreamError)
_OVERFLOW_TYPE = "context_length_exceeded"
_KEY_PROBLEM = re.compile(
    r"(?:invalid|incorrect|expired|revoked|missing|disabled)[^.]{0,20}(?:api[ _-]?key|access token)"
    r"|(?:api[ _-]?key|access token)[^.]{0,20}(?:invalid|not valid|incorrect|expired|revoked|disabled|not found)",
    re.IGNORECASE,
)
_KEY_CAN_BE_MEANT = (InvalidRequestError, PermissionDeniedError)
_MODEL_PROBLEM = re.compile(r"is not a valid model id|model_not_found|\bmodel\b[^.]{1,80}does not exist", re.IGNORECASE)

_FORWARDED = re.compile(
    r"retry-after|retry-after-ms|x-should-retry|anthropic-ratelimit-[a-z-]{1,60}|x-ratelimit-[a-z-]{1,60}"
)
_HEADER_VALUE = re.compile(r"[\x20-\x7e]{1,200}")
_MILLISECONDS_FROM = 1e11  # larger reset values are epoch milliseconds, from 1e9 on epoch seconds


def error_from_response(
    status: int, headers: Mapping[str, str], body: bytes, *, secrets: Sequence[str] = ()
) -> GatewayError:
    """The error for an upstream answer whose status is not 200, on either wire. Never raises.

    OpenRouter's `error_type` decides, then Anthropic's `error.type`, then the status. `headers` in any case.
    """
    facts = read_body(body)
    if 300 <= status < 400 and facts.code is None:
        return UpstreamError(f"The upstream answered with a redirect (HTTP {status}): its address needs a correction.")
    if status < 400:
        status = facts.code or 502
    lower = {name.lower(): value for name, value in headers.items()}
    return _error(facts, status, {**facts.headers, **lower}, secrets)


def error_from_chat_error(error: ChatError, *, secrets: Sequence[str] = ()) -> GatewayError:
    """The error for an error object inside an answer with status 200: a completion, a choice or a chunk."""
    facts = read_value({"error": error} if isinstance(error, dict) else error)
    return _error(facts, facts.code, facts.headers, secrets)


def _error(facts: ErrorFacts, status: int | None, headers: Mapping[str, str], secrets: Sequence[str]) -> GatewayError:
    kind = _kind(facts, status)
    forwarded = forwarded_headers(headers, is_rate_limit=kind is RateLimitError)
    if kind is AuthenticationError:
        return AuthenticationError(KEY_REJECTED, headers=forwarded)
    if issubclass(kind, _MAY_BE_OVERFLOW):
        overflow = overflow_message(f"{facts.inner}\n{facts.message}", certain=facts.error_type == _OVERFLOW_TYPE)
        if overflow is not None:
            return InvalidRequestError(overflow, headers=forwarded)
    message = _message(facts, status, secrets)
    return kind(message, headers=forwarded, error_code=facts.error_code)


def _kind(facts: ErrorFacts, status: int | None) -> type[GatewayError]:
    """The class: what the body says most precisely wins over the status."""
    kind = (
        AVAILABILITY_CODES.get(facts.availability or facts.error_type or "")
        or OPENROUTER_TYPES.get(facts.error_type or "")
        or ANTHROPIC_TYPES.get(facts.anthropic_type or "")
        or _kind_of_status(status)
        or ANTHROPIC_TYPES.get(facts.loose_type or "")
        or UpstreamError
    )
    if kind in _KEY_CAN_BE_MEANT and _KEY_PROBLEM.search(facts.text):
        return AuthenticationError  # Databricks answers 403, Google 400
    if kind is InvalidRequestError and _MODEL_PROBLEM.search(facts.text):
        return NotFoundError
    return kind


def _kind_of_status(status: int | None) -> type[GatewayError] | None:
    if status is None:
        return None
    return STATUSES.get(status) or (InvalidRequestError if status < 500 else UpstreamError)


def _message(facts: ErrorFacts, status: int | None, secrets: Sequence[str]) -> str:
    text = redact(facts.text, secrets)
    if not text:
        return f"The upstream answered with HTTP {status}." if status else "The upstream reported an error."
    if text.startswith("an HTML page"):
        return f"The upstream answered with HTTP {status} and {text}."
    if facts.provider and facts.text == facts.inner:
        return f"{text} (provider: {redact(facts.provider, secrets)})"
    return text


def forwarded_headers(
    headers: Mapping[str, str], *, is_rate_limit: bool = False, now: Callable[[], float] = time.time
) -> dict[str, str]:
    """The headers that a client may need: `retry-after` and rate limits, lower-case.

    For a rate limit without `retry-after` the seconds are taken from `x-ratelimit-reset` (OpenRouter:
    epoch milliseconds). `now` in epoch seconds is used where the answer has no `date`.
    """
    lower = {name.lower(): value for name, value in headers.items()}
    kept = {
        name: value for name, value in lower.items() if _FORWARDED.fullmatch(name) and _HEADER_VALUE.fullmatch(value)
    }
    if is_rate_limit and "retry-after" not in kept and "x-ratelimit-reset" in kept:
        wait = _seconds_until(kept["x-ratelimit-reset"], lower.get("date"), now)
        kept.update({} if wait is None else {"retry-after": str(wait)})
    return kept


def _seconds_until(reset: str, date: str | None, now: Callable[[], float]) -> int | None:
    """Whole seconds, at least 1, until a reset given as epoch milliseconds, epoch seconds or a wait."""
    try:
        value = float(reset)
    except ValueError:
        return None
    if not 0 <= value < 1e15:
        return None
    if value < 1e9:
        return max(1, int(value + 0.999))
    moment = value / 1000 if value >= _MILLISECONDS_FROM else value
    return max(1, int(moment - _epoch(date, now) + 0.999))


def _epoch(date: str | None, now: Callable[[], float]) -> float:
    # The upstream's own clock is the better one to subtract from.
    try:
        return parsedate_to_datetime(date).timestamp() if date else now()
    except ValueError:
        return now()
