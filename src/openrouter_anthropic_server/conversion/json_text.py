"""JSON text in and out; whatever is wrong with it is the client's mistake and said so."""

from typing import Any

import orjson

from openrouter_anthropic_server.errors import InvalidRequestError


def parse_json(body: bytes) -> dict[str, Any]:
    """The JSON object of a request body; anything else is an `InvalidRequestError`."""
    if not body:
        raise InvalidRequestError("The request body is empty; a JSON object is expected")
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidRequestError(f"The request body is not valid JSON: {error}") from None
    if not isinstance(value, dict):
        raise InvalidRequestError("The request body must be a JSON object")
    return value


def dump_json(value: object) -> bytes:
    """`value` as JSON text; nesting deeper than orjson writes (254 levels) is an `InvalidRequestError`.

    orjson reads 1,024 levels, so a body that was parsed cannot always be dumped again.
    """
    try:
        return orjson.dumps(value)
    except TypeError:
        raise InvalidRequestError("The request is nested too deeply to be passed on") from None
