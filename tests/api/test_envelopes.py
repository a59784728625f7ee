"""Every answer carries a request id, and errors are Anthropic envelopes on every path."""

import httpx
import pytest

from tests.api.calls import assert_error, body, post
from tests.gateway_fixtures import Line
from tests.server_process import Gateway


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 200),
        ("HEAD", "/", 200),
        ("GET", "/health", 200),
        ("GET", "/v1/models", 200),
        ("GET", "/nothing/here", 404),
        ("POST", "/v1/complete", 404),
        ("GET", "/v1/messages", 405),
        ("DELETE", "/v1/models", 405),
        ("PUT", "/health", 405),
        ("POST", "/v1/messages", 400),
    ],
)
def test_every_answer_has_a_request_id(http: httpx.Client, demo: Gateway, method: str, path: str, status: int) -> None:
    response = http.request(method, demo.url + path)

    assert response.status_code == status
    assert response.headers["request-id"].startswith("req_")


def test_request_ids_differ(http: httpx.Client, demo: Gateway) -> None:
    ids = {http.get(f"{demo.url}/health").headers["request-id"] for _ in range(20)}

    assert len(ids) == 20


@pytest.mark.parametrize("stream", [False, True])
def test_answers_of_the_model_have_a_request_id(http: httpx.Client, line: Line, stream: bool) -> None:
    response = post(http, line.url, body(line.model, stream=stream))

    assert response.status_code == 200
    assert response.headers["request-id"].startswith("req_")


def test_an_unknown_path_says_what_is_served(http: httpx.Client, demo: Gateway) -> None:
    response = http.post(f"{demo.url}/v1/completions", json={})

    assert_error(response, 404, "not_found_error", "/v1/messages")


def test_a_doubled_v1_is_explained(http: httpx.Client, demo: Gateway) -> None:
    response = http.post(f"{demo.url}/v1/v1/messages?beta=true", json=body())

    assert_error(response, 404, "not_found_error", "ANTHROPIC_BASE_URL", "/v1")


def test_a_wrong_method_is_an_envelope_with_the_allowed_ones(http: httpx.Client, demo: Gateway) -> None:
    response = http.get(f"{demo.url}/v1/messages")

    assert_error(response, 405, "invalid_request_error")
    assert "POST" in response.headers["allow"]


@pytest.mark.parametrize("path", ["/health", "/nothing/here", "/v1/messages"])
def test_the_correlation_id_is_echoed(http: httpx.Client, demo: Gateway, path: str) -> None:
    response = http.get(demo.url + path, headers={"x-correlation-id": "trace-17"})

    assert response.headers["x-correlation-id"] == "trace-17"


def test_a_correlation_id_cannot_carry_another_header(http: httpx.Client, demo: Gateway) -> None:
    response = http.get(f"{demo.url}/health", headers={"x-correlation-id": "a" * 5000})

    assert len(response.headers.get("x-correlation-id", "")) <= 256


def test_the_messages_answer_names_backend_and_model(http: httpx.Client, line: Line) -> None:
    response = post(http, line.url, body(line.model))

    assert response.headers["x-backend"] == "openrouter"
    assert response.headers["x-model"] == line.model


def test_get_root_and_health_tell_what_runs(http: httpx.Client, demo: Gateway) -> None:
    health = http.get(f"{demo.url}/health").json()

    assert http.get(f"{demo.url}/").json()
    assert "demo" in str(health).lower()


def test_head_root_has_no_body(http: httpx.Client, demo: Gateway) -> None:
    response = http.head(f"{demo.url}/")

    assert response.status_code == 200
    assert response.content == b""
