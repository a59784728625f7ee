"""LiteLLM's exceptions, as they were seen from its version 1.106.2, become errors with the upstream's own words."""

from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from openrouter_anthropic_server.conversion.litellm_errors import error_from_litellm
from openrouter_anthropic_server.errors import (
    AuthenticationError,
    GatewayError,
    InvalidRequestError,
    OverloadedError,
    RateLimitError,
    UpstreamError,
    UpstreamTimeoutError,
)


def raised(name: str, message: str, cause: BaseException | None = None, **attributes: Any) -> Exception:
    """An exception of a class called `name`, as one of LiteLLM's that was raised while `cause` was handled."""
    error: Exception = type(name, (Exception,), {})(message)
    for attribute, value in {"message": message, **attributes}.items():
        setattr(error, attribute, value)
    error.__context__ = cause
    return error


def translated(error: Exception) -> tuple[type[GatewayError], str, dict[str, str]]:
    found = error_from_litellm(error, secrets=["the-key-of-the-test"])
    return type(found), found.message, dict(found.headers)


BODY = '{"error":{"code":429,"message":"slow down"},"user_id":"user_1"}'


def test_the_body_inside_the_message_is_read() -> None:
    error = raised(
        "RateLimitError",
        f"litellm.RateLimitError: RateLimitError: OpenrouterException - {BODY}",
        status_code=429,
        litellm_response_headers={"Retry-After": "7", "server": "x"},
    )

    assert translated(error) == (RateLimitError, "slow down", {"retry-after": "7"})


def test_the_body_of_the_response_wins_over_what_was_made_of_it() -> None:
    response = SimpleNamespace(content=b'{"error":{"message":"no such thing"}}', headers={"retry-after": "3"})
    cause = raised("APIStatusError", "Error code: 400 - {...}", status_code=400, response=response)
    error = raised("BadRequestError", "litellm.BadRequestError: OpenAIException - no", cause, status_code=400)

    assert translated(error) == (InvalidRequestError, "no such thing", {"retry-after": "3"})


@pytest.mark.parametrize(
    ("message", "plain"),
    [
        ("litellm.BadRequestError: GeminiException BadRequestError - b'no'", "no"),
        ("litellm.BadRequestError: BadRequestError: BedrockException - too long", "too long"),
        ("litellm.UnsupportedParamsError: cohere does not support parameters: ['x']. To drop these, set", ""),
        ("litellm.APIError: APIError: OpenAIException - odd Original exception: APIError: litellm.x", "odd"),
    ],
)
def test_prefixes_and_hints_of_litellm_are_cut(message: str, plain: str) -> None:
    _, found, _ = translated(raised("BadRequestError", message, status_code=400))

    assert "itellm" not in found
    assert "Exception" not in found
    assert plain in found


@pytest.mark.parametrize(
    ("chain", "kind", "words"),
    [
        (["APIConnectionError", "APIConnectionError", "ConnectError"], UpstreamError, "could not be reached"),
        (["InternalServerError", "APIConnectionError", "ConnectError"], UpstreamError, "could not be reached"),
        (["Timeout", "APITimeoutError", "ReadTimeout"], UpstreamTimeoutError, "silent"),
        (["Timeout", "ConnectTimeout"], UpstreamTimeoutError, "in time"),
        (["TimeoutError", "CancelledError"], UpstreamTimeoutError, "silent"),
        (["ReadError"], UpstreamError, "broke off"),
        (["APIConnectionError", "RemoteProtocolError", "ServerDisconnectedError"], UpstreamError, "without an answer"),
    ],
)
def test_a_failure_on_the_way_is_told_from_an_answer(chain: list[str], kind: type[GatewayError], words: str) -> None:
    error: Exception | None = None
    for name in reversed(chain):
        error = raised(name, f"litellm.{name}: at http://10.0.0.1/secret/path", error, status_code=500)
    assert error is not None

    found, message, _ = translated(error)

    assert found is kind
    assert words in message
    assert "10.0.0.1" not in message


@pytest.mark.parametrize(
    ("failure", "kind", "words"),
    [
        (httpx.ProxyError, UpstreamError, "the connection to the upstream failed"),
        (httpx.WriteError, UpstreamError, "the connection to the upstream failed"),
        (httpx.ConnectTimeout, UpstreamTimeoutError, "the upstream could not be reached in time"),
        (httpx.TimeoutException, UpstreamTimeoutError, "the upstream was silent for too long"),
        (ConnectionResetError, UpstreamError, "the connection to the upstream failed"),
        (type("OddConnectError", (httpx.ConnectError,), {}), UpstreamError, "the upstream could not be reached"),
    ],
)
@pytest.mark.parametrize("wrapped", [False, True], ids=["bare", "wrapped"])
def test_a_failure_is_known_by_the_bases_of_its_class(
    failure: type[Exception], kind: type[GatewayError], words: str, wrapped: bool
) -> None:
    error = failure("Cannot connect to host [address] ssl:<ssl.SSLContext object at 0x7fc9daed08c0>")
    if wrapped:
        error = raised("InternalServerError", f"litellm.InternalServerError: {error}", error, status_code=500)

    assert translated(error)[:2] == (kind, words)


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("<ssl.SSLContext object at 0x7fc9daed08c0>"),
        raised("ProfileNotFound", "The config profile (somebody) could not be found"),
        raised("InternalServerError", "'NoneType' has no 'x'", status_code=500, response=httpx.Response(500)),
    ],
    ids=["python", "botocore", "litellm"],
)
def test_a_text_that_the_upstream_did_not_say_is_not_shown(error: Exception) -> None:
    assert translated(error)[:2] == (UpstreamError, "the request to the upstream failed")


def test_the_original_inside_a_fallback_error_is_found() -> None:
    original = raised("OpenRouterException", '{"error":{"message":"overloaded","code":503}}', status_code=503)
    error = raised("MidStreamFallbackError", "litellm.MidStreamFallbackError: ...", original_exception=original)

    assert translated(error)[:2] == (OverloadedError, "overloaded")


@pytest.mark.parametrize("status", ["429", 429])
def test_a_status_may_be_a_text(status: object) -> None:
    assert translated(raised("APIError", "slow down", status_code=status))[0] is RateLimitError


def test_a_word_instead_of_a_status_is_no_crash() -> None:
    assert translated(raised("OpenRouterException", "it broke", status_code="server_error"))[0] is UpstreamError


def test_a_rejected_key_says_so_and_no_key_gets_out() -> None:
    error = raised("AuthenticationError", "litellm.AuthenticationError: the-key-of-the-test is bad", status_code=401)

    kind, message, _ = translated(error)

    assert kind is AuthenticationError
    assert "the-key-of-the-test" not in message


def test_an_unread_response_is_no_trouble() -> None:
    class Unread:
        headers: dict[str, str] = {"server": "x"}  # noqa: RUF012 - as httpx has it

        @property
        def content(self) -> bytes:
            raise RuntimeError("the response was not read")

    assert translated(raised("APIError", "broken", status_code=500, response=Unread()))[1] == "broken"


def test_a_chain_that_bites_its_own_tail_ends() -> None:
    first, second = raised("A", "a"), raised("B", "b")
    first.__context__, second.__context__ = second, first

    assert translated(first)[0] is UpstreamError


def test_a_long_prompt_is_told_as_anthropic_tells_it() -> None:
    body = (
        '{"error":{"message":"This model\'s maximum context length is 128000 tokens. However, your messages resulted \
in 200000 tokens.","type":"invalid_request_error","code":"context_length_exceeded"}}'
    )
    error = raised(
        "ContextWindowExceededError", f"litellm.ContextWindowExceededError: OpenAIException - {body}", status_code=400
    )

    assert translated(error)[1].startswith("prompt is too long")
