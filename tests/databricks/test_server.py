"""A server in front of Databricks: errors in Anthropic's form, tokens, models, names, and what stops its start."""

import time
from typing import Any

import httpx
import pytest

from tests.databricks.workspaces import PERSONAL, PRINCIPAL, Workspace, running
from tests.server_process import run_command
from tests.upstreams.answers import Answer, ApiError, Ending, Failure, Text
from tests.upstreams.databricks import CLIENT_SECRET, PERSONAL_TOKEN

HEADERS = {"x-api-key": "test-key", "anthropic-version": "2023-06-01"}


def ask(workspace: Workspace, *, stream: bool = False, model: str = "big", **more: Any) -> httpx.Response:
    """One plain request."""
    body = {"model": model, "max_tokens": 64, "messages": [{"role": "user", "content": "hi"}], "stream": stream}
    return httpx.post(f"{workspace.url}/v1/messages", json=body | more, headers=HEADERS, timeout=20.0)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(
    ("reply", "status", "kind", "text"),
    [
        (ApiError(400, "messages.1.name: Extra inputs"), 400, "invalid_request_error", "messages.1.name: Extra inputs"),
        (
            ApiError(400, "prompt is too long: 250000 tokens > 200000 maximum"),
            400,
            "invalid_request_error",
            "prompt is too long: 250000 tokens > 200000 maximum",
        ),
        (ApiError(404, "Endpoint does not exist."), 404, "not_found_error", "Endpoint does not exist."),
        (ApiError(403, "User may not query it"), 403, "permission_error", "User may not query it"),
        (ApiError(500, "Server error"), 500, "api_error", "Server error"),
        (ApiError(503, "No capacity"), 529, "overloaded_error", "No capacity"),
        (
            ApiError(429, "Exceeded tokens per minute", headers={"retry-after": "17"}),
            429,
            "rate_limit_error",
            "Exceeded tokens per minute",
        ),
    ],
)
def test_errors_are_unwrapped(
    endpoints: Workspace, reply: ApiError, status: int, kind: str, text: str, stream: bool
) -> None:
    endpoints.upstream.reply(reply)

    answer = ask(endpoints, stream=stream)

    assert answer.status_code == status
    assert answer.json()["error"] == {"type": kind, "message": text}
    if status == 429:
        assert answer.headers["retry-after"] == "17"


def test_a_failure_inside_a_stream_is_an_error_event(chat: Workspace) -> None:
    chat.upstream.reply(Answer((Text("half"),), ending="error", failure=Failure(message="Worker died")))

    answer = ask(chat, stream=True)

    assert answer.status_code == 200
    assert '"type":"api_error","message":"Worker died"' in answer.text


def test_a_client_that_leaves_stops_databricks(endpoints: Workspace) -> None:
    endpoints.upstream.reply(Answer((Text("one two three"),), ending="hold"))
    body = {"model": "big", "max_tokens": 64, "messages": [{"role": "user", "content": "hi"}], "stream": True}

    with httpx.stream("POST", f"{endpoints.url}/v1/messages", json=body, headers=HEADERS, timeout=20.0) as answer:
        next(piece for piece in answer.iter_text() if "one" in piece)

    assert endpoints.upstream.last.wait_until_gone(5.0)


@pytest.mark.parametrize("ending", ["cut", "end"])
def test_a_stream_that_breaks_off_ends_with_an_error(endpoints: Workspace, ending: Ending) -> None:
    endpoints.upstream.reply(Answer((Text("half"),), ending=ending))

    assert "event: error" in ask(endpoints, stream=True).text


def test_a_token_that_ends_is_replaced_without_the_client_noticing() -> None:
    with running("serving-endpoints", "messages", **PRINCIPAL) as workspace:
        workspace.upstream.lifetime_seconds = 1
        first = [ask(workspace).status_code for _ in range(2)]
        time.sleep(1.1)
        workspace.upstream.revoke()
        workspace.upstream.lifetime_seconds = 3600
        later = [ask(workspace, stream=stream).status_code for stream in (False, True)]

        assert first + later == [200] * 4
        assert workspace.upstream.last.headers["authorization"] == f"Bearer {workspace.upstream.tokens[-1]}"
        assert len(workspace.upstream.tokens) in {2, 3}  # the first one may be renewed early


def test_the_workspaces_own_chat_models_are_listed(chat: Workspace) -> None:
    listed = httpx.get(f"{chat.url}/v1/models?limit=1000", headers=HEADERS, timeout=20.0).json()["data"]

    ids = [model["id"] for model in listed]
    assert {"databricks-claude-sonnet-4-5", "databricks-gpt-oss-120b"} <= set(ids)
    assert not {"databricks-gte-large-en", "our-forecast", "our-chat"} & set(ids)
    assert "claude-via-databricks-gpt-oss-120b" in ids
    sonnet = next(model for model in listed if model["id"] == "databricks-claude-sonnet-4-5")
    assert (sonnet["display_name"], sonnet["max_tokens"]) == ("Claude Sonnet 4.5", 64_000)


def test_an_alias_of_a_listed_model_leads_to_it(chat: Workspace) -> None:
    assert ask(chat, model="claude-via-databricks-gpt-oss-120b").status_code == 200
    assert chat.upstream.last.model == "databricks-gpt-oss-120b"


@pytest.mark.parametrize(
    "name", ["databricks:claude-sonnet-4-5", "databricks/claude-sonnet-4-5", "databricks-claude-sonnet-4-5", "big"]
)
def test_names_lead_to_the_same_model(messages: Workspace, name: str) -> None:
    answer = ask(messages, model=name)

    assert answer.headers["x-model"] == "databricks-claude-sonnet-4-5"
    assert answer.headers["x-backend"] == "databricks"
    assert messages.upstream.last.model == "databricks-claude-sonnet-4-5"


def test_databricks_stands_beside_another_backend() -> None:
    with running("ai-gateway", "messages", PROXY_BACKEND="DEMO", **PERSONAL) as both:
        names = ("databricks:claude-opus-5-5", "databricks/claude-sonnet-4-5", "system.ai.gpt-oss-120b")
        backends = [ask(both, model=name).headers["x-backend"] for name in (*names, "claude-opus-5-5")]

        assert backends == ["databricks", "databricks", "databricks", "demo"]
        models = [call.model for call in both.upstream.calls]
        assert models == ["system.ai.claude-opus-5-5", "system.ai.claude-sonnet-4-5", "system.ai.gpt-oss-120b"]


def test_a_wrong_secret_is_a_clear_error_that_never_shows_it() -> None:
    wrong = PRINCIPAL | {"DATABRICKS_CLIENT_SECRET": "dose-not-the-right-secret"}

    with running("serving-endpoints", "messages", **wrong) as workspace:
        answer = ask(workspace)

        assert answer.status_code == 401
        assert answer.json()["error"]["type"] == "authentication_error"
        assert "DATABRICKS_CLIENT_SECRET" in answer.json()["error"]["message"]
        assert "dose-not-the-right-secret" not in answer.text + workspace.server.log()


def test_secrets_are_not_logged(endpoints: Workspace) -> None:
    ask(endpoints)

    log = endpoints.server.log()
    assert CLIENT_SECRET not in log
    assert PERSONAL_TOKEN not in log
    assert not any(token in log for token in endpoints.upstream.tokens)


@pytest.mark.parametrize(
    ("env", "name"),
    [
        ({}, "DATABRICKS_HOST"),
        ({"DATABRICKS_HOST": "adb-1.2.azuredatabricks.net"}, "DATABRICKS_TOKEN"),
        ({"DATABRICKS_HOST": "adb-1.2.azuredatabricks.net", "DATABRICKS_CLIENT_ID": "x"}, "DATABRICKS_CLIENT_SECRET"),
    ],
)
def test_what_is_missing_stops_the_start_by_name(env: dict[str, str], name: str) -> None:
    stopped = run_command(["serve"], {"PROXY_BACKEND": "AZURE_DATABRICKS", **env})

    assert stopped.returncode != 0
    assert f"{name}: must be set when PROXY_BACKEND is AZURE_DATABRICKS" in stopped.stdout + stopped.stderr
