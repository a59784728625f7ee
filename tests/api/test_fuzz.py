"""Whatever is sent, the server answers without a 500 and in the envelope."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.core.result import Ok

from tests.api.calls import body, user
from tests.api.strange_values import FUZZ, paths, replaced
from tests.gateway_fixtures import MODELS, Line
from tests.server_process import Gateway, Gateways

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "text", "content", "source", "name", "id", "x"]), inner, max_size=3)
    ),
    max_leaves=6,
)
RICH: dict[str, Any] = body(
    system=[{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}],
    tools=[{"name": "Bash", "input_schema": {"type": "object", "properties": {"a": {"type": "string"}}}}],
    tool_choice={"type": "auto"},
    thinking={"type": "enabled", "budget_tokens": 1024},
    output_config={"effort": "low"},
    metadata={"user_id": "u"},
    stop_sequences=["x"],
    messages=[
        *user({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}),
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "t", "signature": "s"},
                {"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {"a": "b"}},
            ],
        },
        *user({"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": "r"}]}),
        {"role": "system", "content": "more"},
    ],
)


@FUZZ
@given(path=st.sampled_from(paths(RICH)), value=VALUES)
@pytest.mark.parametrize("endpoint", ["/v1/messages", "/v1/messages/count_tokens"])
@pytest.mark.parametrize("model", MODELS.values())
def test_a_request_with_one_strange_value_never_ends_in_a_500(
    gateways: Gateways, http: httpx.Client, endpoint: str, model: str, path: tuple[str | int, ...], value: object
) -> None:
    url = gateways.openrouter().url
    request = replaced(RICH | {"model": model}, path, value)

    response = http.post(url + endpoint, json=request, headers={"anthropic-version": "2023-06-01"})

    assert response.status_code < 500, (path, value, response.text)
    assert response.headers["request-id"]
    if response.status_code >= 400:
        assert response.json()["type"] == "error"


@FUZZ
@given(content=st.binary(max_size=200))
def test_any_bytes_are_answered(http: httpx.Client, demo: Gateway, content: bytes) -> None:
    response = http.post(f"{demo.url}/v1/messages", content=content, headers={"content-type": "application/json"})

    assert response.status_code == 400
    assert response.json()["error"]["type"] == "invalid_request_error"


def test_no_request_made_from_the_description_ends_in_a_500(demo: Gateway) -> None:
    # An operation at a time: the decorators of schemathesis do not know this pytest.
    for operation in described_operations(demo.url):

        @settings(FUZZ, max_examples=10, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy())
        def check(case: Any) -> None:
            response = case.call(timeout=10.0)

            assert response.status_code < 500, response.text
            assert "request-id" in response.headers

        check()


def described_operations(url: str) -> list[Any]:
    """Every operation of the server's own description."""
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
    return [result.ok() for result in schema.get_all_operations() if isinstance(result, Ok)]


def test_the_description_names_every_endpoint_of_the_messages_api(http: httpx.Client, demo: Gateway) -> None:
    described = http.get(f"{demo.url}/openapi.json").json()["paths"]

    assert {"/v1/messages", "/v1/messages/count_tokens", "/v1/models"} <= set(described)


def test_a_streamed_request_with_strange_values_is_answered(http: httpx.Client, line: Line) -> None:
    changes: list[Callable[[], dict[str, Any]]] = [
        lambda: RICH | {"stop_sequences": ["", " "] * 20},
        lambda: RICH | {"tools": [{"type": "computer_toolset_20260801", "configs": {}}]},
        lambda: RICH | {"tools": []},
        lambda: RICH | {"system": []},
        lambda: RICH | {"metadata": {"user_id": "x" * 10_000}},
    ]
    for change in changes:
        request = change() | {"model": line.model, "stream": True}

        response = http.post(f"{line.url}/v1/messages", json=request)

        assert response.status_code in (200, 400), response.text
