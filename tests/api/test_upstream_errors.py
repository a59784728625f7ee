"""Errors of the upstream reach the client in Anthropic's terms, and nothing of the upstream's secrets does."""

from typing import Any

import httpx
import pytest

from tests.api.calls import assert_error, body, post
from tests.gateway_fixtures import Line
from tests.server_process import UPSTREAM_KEY, Gateways, free_port
from tests.upstreams.answers import Answer, ApiError
from tests.upstreams.script import json_script, raw_script

TABLE = [
    (400, "invalid_request_error", 400),
    (401, "authentication_error", 401),
    (402, "billing_error", 402),
    (403, "permission_error", 403),
    (404, "not_found_error", 404),
    (408, "timeout_error", 504),
    (412, "invalid_request_error", 400),
    (413, "request_too_large", 413),
    (422, "invalid_request_error", 400),
    (429, "rate_limit_error", 429),
    (500, "api_error", 500),
    (502, "api_error", 502),
    (503, "overloaded_error", 529),
    (504, "timeout_error", 504),
    (524, "timeout_error", 504),
    (529, "overloaded_error", 529),
]
FINAL = {400, 401, 402, 403, 404, 413}


@pytest.mark.parametrize(("upstream_status", "kind", "status"), TABLE, ids=[str(row[0]) for row in TABLE])
@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
def test_an_upstream_status_becomes_its_anthropic_error(
    http: httpx.Client, line: Line, stream: bool, upstream_status: int, kind: str, status: int
) -> None:
    line.upstream.reply(ApiError(upstream_status, "the reason", kind))

    response = post(http, line.url, body(line.model, stream=stream))

    message = assert_error(response, status, kind)
    # What the upstream says about its key is of no use to a client of this server.
    assert "the reason" in message or upstream_status == 401
    assert (response.headers.get("x-should-retry") == "false") == (status in FINAL)


@pytest.mark.parametrize(
    "text",
    [
        "This endpoint's maximum context length is 200000 tokens. However, you requested about 250000 tokens "
        "(240000 of text input, 10000 in the output). Please reduce the length of either one.",
        "prompt is too long: 250000 tokens > 200000 maximum",
        "The input token count (250000) exceeds the maximum number of tokens allowed (200000).",
    ],
)
def test_context_overflow_is_worded_so_that_claude_code_compacts(http: httpx.Client, line: Line, text: str) -> None:
    line.upstream.reply(ApiError(400, text, "invalid_request_error"))

    response = post(http, line.url, body(line.model))

    message = assert_error(response, 400, "invalid_request_error", "prompt is too long")
    assert "250000 tokens > 200000 maximum" in message


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
def test_a_429_keeps_retry_after_and_rate_limits_and_is_not_retried(
    http: httpx.Client, line: Line, stream: bool
) -> None:
    headers = {
        "retry-after": "17",
        "x-ratelimit-limit": "20",
        "anthropic-ratelimit-requests-remaining": "0",
    }
    line.upstream.reply(ApiError(429, "slow down", "rate_limit_error", headers))

    response = post(http, line.url, body(line.model, stream=stream))

    assert_error(response, 429, "rate_limit_error")
    assert {name: response.headers.get(name) for name in headers} == headers
    assert len(line.upstream.calls) == 1


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
def test_rate_limit_headers_of_a_good_answer_are_forwarded(http: httpx.Client, line: Line, stream: bool) -> None:
    headers = {"anthropic-ratelimit-tokens-remaining": "99000", "x-ratelimit-remaining": "7"}
    line.upstream.reply(Answer(headers=headers | {"set-cookie": "a=b", "server": "fake"}))

    response = post(http, line.url, body(line.model, stream=stream))

    assert {name: response.headers.get(name) for name in headers} == headers
    assert "set-cookie" not in response.headers


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
@pytest.mark.parametrize("status", [400, 401, 403, 429, 500, 502])
def test_keys_and_addresses_in_an_upstream_error_stay_here(
    http: httpx.Client, line: Line, status: int, stream: bool
) -> None:
    text = f"key {UPSTREAM_KEY} is no good at {line.upstream.base_url}/messages on 127.0.0.1:{line.upstream.port}"
    line.upstream.reply(ApiError(status, text, "api_error", metadata={"raw": text}))

    response = post(http, line.url, body(line.model, stream=stream))

    assert response.status_code >= 400
    whole = response.text + str(response.headers)
    assert UPSTREAM_KEY not in whole
    assert UPSTREAM_KEY not in line.gateway.server.log()
    assert str(line.upstream.port) not in whole


def test_a_dead_upstream_is_a_502_without_its_address(http: httpx.Client, gateways: Gateways) -> None:
    port = free_port()
    gateway = gateways.openrouter(OPENROUTER_BASE_URL=f"http://127.0.0.1:{port}/api/v1")

    for model in ("anthropic/claude-sonnet-4.5", "openai/gpt-5"):
        for stream in (False, True):
            response = post(http, gateway.url, body(model, stream=stream))

            assert_error(response, 502, "api_error")
            assert str(port) not in response.text


ODD_ANSWERS = {
    "html": raw_script(b"<html><body>Bad gateway</body></html>", 502, "text/html"),
    "html-200": raw_script(b"<html><body>Welcome</body></html>", 200, "text/html"),
    "empty-200": raw_script(b"", 200, "application/json"),
    "list-200": json_script([]),
    "null-200": json_script(None),
    "redirect": json_script({}, 302, {"location": "http://169.254.169.254/"}),
    "no-json-error": raw_script(b"upstream connect error", 503),
    "odd-status": json_script({"error": "teapot"}, 418),
}


@pytest.mark.parametrize("answer", ODD_ANSWERS.values(), ids=ODD_ANSWERS.keys())
def test_an_answer_that_makes_no_sense_is_an_error_envelope(http: httpx.Client, line: Line, answer: Any) -> None:
    line.upstream.reply(answer)

    response = post(http, line.url, body(line.model))

    assert response.status_code >= 400
    assert response.json()["type"] == "error"
    assert response.json()["request_id"] == response.headers["request-id"]


@pytest.mark.parametrize("code", [502, "server_error"])
def test_an_error_body_under_a_200_is_an_error(http: httpx.Client, chat_line: Line, code: int | str) -> None:
    chat_line.upstream.reply(json_script({"error": {"code": code, "message": "Provider returned error"}}))

    response = post(http, chat_line.url, body(chat_line.model))

    assert response.status_code >= 500
    assert response.json()["error"]["type"] == "api_error"


def test_an_error_in_the_choice_under_a_200_is_an_error(http: httpx.Client, chat_line: Line) -> None:
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": "half an ans"},
        "finish_reason": "error",
        "error": {"code": 429, "message": "Rate limited"},
    }
    chat_line.upstream.reply(json_script({"id": "gen-1", "model": "m", "choices": [choice]}))

    assert_error(post(http, chat_line.url, body(chat_line.model)), 429, "rate_limit_error")


def test_errors_of_the_availability_form_are_understood(http: httpx.Client, chat_line: Line) -> None:
    error = {"message": "No endpoints found", "error_type": "not_found", "http_status": 404}
    chat_line.upstream.reply(json_script({"error": error | {"availability": {"code": "no_endpoints"}}}, 404))

    assert_error(post(http, chat_line.url, body(chat_line.model)), 404, "not_found_error", "No endpoints found")
