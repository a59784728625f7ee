"""Validation of request bodies: what passes is the very object that came in, unknown fields included."""

from functools import cache
from typing import Any, cast

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from openrouter_anthropic_server.anthropic_types.kinds import HIDDEN, TEXT_TAG
from openrouter_anthropic_server.anthropic_types.request import CountTokensRequest, MessagesRequest
from openrouter_anthropic_server.conversion.glance import without_the_usual
from openrouter_anthropic_server.conversion.json_text import parse_json
from openrouter_anthropic_server.conversion.validation_rules import Problem, broken_rules
from openrouter_anthropic_server.errors import InvalidRequestError

__all__ = [
    "parse_json",
    "prepare_validation",
    "request_schemas",
    "validate_count_tokens_request",
    "validate_messages_request",
]

_SHOWN = 3
"""So many problems are named in one message; the rest is counted."""


def validate_messages_request(body: dict[str, Any], *, api_version: str, betas: str = "") -> MessagesRequest:
    """The body itself, once it is known to be a request; otherwise `InvalidRequestError` naming the fields."""
    _validate(body, _messages_adapter(), api_version, betas)
    return cast(MessagesRequest, body)


def validate_count_tokens_request(body: dict[str, Any], *, api_version: str, betas: str = "") -> CountTokensRequest:
    """The same for `count_tokens`, where `max_tokens` is not needed."""
    _validate(body, _count_tokens_adapter(), api_version, betas)
    return cast(CountTokensRequest, body)


def prepare_validation() -> None:
    """Build the validators now (80 ms), so that the first request does not wait for them."""
    _messages_adapter()
    _count_tokens_adapter()


def request_schemas() -> dict[str, Any]:
    """JSON schemas of both requests and of all they hold, by name, for `components.schemas` of OpenAPI."""
    adapters: list[TypeAdapter[Any]] = [_messages_adapter(), _count_tokens_adapter()]
    _, document = TypeAdapter.json_schemas(
        [(number, "validation", adapter) for number, adapter in enumerate(adapters)],
        ref_template="#/components/schemas/{model}",
    )
    return cast(dict[str, Any], document["$defs"])


def _validate(body: dict[str, Any], adapter: TypeAdapter[Any], api_version: str, betas: str) -> None:
    try:
        adapter.validate_python(without_the_usual(body), strict=True)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        raise _refusal([_problem(detail) for detail in details]) from None
    if problems := broken_rules(body, api_version, betas):
        raise _refusal(problems)


@cache
def _messages_adapter() -> TypeAdapter[MessagesRequest]:
    return TypeAdapter(MessagesRequest)


@cache
def _count_tokens_adapter() -> TypeAdapter[CountTokensRequest]:
    return TypeAdapter(CountTokensRequest)


def _problem(detail: ErrorDetails) -> Problem:
    location = detail["loc"]
    path = ".".join(str(part) for part in location if not str(part).startswith(HIDDEN))
    if path == "messages" and detail["type"] == "too_short":
        return Problem(path, "at least one message is required")
    if location[-1] == TEXT_TAG:
        return Problem(path, "Input should be a string or a list of content blocks")
    return Problem(path, detail["msg"])


def _refusal(problems: list[Problem]) -> InvalidRequestError:
    text = "; ".join(f"{problem.path}: {problem.message}" for problem in problems[:_SHOWN])
    hidden = len(problems) - _SHOWN
    return InvalidRequestError(f"{text} (and {hidden} more)" if hidden > 0 else text)
