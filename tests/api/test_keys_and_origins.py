"""Who may use the server: key headers, wrong keys, and browsers of other origins."""

import httpx
import pytest

from tests.api.calls import VERSION, assert_error, body
from tests.gateway_fixtures import LOCKED
from tests.server_process import UPSTREAM_KEY, Gateway, Gateways
from tests.upstreams.server import FakeUpstream


def ask(http: httpx.Client, url: str, **headers: str) -> httpx.Response:
    given = {"anthropic-version": "2023-06-01"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return http.post(f"{url}/v1/messages", json=body(), headers=given)


@pytest.fixture
def locked(gateways: Gateways) -> Gateway:
    return gateways.demo(**LOCKED)


def test_on_loopback_any_key_and_none_will_do(http: httpx.Client, demo: Gateway) -> None:
    assert ask(http, demo.url).status_code == 200
    assert ask(http, demo.url, x_api_key="whatever").status_code == 200
    assert ask(http, demo.url, authorization="Bearer whatever").status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"x_api_key": "first-key"},
        {"x_api_key": "second-key"},
        {"authorization": "Bearer second-key"},
        {"authorization": "bearer first-key"},
    ],
    ids=str,
)
def test_a_right_key_is_taken_in_either_header(http: httpx.Client, locked: Gateway, headers: dict[str, str]) -> None:
    assert ask(http, locked.url, **headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x_api_key": "wrong"},
        {"x_api_key": ""},
        {"x_api_key": LOCKED["SERVER_API_KEYS"]},
        {"authorization": "Bearer wrong"},
        {"authorization": "Basic first-key"},
        {"authorization": "Bearer"},
    ],
    ids=str,
)
@pytest.mark.parametrize("path", ["/v1/messages", "/v1/messages/count_tokens", "/v1/models", "/v1/models/x"])
def test_a_wrong_key_is_a_final_401(http: httpx.Client, locked: Gateway, path: str, headers: dict[str, str]) -> None:
    method = "GET" if "models" in path else "POST"
    given = {name.replace("_", "-"): value for name, value in headers.items()}

    response = http.request(method, locked.url + path, headers=given, json=body() if method == "POST" else None)

    message = assert_error(response, 401, "authentication_error")
    assert response.headers["x-should-retry"] == "false"
    assert "first-key" not in message


def test_a_key_with_bytes_beyond_ascii_is_a_401(http: httpx.Client, locked: Gateway) -> None:
    response = http.post(f"{locked.url}/v1/messages", json=body(), headers={b"x-api-key": "schlüssel".encode()})

    assert_error(response, 401, "authentication_error")


def test_health_needs_no_key(http: httpx.Client, locked: Gateway) -> None:
    assert http.get(f"{locked.url}/health").status_code == 200
    assert http.head(f"{locked.url}/").status_code == 200


def test_keys_stand_in_no_log(http: httpx.Client, locked: Gateway) -> None:
    ask(http, locked.url, x_api_key="first-key")
    ask(http, locked.url, authorization="Bearer a-wrong-but-secret-key")

    log = locked.server.log()

    assert "first-key" not in log
    assert "a-wrong-but-secret-key" not in log


def test_the_client_key_stays_here(http: httpx.Client, gateways: Gateways) -> None:
    gateway = gateways.openrouter()
    upstream = gateway.upstream
    assert isinstance(upstream, FakeUpstream)

    for model in ("anthropic/claude-sonnet-4.5", "openai/gpt-5"):
        http.post(f"{gateway.url}/v1/messages", json=body(model), headers=VERSION | {"x-api-key": "client-secret"})

    assert len(upstream.calls) == 2
    for call in upstream.calls:
        assert call.headers["authorization"] == f"Bearer {UPSTREAM_KEY}"
        assert "client-secret" not in str(call.headers)


def test_an_anthropic_upstream_gets_its_own_key(http: httpx.Client, gateways: Gateways) -> None:
    gateway = gateways.anthropic()
    assert gateway.upstream is not None

    http.post(f"{gateway.url}/v1/messages", json=body("claude-x"), headers=VERSION | {"x-api-key": "client-secret"})

    headers = gateway.upstream.last.headers
    assert UPSTREAM_KEY in (headers.get("x-api-key"), headers.get("authorization", "").removeprefix("Bearer "))
    assert "client-secret" not in str(headers)


def test_other_origins_are_refused_by_default(http: httpx.Client, demo: Gateway) -> None:
    origin = {"origin": "https://app.example", "access-control-request-method": "POST"}

    preflight = http.options(f"{demo.url}/v1/messages", headers=origin)
    answer = http.get(f"{demo.url}/health", headers=origin)

    assert "access-control-allow-origin" not in preflight.headers
    assert "access-control-allow-origin" not in answer.headers
    assert preflight.headers["request-id"]


def test_a_listed_origin_is_allowed_and_no_other(http: httpx.Client, gateways: Gateways) -> None:
    gateway = gateways.demo(**LOCKED)
    method = {"access-control-request-method": "POST", "access-control-request-headers": "x-api-key,content-type"}

    listed = http.options(f"{gateway.url}/v1/messages", headers={"origin": "https://app.example"} | method)
    other = http.options(f"{gateway.url}/v1/messages", headers={"origin": "https://evil.example"} | method)
    answer = http.get(f"{gateway.url}/health", headers={"origin": "https://two.example"})
    refused = http.get(f"{gateway.url}/nothing", headers={"origin": "https://two.example"})

    assert listed.status_code in (200, 204)
    assert listed.headers["access-control-allow-origin"] == "https://app.example"
    assert "x-api-key" in listed.headers["access-control-allow-headers"].lower()
    assert "access-control-allow-origin" not in other.headers
    assert answer.headers["access-control-allow-origin"] == "https://two.example"
    assert refused.headers["access-control-allow-origin"] == "https://two.example"


def test_one_right_key_of_two_is_enough(http: httpx.Client, locked: Gateway) -> None:
    """Claude Code sends both where a key of Anthropic's is in the shell too."""
    assert ask(http, locked.url, x_api_key="of somebody else", authorization="Bearer first-key").status_code == 200
    assert ask(http, locked.url, x_api_key="first-key", authorization="Bearer wrong").status_code == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "http://evil.example:4000", "null"])
def test_without_keys_a_web_page_cannot_spend_the_credit(http: httpx.Client, demo: Gateway, origin: str) -> None:
    assert_error(ask(http, demo.url, origin=origin), 403, "permission_error", "CORS_ORIGINS")


@pytest.mark.parametrize("origin", ["http://localhost:5173", "http://127.0.0.1:8080"])
def test_pages_of_this_machine_may_ask(http: httpx.Client, demo: Gateway, origin: str) -> None:
    assert ask(http, demo.url, origin=origin).status_code == 200
