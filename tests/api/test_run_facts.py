"""What a run knows of its request, over both wires, streamed and not: with recording off, the log has it."""

import time
from typing import Any

import httpx
import orjson
import pytest

from tests.api.calls import VERSION, body, post
from tests.gateway_fixtures import Line
from tests.server_process import Gateway
from tests.upstreams.answers import Answer, ApiError, Text, Tokens

TOKENS = Tokens(input=100, output=40, cache_read=30, cache_write=20, reasoning=5, cost=0.25)


def run_of(gateway: Gateway, response: httpx.Response) -> dict[str, Any]:
    """The log line of the run of a request; the log is written every 50 ms."""
    request_id = response.headers["request-id"]
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        lines = [line for line in gateway.server.log().splitlines() if '"run_ended"' in line and request_id in line]
        if lines:
            (line,) = lines
            found: dict[str, Any] = orjson.loads(line)
            return found
        time.sleep(0.02)
    raise TimeoutError(f"no run {request_id} in the log")


@pytest.mark.parametrize("stream", [False, True])
def test_tokens_cost_models_and_wire_are_facts(http: httpx.Client, line: Line, stream: bool) -> None:
    line.upstream.reply(Answer(tokens=TOKENS, model=f"{line.model}-20990101", pause_within=0.02))

    run = run_of(line.gateway, post(http, line.url, body(line.model, stream=stream)))

    facts = run["facts"]
    expected = {
        "model_requested": line.model,
        "model": line.model,
        "model_used": f"{line.model}-20990101",
        "backend": "openrouter",
        "wire": line.wire,
        "stream": stream,
        "stop_reason": "end_turn",
        "input_tokens": 100,
        "output_tokens": 40,
        "cache_read_input_tokens": 30,
        "cache_creation_input_tokens": 20,
        "cost": 0.25,
    }
    assert {name: facts.get(name) for name in expected} == expected
    assert {f"stream:{str(stream).lower()}", f"wire:{line.wire}"} <= set(run["tags"])


def test_thinking_tokens_are_a_fact_on_the_chat_wire(http: httpx.Client, chat_line: Line) -> None:
    chat_line.upstream.reply(Answer(tokens=TOKENS))

    run = run_of(chat_line.gateway, post(http, chat_line.url, body(chat_line.model)))

    assert run["facts"]["thinking_tokens"] == 5


def test_a_stream_knows_when_headers_and_first_content_came(http: httpx.Client, line: Line) -> None:
    line.upstream.reply(Answer((Text("slow"),), pause_before_content=0.2, pause_before_end=0.2))

    run = run_of(line.gateway, post(http, line.url, body(line.model, stream=True)))

    facts = run["facts"]
    assert 0 < facts["headers_ms"] < 150 < facts["first_token_ms"] < run["duration_ms"] - 150


def test_a_whole_answer_has_no_first_token(http: httpx.Client, line: Line) -> None:
    run = run_of(line.gateway, post(http, line.url, body(line.model)))

    assert {"first_token_ms", "headers_ms"}.isdisjoint(run["facts"])


@pytest.mark.parametrize("stream", [False, True])
def test_a_failure_before_the_answer_tells_the_status_that_was_answered(
    http: httpx.Client, line: Line, stream: bool
) -> None:
    line.upstream.reply(ApiError(429, type="rate_limit_error"))

    response = post(http, line.url, body(line.model, stream=stream))

    run = run_of(line.gateway, response)
    assert (response.status_code, run["state"]) == (429, "Failed")
    assert run["facts"]["error_status"] == 429
    assert run["facts"]["error_type"] == "rate_limit_error"
    assert "input_tokens" not in run["facts"]


def test_a_stream_that_breaks_off_tells_its_error_and_what_came_before(http: httpx.Client, line: Line) -> None:
    line.upstream.reply(Answer(ending="cut", model="vendor/told"))

    response = post(http, line.url, body(line.model, stream=True))

    run = run_of(line.gateway, response)
    facts = run["facts"]
    assert (response.status_code, run["state"]) == (200, "Failed")
    assert (facts["error_status"], facts["error_type"]) == (502, "api_error")
    assert facts["first_token_ms"] > 0
    assert facts["model_used"] == "vendor/told"


def test_an_invalid_request_is_a_failed_run_with_its_status(http: httpx.Client, line: Line) -> None:
    run = run_of(line.gateway, post(http, line.url, body(line.model, max_tokens="many")))

    assert run["facts"]["error_status"] == 400


def test_tags_name_client_session_and_class_on_one_line(http: httpx.Client, demo: Gateway) -> None:
    headers = {
        "user-agent": "claude-cli/2.1.329 (external, cli)",
        "x-claude-code-session-id": "s" * 100,
        "x-claude-code-request-class": "main\tloop",
    }

    response = http.post(f"{demo.url}/v1/messages", json=body(), headers=VERSION | headers)

    tags = set(run_of(demo, response)["tags"])
    assert {"client:claude-cli/2.1.329", "session:" + "s" * 100, "class:main loop"} <= tags


def test_a_strange_model_name_is_a_harmless_tag(http: httpx.Client, demo: Gateway) -> None:
    run = run_of(demo, post(http, demo.url, body("a\x00b\n" + "x" * 240)))

    assert run["facts"]["model_requested"] == "a b " + "x" * 196
    assert [len(tag) for tag in run["tags"] if tag.startswith("model:")] == [206]


def test_neither_prompt_nor_answer_is_in_the_record(http: httpx.Client, line: Line) -> None:
    line.upstream.reply(Answer((Text("canary-of-the-answer"),)))

    response = post(http, line.url, body(line.model, messages=[{"role": "user", "content": "canary-of-the-prompt"}]))

    assert "canary" not in str(run_of(line.gateway, response))
