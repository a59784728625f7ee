"""Bodies of any content end in a request or in an `InvalidRequestError`, never in another exception."""

import copy
import re
from collections.abc import Callable
from functools import cache
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from openrouter_anthropic_server.conversion.json_text import dump_json
from openrouter_anthropic_server.conversion.validation import (
    parse_json,
    request_schemas,
    validate_count_tokens_request,
    validate_messages_request,
)
from openrouter_anthropic_server.errors import InvalidRequestError
from tests.claude_code_requests import recorded_body, request_files

SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text()
WORDS = st.sampled_from(["text", "image", "tool_result", "base64", "content", "user", "assistant", "enabled", "custom"])
KEYS = st.sampled_from(["type", "content", "source", "text", "role", "data", "citations", "tool_use_id", "name", "x"])
VALUES = st.recursive(
    SCALARS | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=20,
)
FIELDS = st.sampled_from(
    ["model", "max_tokens", "messages", "system", "tools", "tool_choice", "thinking", "output_config", "metadata", "x"]
)
VALIDATORS = [validate_messages_request, validate_count_tokens_request]
VERSIONS = st.sampled_from(["2023-06-01", "2026-10-21"])
GOOD = {"model": "m", "max_tokens": 2000, "messages": [{"role": "user", "content": "hi"}]}


def refusal(call: Callable[[], object]) -> str | None:
    """The message of the refusal, None if there is none; any other exception is the test's failure."""
    try:
        call()
    except InvalidRequestError as error:
        return error.message
    return None


@settings(deadline=None)  # the first call builds the validator
@given(st.dictionaries(FIELDS, VALUES), st.booleans(), VERSIONS, st.sampled_from(VALIDATORS))
def test_any_object_is_either_returned_unchanged_or_refused(
    body: dict[str, Any], fill: bool, version: str, validate: Callable[..., object]
) -> None:
    body = {**GOOD, **body} if fill else body
    before = copy.deepcopy(body)

    message = refusal(lambda: validate(body, api_version=version))

    assert message is None or (message and "\n" not in message)
    assert body == before


@settings(deadline=None)
@given(st.lists(st.fixed_dictionaries({"role": WORDS, "content": VALUES}), min_size=1), VERSIONS)
def test_any_messages_are_either_accepted_or_refused(messages: list[dict[str, Any]], version: str) -> None:
    message = refusal(lambda: validate_messages_request({**GOOD, "messages": messages}, api_version=version))

    assert message is None or message.startswith("messages.")


@given(st.binary())
def test_any_bytes_are_parsed_or_refused(body: bytes) -> None:
    message = refusal(lambda: parse_json(body))

    assert message is None or message.startswith("The request body ")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "The request body is empty; a JSON object is expected"),
        (b"[]", "The request body must be a JSON object"),
        (b"null", "The request body must be a JSON object"),
        (b'{"a":', "The request body is not valid JSON: unexpected end of data: line 1 column 6 (char 5)"),
        (b'{\n"a": NaN}', "The request body is not valid JSON: unexpected character"),
        (b'{"a": 1e999}', "The request body is not valid JSON: number is infinity"),
        (b'{"a": ' + b"9" * 400 + b"}", "The request body is not valid JSON: number is infinity"),
        (b'{"a": "\\ud83d"}', "The request body is not valid JSON: no low surrogate in string"),
        (b'{"a": "\xff"}', "The request body is not valid JSON: "),
        (b"\xef\xbb\xbf{}", "The request body is not valid JSON: "),
        (b"{} {}", "The request body is not valid JSON: "),
        (b'{"a":' + b"[" * 100_000, "The request body is not valid JSON: depth limit exceeded"),
    ],
)
def test_text_that_is_no_json_object_is_refused_with_the_reason(body: bytes, message: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        parse_json(body)

    assert caught.value.message.startswith(message)


def nested(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


@pytest.mark.parametrize("levels", [300, 1000])
@pytest.mark.parametrize("field", ["messages", "system", "tools", "metadata", "thinking", "tool_choice"])
def test_deep_nesting_in_a_checked_field_is_refused(field: str, levels: int) -> None:
    body = {**GOOD, **parse_json(b'{"%s": %s}' % (field.encode(), nested(levels)))}

    with pytest.raises(InvalidRequestError, match=field):
        validate_messages_request(body, api_version="2026-10-21")


def test_deep_nesting_in_a_free_field_is_taken_but_not_dumped_again() -> None:
    tool_use = {"type": "tool_use", "id": "a", "name": "b", "input": {"a": orjson.loads(nested(1000))}}
    body = {**GOOD, "messages": [{"role": "assistant", "content": [tool_use]}]}

    assert validate_messages_request(body, api_version="2023-06-01") is body
    with pytest.raises(InvalidRequestError, match="nested too deeply"):
        dump_json(body)


@pytest.mark.parametrize("name", request_files("/v1/messages"))
def test_a_recorded_request_of_claude_code_is_taken(name: str) -> None:
    body = recorded_body(name)

    assert validate_messages_request(body, api_version="2023-06-01") is body


@pytest.mark.parametrize("name", request_files("/v1/messages/count_tokens"))
def test_a_recorded_token_count_of_claude_code_is_taken(name: str) -> None:
    body = recorded_body(name)

    assert validate_count_tokens_request(body, api_version="2023-06-01") is body


def test_there_are_recordings_of_every_major_version() -> None:
    assert len(request_files("/v1/messages")) >= 29
    assert request_files("/v1/messages/count_tokens")


def test_the_published_schemas_are_complete() -> None:
    schemas = request_schemas()
    referred = set(re.findall(rb'"#/components/schemas/([^"]*)"', orjson.dumps(schemas)))

    assert {"MessagesRequest", "CountTokensRequest"} <= schemas.keys()
    assert {name.decode() for name in referred} <= schemas.keys()
    assert schemas["MessagesRequest"]["required"] == ["model", "messages", "max_tokens"]


@cache
def published_schema() -> Draft202012Validator:
    return Draft202012Validator(
        {"$ref": "#/components/schemas/MessagesRequest", "components": {"schemas": request_schemas()}}
    )


@pytest.mark.parametrize("name", request_files("/v1/messages"))
def test_a_recorded_request_fits_the_published_schema(name: str) -> None:
    assert published_schema().is_valid(recorded_body(name))


@settings(deadline=None)
@given(st.lists(st.fixed_dictionaries({"role": WORDS, "content": VALUES}), max_size=3), VALUES)
def test_schema_and_validation_agree(messages: list[dict[str, Any]], system: object) -> None:
    body = {**GOOD, "messages": messages, "system": system}

    accepted = refusal(lambda: validate_messages_request(body, api_version="2023-06-01")) is None

    assert published_schema().is_valid(body) == accepted
