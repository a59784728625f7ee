"""What Databricks' error answers hold: a word for the kind of failure, and often JSON text inside the message.

`{"error_code": "BAD_REQUEST", "message": "{\\"message\\": \\"messages.1.name: Extra inputs are not permitted\\"}"}` as
recorded by its users; the words are those of Databricks' REST APIs.
"""

from collections.abc import Callable, Mapping
from typing import Final

import orjson

CODES: Final[Mapping[str, int]] = {
    "BAD_REQUEST": 400,
    "INVALID_PARAMETER_VALUE": 400,
    "MALFORMED_REQUEST": 400,
    "INVALID_STATE": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "FEATURE_DISABLED": 403,
    "NOT_FOUND": 404,
    "ENDPOINT_NOT_FOUND": 404,
    "RESOURCE_DOES_NOT_EXIST": 404,
    "REQUEST_LIMIT_EXCEEDED": 429,
    "RESOURCE_EXHAUSTED": 429,
    "INTERNAL_ERROR": 500,
    "TEMPORARILY_UNAVAILABLE": 503,
    "SERVICE_UNDER_MAINTENANCE": 503,
    "DEADLINE_EXCEEDED": 504,
}
"""`error_code` and the HTTP status that says the same, for failures that come under status 200."""

_DEEPEST = 3


def unwrapped(message: str, message_of: Callable[[object], str]) -> str:
    """The message inside a message that is JSON text, a few levels down; `message_of` reads it out of a value."""
    for _ in range(_DEEPEST):
        if not message.startswith("{"):
            break
        try:
            inner = message_of(orjson.loads(message))
        except orjson.JSONDecodeError:
            break
        if not inner:
            break
        message = inner
    return message
