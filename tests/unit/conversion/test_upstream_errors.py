"""What becomes of an upstream's failure: class, message and headers."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openrouter_anthropic_server import errors
from openrouter_anthropic_server.conversion import upstream_errors
from openrouter_anthropic_server.conversion.upstream_errors import (
    KEY_REJECTED,
    error_from_chat_error,
    error_from_response,
    forwarded_headers,
)
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

INVALID = (
    "invalid_request invalid_prompt context_length_exceeded max_tokens_exceeded token_limit_exceeded string_too_long "
    "content_policy_violation refusal invalid_image image_too_large image_too_small unsupported_image_format "
    "image_download_failed"
)
# Status, OpenRouter's error types that come with it, and the error that they become.
OPENROUTER_ERRORS: list[tuple[int, str, type[GatewayError]]] = [
    (400, INVALID, InvalidRequestError),
    (401, "authentication", AuthenticationError),
    (402, "payment_required", BillingError),
    (403, "permission_denied", PermissionDeniedError),
    (404, "not_found image_not_found", NotFoundError),
    (408, "timeout", UpstreamTimeoutError),
    (504, "timeout", UpstreamTimeoutError),
    (412, "precondition_failed", InvalidRequestError),
    (413, "payload_too_large", RequestTooLargeError),
    (422, "unprocessable", InvalidRequestError),
    (429, "rate_limit_exceeded", RateLimitError),
    (500, "server unmapped", UpstreamServerError),
    (502, "provider_unavailable", UpstreamError),
    (503, "provider_overloaded", OverloadedError),
    (529, "provider_overloaded", OverloadedError),
    (524, "timeout", UpstreamTimeoutError),
]
ROWS = [(status, kind, error) for status, kinds, error in OPENROUTER_ERRORS for kind in kinds.split()]
AVAILABILITY_ERRORS: list[tuple[int, str, type[GatewayError]]] = [
    (400, "model_not_found", NotFoundError),
    (400, "wrong_endpoint", InvalidRequestError),
    (404, "no_endpoints", NotFoundError),
    (404, "model_deprecated", NotFoundError),
    (404, "model_unavailable_upstream", NotFoundError),
    (404, "privacy_restricted", NotFoundError),
    (404, "constraint_filtered", NotFoundError),
    (404, "free_variant_ended", NotFoundError),
    (403, "region_restricted", PermissionDeniedError),
    (429, "capacity_exhausted", RateLimitError),
    (503, "temporarily_unavailable", OverloadedError),
]
ANTHROPIC_ERRORS: list[tuple[int, str, type[GatewayError]]] = [
    (400, "invalid_request_error", InvalidRequestError),
    (401, "authentication_error", AuthenticationError),
    (402, "billing_error", BillingError),
    (403, "permission_error", PermissionDeniedError),
    (404, "not_found_error", NotFoundError),
    (409, "conflict_error", ConflictError),
    (413, "request_too_large", RequestTooLargeError),
    (429, "rate_limit_error", RateLimitError),
    (500, "api_error", UpstreamServerError),
    (501, "api_error", NotSupportedError),
    (504, "timeout_error", UpstreamTimeoutError),
    (529, "overloaded_error", OverloadedError),
]
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["error", "code", "message", "metadata", "raw", "type", "detail", "availability", "x"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


def body(value: object) -> bytes:
    return json.dumps(value).encode()


def chat_error(message: str, code: int | None = None, **metadata: Any) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "metadata": metadata}}


@pytest.mark.parametrize(("status", "error_type", "expected"), ROWS)
def test_each_error_type_becomes_its_error_on_both_wires(
    status: int, error_type: str, expected: type[GatewayError]
) -> None:
    chat = chat_error("It failed", status, error_type=error_type)
    envelope = {"type": "error", "error": {"type": "api_error", "message": "It failed", "error_type": error_type}}
    assert type(error_from_response(status, {}, body(chat))) is expected
    assert type(error_from_response(status, {}, body(envelope))) is expected
    assert type(error_from_chat_error(chat["error"])) is expected


@pytest.mark.parametrize(("status", "code", "expected"), AVAILABILITY_ERRORS)
def test_each_availability_code_becomes_its_error(status: int, code: str, expected: type[GatewayError]) -> None:
    message = "No endpoints for acme/model-9:free"
    nested = {"error": {"message": message, "code": status, "availability": {"code": code, "retryable": False}}}
    flat = {"error": {"message": message, "error_type": code, "http_status": status}}
    for answer in (nested, flat):
        error = error_from_response(status, {}, body(answer))
        assert type(error) is expected
        assert "acme/model-9:free" in error.message


@pytest.mark.parametrize(("status", "kind", "expected"), ANTHROPIC_ERRORS)
def test_each_anthropic_type_becomes_its_error(status: int, kind: str, expected: type[GatewayError]) -> None:
    envelope = {"type": "error", "error": {"type": kind, "message": "It failed"}, "request_id": "req_1"}
    error = error_from_response(status, {}, body(envelope))
    assert type(error) is expected
    assert error.message == (KEY_REJECTED if expected is AuthenticationError else "It failed")


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        *((status, error) for status, _, error in OPENROUTER_ERRORS),
        (500, UpstreamServerError),
        *((status, UpstreamError) for status in (507, 520, 530, 599)),
        *((status, InvalidRequestError) for status in (400, 405, 406, 411, 415, 418, 451)),
        *((status, UpstreamError) for status in (202, 204, 301, 307)),
    ],
)
@pytest.mark.parametrize("text", [b"", b"<html><title>Oops</title></html>", b"\xff\xfe", b"{}", b"null", b'"x"'])
def test_without_a_type_the_status_decides(status: int, expected: type[GatewayError], text: bytes) -> None:
    assert type(error_from_response(status, {}, text)) is expected


def test_the_error_type_wins_over_the_anthropic_type_and_that_over_the_status() -> None:
    error = {"type": "permission_error", "message": "x", "error_type": "rate_limit_exceeded"}
    assert type(error_from_response(400, {}, body({"type": "error", "error": error}))) is RateLimitError
    del error["error_type"]
    assert type(error_from_response(400, {}, body({"type": "error", "error": error}))) is PermissionDeniedError


def test_openais_own_type_says_less_than_the_status() -> None:
    answer = {"error": {"type": "invalid_request_error", "message": "No such model", "code": "x", "param": None}}
    assert type(error_from_response(429, {}, body(answer))) is RateLimitError


def test_every_class_that_can_come_out_stands_in_the_error_tree() -> None:
    tables = (
        upstream_errors.OPENROUTER_TYPES,
        upstream_errors.AVAILABILITY_CODES,
        upstream_errors.ANTHROPIC_TYPES,
        upstream_errors.STATUSES,
    )
    for table in tables:
        for kind in table.values():
            assert getattr(errors, kind.__name__) is kind
            assert f" {kind.__name__} " in (errors.__doc__ or "")


@given(status=st.integers(100, 599), value=JSON_VALUES)
def test_any_json_becomes_an_error_with_a_message(status: int, value: object) -> None:
    error = error_from_response(status, {}, body(value))
    assert isinstance(error, GatewayError)
    assert error.message


@given(st.binary(max_size=200))
def test_any_bytes_become_an_error_with_a_message(text: bytes) -> None:
    assert error_from_response(500, {}, text).message


@given(JSON_VALUES)
def test_any_chat_error_becomes_an_error(value: Any) -> None:
    assert error_from_chat_error(value).message


# ------------------------------------------------------------------------------------- messages


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ('{"error":{"message":"temperature: too high"}}', "temperature: too high (provider: Acme)"),
        ('{"type":"error","error":{"type":"x","message":"tools: bad"}}', "tools: bad (provider: Acme)"),
        ('[{"error":{"code":400,"message":"bad schema"}}]', "bad schema (provider: Acme)"),
        ({"message": "an object"}, "an object (provider: Acme)"),
        ("plain words", "plain words (provider: Acme)"),
        ("", "Provider returned error"),
        (None, "Provider returned error"),
    ],
)
def test_the_providers_own_words_replace_a_message_that_says_nothing(raw: object, expected: str) -> None:
    answer = chat_error("Provider returned error", 400, raw=raw, provider_name="Acme")
    assert error_from_response(400, {}, body(answer)).message == expected


def test_a_telling_message_stays_in_front_of_the_providers_words() -> None:
    answer = chat_error("Max tokens too large", 400, raw="inner", provider_name="Acme")
    assert error_from_response(400, {}, body(answer)).message == "Max tokens too large"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"error": "just a text"}, "just a text"),
        ({"message": "from Databricks", "error_code": "BAD_REQUEST"}, "from Databricks"),
        ({"detail": [{"loc": ["body", "x"], "msg": "field required"}]}, "field required"),
        ({"errors": [{"message": "the first"}]}, "the first"),
        ({"object": "error", "message": "from vLLM", "type": "BadRequestError", "code": 400}, "from vLLM"),
        ([{"error": {"code": 400, "message": "from Google", "status": "INVALID_ARGUMENT"}}], "from Google"),
        ({"something": "else"}, "The upstream answered with HTTP 400."),
    ],
)
def test_the_message_is_found_in_other_shapes(answer: object, expected: str) -> None:
    assert error_from_response(400, {}, body(answer)).message == expected


def test_a_page_is_named_by_its_title_and_an_empty_body_by_its_status() -> None:
    page = b"<!DOCTYPE html><html><head><title>openrouter.ai | 502: Bad gateway</title></head></html>"
    assert error_from_response(502, {}, page).message == (
        "The upstream answered with HTTP 502 and an HTML page titled “[host] | 502: Bad gateway”."
    )
    assert error_from_response(503, {}, b"").message == "The upstream answered with HTTP 503."


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (401, "Incorrect API key provided: sk-or-v1-abc****def"),
        (401, "User not found."),
        (403, "Invalid access token. [ReqId: 1]"),
        (400, "API key not valid. Please pass a valid API key."),
    ],
)
def test_a_rejected_key_is_said_without_a_word_of_the_upstream(status: int, message: str) -> None:
    error = error_from_response(status, {}, body(chat_error(message, status)))
    assert type(error) is AuthenticationError
    assert error.message == KEY_REJECTED
    assert error.final


def test_a_forbidden_request_keeps_its_reason() -> None:
    error = error_from_response(403, {}, body(chat_error("Key limit exceeded (total limit)", 403)))
    assert type(error) is PermissionDeniedError
    assert error.message == "Key limit exceeded (total limit)"


@given(
    secret=st.text(alphabet="abcdef0123456789", min_size=12, max_size=40), status=st.sampled_from([400, 429, 500, 503])
)
def test_no_secret_reaches_the_client_from_any_place_of_the_body(secret: str, status: int) -> None:
    in_raw = chat_error(
        "Provider returned error", status, raw=f"key {secret} at http://10.0.0.1/x", provider_name=secret
    )
    in_title = f"<html><title>{secret}</title>".encode()
    for answer in (body(in_raw), in_title, secret.encode(), body({"error": secret})):
        error = error_from_response(status, {}, answer, secrets=[secret])
        assert secret not in json.dumps(error.envelope("req_1"))
        assert "10.0.0.1" not in error.message


@pytest.mark.parametrize("status", [400, 404])
@pytest.mark.parametrize(
    "message", ["acme/big-9.1:free is not a valid model ID", "No endpoints found for acme/big-9.1:free."]
)
def test_a_model_that_is_not_there_is_named(status: int, message: str) -> None:
    error = error_from_response(404 if "endpoints" in message else status, {}, body(chat_error(message, status)))
    assert type(error) is NotFoundError
    assert "acme/big-9.1:free" in error.message


def test_a_message_is_bounded() -> None:
    assert len(error_from_response(400, {}, body(chat_error("word " * 10_000, 400))).message) <= 2000


def test_the_error_code_of_an_anthropic_envelope_is_kept() -> None:
    error = {"type": "not_found_error", "message": "gone", "details": {"error_code": "thread_not_found"}}
    answer = error_from_response(404, {}, body({"type": "error", "error": error}))
    assert answer.envelope("req_1")["error"]["details"] == {"error_code": "thread_not_found"}


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ({"code": 502, "message": "x"}, UpstreamError),
        ({"code": "429", "message": "x"}, RateLimitError),
        ({"code": "server_error", "message": "x"}, UpstreamServerError),
        ({"code": "rate_limit_exceeded", "message": "x"}, RateLimitError),
        ({"type": "overloaded_error", "message": "x"}, OverloadedError),
        ({"message": "x"}, UpstreamError),
        ({"code": None}, UpstreamError),
        ({}, UpstreamError),
    ],
)
def test_a_code_in_a_chunk_can_be_a_number_a_word_or_missing(error: Any, expected: type[GatewayError]) -> None:
    assert type(error_from_chat_error(error)) is expected


# -------------------------------------------------------------------------------------- headers


def test_rate_limit_headers_are_forwarded_and_no_others() -> None:
    headers = {
        "Retry-After": "7",
        "retry-after-ms": "7000",
        "X-Should-Retry": "false",
        "anthropic-ratelimit-tokens-reset": "2026-01-01T00:00:00Z",
        "X-RateLimit-Limit": "20",
    }
    others = {"Set-Cookie": "a=b", "server": "x", "request-id": "upstream", "x-ratelimit-note": "é"}
    error = error_from_response(429, {**headers, **others}, b"")
    assert error.headers == {name.lower(): value for name, value in headers.items()}


@pytest.mark.parametrize(
    ("reset", "expected"),
    [
        ("1700000012345", "13"),
        ("1700000060", "60"),
        ("30", "30"),
        ("0.5", "1"),
        ("1600000000000", "1"),
        ("soon", None),
        ("nan", None),
        ("-1", None),
    ],
)
def test_a_reset_becomes_retry_after_seconds(reset: str, expected: str | None) -> None:
    headers = forwarded_headers({"X-RateLimit-Reset": reset}, is_rate_limit=True, now=lambda: 1_700_000_000.0)
    assert headers.get("retry-after") == expected


def test_the_upstreams_own_clock_is_used_where_it_shows_it() -> None:
    headers = {"x-ratelimit-reset": "1700000012000", "date": "Tue, 14 Nov 2023 22:13:20 GMT"}
    assert forwarded_headers(headers, is_rate_limit=True, now=lambda: 0.0)["retry-after"] == "12"
    broken = {**headers, "date": "today"}
    assert forwarded_headers(broken, is_rate_limit=True, now=lambda: 1_700_000_000.0)["retry-after"] == "12"


def test_retry_after_is_kept_as_it_came_and_not_made_up_for_other_errors() -> None:
    both = {"retry-after": "3", "x-ratelimit-reset": "99"}
    assert error_from_response(429, both, b"").headers["retry-after"] == "3"
    assert "retry-after" not in error_from_response(500, {"x-ratelimit-reset": "99"}, b"").headers


def test_waits_in_the_body_become_headers() -> None:
    limits = chat_error("Rate limit exceeded", 429, headers={"X-RateLimit-Reset": "60", "Set-Cookie": "a"})
    assert error_from_response(429, {}, body(limits)).headers == {"x-ratelimit-reset": "60", "retry-after": "60"}
    full = {"error": {"message": "x", "availability": {"code": "capacity_exhausted", "retry_after": 5}}}
    assert error_from_response(429, {}, body(full)).headers["retry-after"] == "5"
    assert error_from_chat_error(full["error"]).headers["retry-after"] == "5"  # type: ignore[arg-type]


def test_whoever_expects_that_an_upstream_fails_expects_its_500_too() -> None:
    """Counting tokens falls back to the estimate for both."""
    assert isinstance(error_from_response(500, {}, b""), UpstreamError)
