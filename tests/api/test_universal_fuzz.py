"""Whatever is sent to the universal endpoint, it answers without a 500, and refuses in the envelope."""

from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.api.strange_values import FUZZ, paths, replaced
from tests.server_process import Gateway

PNG = "data:image/png;base64,iVBORw0KGgo="
VALUES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.lists(st.integers() | st.text(max_size=3), max_size=2)
    | st.dictionaries(st.sampled_from(["type", "text", "name", "id", "url", "parts"]), st.text(max_size=3), max_size=2)
)
RICH: dict[str, dict[str, Any]] = {
    "openai_chat": {
        "model": "demo",
        "max_tokens": 50,
        "messages": [
            {"role": "system", "content": "s"},
            {
                "role": "user",
                "content": [{"type": "text", "text": "t"}, {"type": "image_url", "image_url": {"url": PNG}}],
            },
            {
                "role": "assistant",
                "content": "a",
                "reasoning_details": [{"type": "reasoning.text", "text": "r", "signature": "s", "index": 0}],
                "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
            },
            {"role": "tool", "tool_call_id": "c1", "content": [{"type": "text", "text": "r"}]},
        ],
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}, "strict": True}}],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}},
        "stop": ["x"],
        "reasoning_effort": "low",
        "stream_options": {"include_usage": True},
        "stream": False,
        "provider": "demo",
        "fallback": ["demo:other"],
    },
    "google_gemini": {
        "model": "demo",
        "systemInstruction": {"parts": [{"text": "s"}]},
        "contents": [
            {
                "role": "user",
                "parts": [{"text": "t"}, {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}}],
            },
            {
                "role": "model",
                "parts": [
                    {"text": "h", "thought": True, "thoughtSignature": "AAAA"},
                    {"functionCall": {"name": "f", "args": {"a": 1}}},
                ],
            },
            {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"output": "r"}}}]},
        ],
        "tools": [{"functionDeclarations": [{"name": "f", "parameters": {"type": "OBJECT", "properties": {}}}]}],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
        "generationConfig": {
            "maxOutputTokens": 50,
            "temperature": 0.5,
            "topK": 4.0,
            "stopSequences": ["x"],
            "thinkingConfig": {"thinkingBudget": 0},
            "responseMimeType": "application/json",
            "responseSchema": {"type": "OBJECT", "nullable": True, "anyOf": [{"type": "STRING"}], "enum": ["x"]},
        },
        "stream": False,
    },
}
CHANGES = [(form, path) for form, request in RICH.items() for path in paths(request)]


@FUZZ
@given(change=st.sampled_from(CHANGES), value=VALUES)
def test_a_request_with_one_strange_value_never_ends_in_a_500(
    http: httpx.Client, demo: Gateway, change: tuple[str, tuple[str | int, ...]], value: object
) -> None:
    form, path = change
    response = http.post(f"{demo.url}/v1/universal/stream", json=replaced(RICH[form], path, value))

    assert response.status_code < 500, (path, value, response.text)
    if response.status_code >= 400:
        assert response.json()["type"] == "error"


@pytest.mark.parametrize("form", RICH)
def test_the_requests_that_are_changed_are_answered(http: httpx.Client, demo: Gateway, form: str) -> None:
    response = http.post(f"{demo.url}/v1/universal/stream", json=RICH[form])

    assert response.status_code == 200, response.text
