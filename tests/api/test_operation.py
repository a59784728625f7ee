"""What the operator asks: health in detail, metrics, and where a run is. Without a Prefect that answers."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.calls import assert_error, body, post
from tests.gateway_fixtures import LOCKED
from tests.server_process import Gateway, Gateways, ServerProcess, free_port

RUN_ID = "req_0123456789abcdef01234567"
OPERATORS = ("/health/detailed", "/metrics", "/runs?session=s")
_NOWHERE = f"http://127.0.0.1:{free_port()}/api"


@pytest.fixture
def unreached(gateways: Gateways) -> Gateway:
    """A server that records, and whose Prefect is not there."""
    return gateways.demo(RECORDING="on", PREFECT_API_URL=_NOWHERE)


def detailed(http: httpx.Client, gateway: Gateway, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    response = http.get(f"{gateway.url}/health/detailed", headers=headers)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


def wait_for_phase(http: httpx.Client, gateway: Gateway, phase: str) -> dict[str, Any]:
    deadline = time.monotonic() + 15
    while (found := detailed(http, gateway))["recorder"]["phase"] != phase:
        assert time.monotonic() < deadline, found
        time.sleep(0.1)
    return found


def figures(http: httpx.Client, gateway: Gateway) -> dict[str, float]:
    response = http.get(f"{gateway.url}/metrics")
    assert response.headers["content-type"].startswith("text/plain; version=")
    lines = [line.split(" ") for line in response.text.splitlines() if not line.startswith("#")]
    return {name.removeprefix("openrouter_anthropic_server_"): float(value) for name, value in lines}


def test_with_recording_off_all_is_well(http: httpx.Client, demo: Gateway) -> None:
    found = detailed(http, demo)

    assert (found["status"], found["backend"]) == ("ok", "demo")
    assert found["uptime_seconds"] > 0
    assert found["prefect"] == {"api_url": None, "ui_url": None, "reachable": False}
    assert found["recorder"]["phase"] == "off"
    assert found["spool"] == {"bytes": 0, "max_bytes": 256 * 2**20, "dropped": 0, "problem": None}


def test_with_recording_off_runs_are_a_404_that_says_so(http: httpx.Client, demo: Gateway) -> None:
    for path in (f"/runs/{RUN_ID}", "/runs?session=s"):
        assert_error(http.get(demo.url + path), 404, "not_found_error", "RECORDING=off")


def test_a_prefect_that_cannot_be_reached_is_degraded_and_named(http: httpx.Client, unreached: Gateway) -> None:
    found = wait_for_phase(http, unreached, "waiting_for_prefect")

    assert found["status"] == "degraded"
    assert found["prefect"] == {
        "api_url": _NOWHERE,
        "ui_url": _NOWHERE.removesuffix("/api"),
        "reachable": False,
    }
    assert _NOWHERE in found["recorder"]["problem"]


def test_requests_are_answered_and_their_runs_wait(http: httpx.Client, unreached: Gateway) -> None:
    assert post(http, unreached.url, body()).status_code == 200

    deadline = time.monotonic() + 15
    while (found := figures(http, unreached))["backlog_records"] < 1:
        assert time.monotonic() < deadline, found
        time.sleep(0.1)
    assert found["recorder_up"] == 1
    assert found["prefect_reachable"] == 0
    assert found["spool_bytes"] > 0
    assert found["runs_recorded_total"] == 0
    assert found["spool_dropped_total"] == 0
    assert found["process_resident_memory_bytes"] > 10_000_000


def test_a_spool_that_cannot_be_written_is_degraded_and_requests_are_answered(
    http: httpx.Client, tmp_path: Path
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no directory")
    env = {"RECORDING": "on", "PREFECT_API_URL": _NOWHERE, "SPOOL_DIR": str(blocked / "spool")}
    server = ServerProcess({"PROXY_BACKEND": "DEMO", **env}).start()
    try:
        assert post(http, server.url, body()).status_code == 200

        found = detailed(http, Gateway(server))
        assert (found["status"], found["recorder"]["phase"]) == ("degraded", "off")
        assert found["recorder"]["problem"].startswith(f"SPOOL_DIR cannot be used, {blocked}")
        answer = http.get(f"{server.url}/runs/{RUN_ID}")
        message = assert_error(answer, 404, "not_found_error", "recording is off: SPOOL_DIR cannot be used")
        assert str(blocked) not in message
    finally:
        server.stop()


def test_an_open_stream_is_an_open_run(http: httpx.Client, unreached: Gateway) -> None:
    slow = body(stream=True, messages=[{"role": "user", "content": "demo:text a\ndemo:slow 5\ndemo:text b"}])
    with httpx.stream("POST", f"{unreached.url}/v1/messages", json=slow, timeout=10) as response:
        next(response.iter_bytes())
        assert figures(http, unreached)["open_runs"] == 1

    deadline = time.monotonic() + 5
    while figures(http, unreached)["open_runs"]:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_run_that_prefect_cannot_be_asked_for_is_a_404_that_says_so_at_once(
    http: httpx.Client, unreached: Gateway
) -> None:
    wait_for_phase(http, unreached, "waiting_for_prefect")

    answer = http.get(f"{unreached.url}/runs/{RUN_ID}")

    assert_error(answer, 404, "not_found_error", "the recorder waits for Prefect")
    assert answer.elapsed.total_seconds() < 1


def test_a_session_that_prefect_cannot_be_asked_for_is_a_502_without_its_address(
    http: httpx.Client, unreached: Gateway
) -> None:
    wait_for_phase(http, unreached, "waiting_for_prefect")

    message = assert_error(http.get(f"{unreached.url}/runs?session=s"), 502, "api_error", "cannot be reached")

    assert "127.0.0.1" not in message


@pytest.mark.parametrize("name", ["req_", "0123", "req_" + "a" * 65, "req_a-", "req_a-1-x", "req_a%0Ab", "req_a b"])
def test_what_is_no_request_id_is_a_404_and_nobody_is_asked(http: httpx.Client, unreached: Gateway, name: str) -> None:
    assert_error(http.get(f"{unreached.url}/runs/{name}"), 404, "not_found_error", "not a request id")


def test_a_session_has_to_be_named(http: httpx.Client, demo: Gateway) -> None:
    assert_error(http.get(f"{demo.url}/runs"), 400, "invalid_request_error", "session: ")


@pytest.mark.parametrize("path", OPERATORS)
def test_operators_need_a_key_where_keys_are_configured(http: httpx.Client, gateways: Gateways, path: str) -> None:
    locked = gateways.demo(**LOCKED)

    assert_error(http.get(locked.url + path), 401, "authentication_error")
    right = http.get(locked.url + path, headers={"authorization": "Bearer first-key"})
    assert right.status_code == (404 if "runs" in path else 200)


def test_a_run_address_needs_no_key(http: httpx.Client, gateways: Gateways) -> None:
    locked = gateways.demo(**LOCKED)

    assert_error(http.get(f"{locked.url}/runs/{RUN_ID}"), 404, "not_found_error", "RECORDING=off")


@pytest.mark.parametrize("path", OPERATORS)
def test_foreign_web_pages_learn_nothing(http: httpx.Client, demo: Gateway, path: str) -> None:
    response = http.get(demo.url + path, headers={"origin": "https://evil.example"})

    assert_error(response, 403, "permission_error")


@pytest.mark.parametrize("path", ["/health/detailed", "/metrics", "/runs?session=s", f"/runs/{RUN_ID}"])
def test_every_answer_has_a_request_id_and_other_methods_are_refused(
    http: httpx.Client, demo: Gateway, path: str
) -> None:
    assert http.get(demo.url + path).headers["request-id"].startswith("req_")
    assert_error(http.post(demo.url + path), 405, "invalid_request_error", "GET")


def test_the_description_names_the_endpoints_and_their_parameters(http: httpx.Client, demo: Gateway) -> None:
    paths = http.get(f"{demo.url}/openapi.json").json()["paths"]

    assert {"/health/detailed", "/metrics", "/runs", "/runs/{request_id}"} <= set(paths)
    assert "307" in paths["/runs/{request_id}"]["get"]["responses"]
    assert [one["name"] for one in paths["/runs"]["get"]["parameters"]] == ["session"]
    assert [one["name"] for one in paths["/v1/models/{model_id}"]["get"]["parameters"]] == ["model_id"]


def test_an_unknown_path_lists_them(http: httpx.Client, demo: Gateway) -> None:
    assert_error(http.get(f"{demo.url}/nothing"), 404, "not_found_error", "GET /runs/{request id}", "GET /metrics")
