"""What a request may look like: API versions, beta paths, tolerated extras, and what the upstream then gets."""

from typing import Any

import httpx
import pytest

from tests.api.calls import VERSION, assert_error, body, post, user
from tests.gateway_fixtures import TUNED, Line, open_line
from tests.server_process import Gateway, Gateways

NEW = {"anthropic-version": "2026-10-21"}
OLD = {"anthropic-version": "2023-06-01"}
CITED = {"type": "text", "text": "x", "citations": [{"type": "char_location", "cited_text": "x"}]}
DOCUMENT = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "x"}}


@pytest.mark.parametrize("field", ["temperature", "top_p", "top_k"])
@pytest.mark.parametrize("path", ["/v1/messages", "/v1/messages/count_tokens"])
def test_the_new_version_rejects_sampling_parameters(http: httpx.Client, demo: Gateway, path: str, field: str) -> None:
    new = http.post(demo.url + path, json=body() | {field: 1}, headers=NEW)
    old = http.post(demo.url + path, json=body() | {field: 1}, headers=OLD)

    assert_error(new, 400, "invalid_request_error", f"{field}: Extra inputs are not permitted")
    assert old.status_code == 200


@pytest.mark.parametrize(
    "messages",
    [
        [
            {"role": "user", "content": "a"},
            {"role": "assistant", "content": [DOCUMENT]},
            *user(CITED | {"citations": None}),
        ],
        user(CITED),
    ],
    ids=["document-of-the-assistant", "citations-of-the-user"],
)
def test_the_new_version_rejects_two_old_shapes(
    http: httpx.Client, demo: Gateway, messages: list[dict[str, Any]]
) -> None:
    new = http.post(f"{demo.url}/v1/messages", json=body(messages=messages), headers=NEW)
    old = http.post(f"{demo.url}/v1/messages", json=body(messages=messages), headers=OLD)

    assert_error(new, 400, "invalid_request_error", "messages.")
    assert old.status_code == 200


@pytest.mark.parametrize("query", ["", "?beta=true"])
@pytest.mark.parametrize("version", ["2023-06-01", "2026-10-21"])
def test_both_versions_and_the_beta_path_answer(http: httpx.Client, line: Line, version: str, query: str) -> None:
    response = http.post(
        f"{line.url}/v1/messages{query}", json=body(line.model), headers={"anthropic-version": version}
    )

    assert response.status_code == 200
    assert response.json()["content"][0]["text"] == "Hello from the fake upstream."


def test_unknown_fields_and_betas_are_tolerated(http: httpx.Client, line: Line) -> None:
    request = body(
        line.model,
        context_management={"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
        thinking={"type": "adaptive", "display": "omitted"},
        output_config={"effort": "high"},
    )
    request["messages"][0]["output_config"] = {"effort": "low"}

    response = post(http, line.url, request, anthropic_beta="claude-code-20250219,tomorrow-2030-01-01")

    assert response.status_code == 200


def test_system_messages_are_taken_anywhere(http: httpx.Client, line: Line) -> None:
    messages = [
        {"role": "user", "content": "first"},
        {"role": "system", "content": [{"type": "text", "text": "the environment"}]},
        {"role": "assistant", "content": "ok"},
        {"role": "system", "content": []},
        {"role": "user", "content": "second"},
        {"role": "system", "content": "at the end"},
    ]

    response = post(http, line.url, body(line.model, messages=messages))

    assert response.status_code == 200
    sent = str(line.upstream.last.body["messages"])
    assert "the environment" in sent
    assert "at the end" in sent


def test_zero_max_tokens_fills_the_cache_on_the_messages_wire(http: httpx.Client, messages_line: Line) -> None:
    response = post(http, messages_line.url, body(messages_line.model, max_tokens=0))

    assert response.status_code == 200
    assert messages_line.upstream.last.body["max_tokens"] == 0


def test_zero_max_tokens_is_refused_by_name_on_the_chat_wire(http: httpx.Client, chat_line: Line) -> None:
    response = post(http, chat_line.url, body(chat_line.model, max_tokens=0))

    assert_error(response, 400, "invalid_request_error", "max_tokens")


def test_the_messages_wire_sends_the_client_bytes(http: httpx.Client, messages_line: Line) -> None:
    request = body(messages_line.model, system=[{"type": "text", "text": "é", "cache_control": {"type": "ephemeral"}}])

    post(http, messages_line.url, request | {"unheard_of": {"x": [1.0, None]}})

    sent = messages_line.upstream.last
    assert sent.body["system"] == request["system"]
    assert sent.body["unheard_of"] == {"x": [1.0, None]}
    assert sent.headers["anthropic-version"] == "2023-06-01"
    assert sent.path == "/api/v1/messages"


def test_the_chat_wire_gets_converted_requests(http: httpx.Client, chat_line: Line) -> None:
    tool = {"name": "Bash", "description": "runs", "input_schema": {"type": "object", "properties": {}}}
    request = body(chat_line.model, system="be brief", tools=[tool], tool_choice={"type": "any"})

    post(http, chat_line.url, request)

    sent = chat_line.upstream.last
    assert sent.path == "/api/v1/chat/completions"
    assert sent.body["messages"][0]["role"] == "system"
    assert sent.body["tools"][0]["function"]["name"] == "Bash"
    assert sent.body["tool_choice"] == "required"


def test_betas_travel_on_the_messages_wire(http: httpx.Client, messages_line: Line) -> None:
    post(http, messages_line.url, body(messages_line.model), anthropic_beta="interleaved-thinking-2025-05-14")

    assert "interleaved-thinking-2025-05-14" in messages_line.upstream.last.betas


def test_an_anthropic_upstream_gets_names_unchanged(http: httpx.Client, anthropic_line: Line) -> None:
    response = post(http, anthropic_line.url, body("claude-sonnet-4-5-20250929"))

    assert response.status_code == 200
    assert anthropic_line.upstream.last.model == "claude-sonnet-4-5-20250929"
    assert anthropic_line.upstream.last.path == "/v1/messages"


@pytest.mark.parametrize(
    ("name", "sent", "path"),
    [
        ("big", "anthropic/claude-sonnet-4", "/api/v1/messages"),
        ("small", "anthropic/claude-3.7-sonnet", "/api/v1/messages"),
        ("claude-sonnet-4-5-20250929", "anthropic/claude-sonnet-4.5", "/api/v1/messages"),
        ("claude-opus-5-5", "anthropic/claude-opus-5.5", "/api/v1/messages"),
        ("claude-opus-5-5[1m]", "anthropic/claude-opus-5.5", "/api/v1/messages"),
        ("openrouter/openai/gpt-5", "openai/gpt-5", "/api/v1/chat/completions"),
        ("openrouter/anthropic/claude-opus-5", "anthropic/claude-opus-5", "/api/v1/messages"),
        ("claude-via-openai--gpt-5", "openai/gpt-5", "/api/v1/chat/completions"),
        ("google/gemini-2.5-pro:nitro", "google/gemini-2.5-pro:nitro", "/api/v1/chat/completions"),
        ("my-fast-model", "qwen/qwen3-coder", "/api/v1/chat/completions"),
    ],
)
def test_names_lead_to_models_and_wires(
    http: httpx.Client, gateways: Gateways, name: str, sent: str, path: str
) -> None:
    line = open_line(gateways, "messages", **TUNED)

    response = post(http, line.url, body(name))

    assert response.status_code == 200
    assert line.upstream.last.model == sent
    assert line.upstream.last.path == path


@pytest.mark.parametrize(("wire", "path"), [("chat", "/api/v1/chat/completions"), ("messages", "/api/v1/messages")])
def test_the_wire_can_be_set(http: httpx.Client, gateways: Gateways, wire: str, path: str) -> None:
    line = open_line(gateways, "messages", OPENROUTER_WIRE=wire)

    for model in ("anthropic/claude-sonnet-4.5", "openai/gpt-5"):
        assert post(http, line.url, body(model)).status_code == 200
        assert line.upstream.last.path == path


def test_the_app_is_named_to_openrouter(http: httpx.Client, gateways: Gateways) -> None:
    line = open_line(gateways, "chat", **TUNED)

    post(http, line.url, body(line.model))

    assert line.upstream.last.headers["http-referer"] == "https://app.example"
    assert "My App" in (line.upstream.last.headers.get("x-openrouter-title"), line.upstream.last.headers.get("x-title"))


def test_a_claude_code_request_of_150_kb_passes(http: httpx.Client, line: Line) -> None:
    tools = [
        {
            "name": f"Tool{number}",
            "description": "d" * 4000,
            "input_schema": {
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                "type": "object",
                "properties": {"count": {"type": "integer", "exclusiveMinimum": 0, "maximum": 9007199254740991}},
                "additionalProperties": False,
            },
        }
        for number in range(30)
    ]
    billing = {"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1.329.136; cc_entrypoint=sdk-cli;"}
    request = body(line.model, tools=tools, system=[billing, {"type": "text", "text": "s" * 30_000}])

    assert post(http, line.url, request).status_code == 200
    sent = line.upstream.last
    assert len(sent.body["tools"]) == 30
    assert ("x-anthropic-billing-header" in sent.raw.decode()) == (line.wire == "messages")


def test_the_default_version_is_the_lenient_one(http: httpx.Client, demo: Gateway) -> None:
    headers = {"x-api-key": VERSION["x-api-key"]}

    assert http.post(f"{demo.url}/v1/messages", json=body(temperature=0.5), headers=headers).status_code == 200
