"""Which requests are taken and which refused, and how a refusal names the field."""

from typing import Any

import pytest

from openrouter_anthropic_server.conversion.validation import validate_count_tokens_request, validate_messages_request
from openrouter_anthropic_server.errors import InvalidRequestError

JSON = dict[str, Any]
PIXEL = {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}
PDF = {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}
TEXT = {"type": "text", "text": "hi"}
STRING = "Input should be a valid string"
OBJECT = "Input should be a valid dictionary"
LIST = "Input should be a valid list"
INTEGER = "Input should be a valid integer"
NUMBER = "Input should be a valid number"
BOOLEAN = "Input should be a valid boolean"
TEXT_OR_BLOCKS = "Input should be a string or a list of content blocks"
REQUIRED = "Field required"
TOO_SHORT = "String should have at least 1 character"
BASE64 = "Input should be valid, non-empty base64 data"


def request(**changes: Any) -> JSON:
    return {"model": "m", "max_tokens": 100, "messages": [{"role": "user", "content": "hi"}]} | changes


def block(value: object, role: str = "user") -> JSON:
    return request(messages=[{"role": role, "content": [TEXT, value]}])


def image(**changes: Any) -> JSON:
    return block({"type": "image", "source": PIXEL | changes})


def accept(body: JSON) -> None:
    assert validate_messages_request(body, api_version="2023-06-01") is body


def refusal(body: JSON, api_version: str = "2023-06-01") -> str:
    with pytest.raises(InvalidRequestError) as caught:
        validate_messages_request(body, api_version=api_version)
    return caught.value.message


WRONG_FIELDS = [
    ({"model": ""}, f"model: {TOO_SHORT}"),
    ({"model": 3}, f"model: {STRING}"),
    ({"model": None}, f"model: {STRING}"),
    ({"max_tokens": -1}, "max_tokens: Input should be greater than or equal to 0"),
    ({"max_tokens": 1.0}, f"max_tokens: {INTEGER}"),
    ({"max_tokens": 1.8446744073709552e19}, f"max_tokens: {INTEGER}"),
    ({"max_tokens": True}, f"max_tokens: {INTEGER}"),
    ({"max_tokens": "1"}, f"max_tokens: {INTEGER}"),
    ({"max_tokens": None}, f"max_tokens: {INTEGER}"),
    ({"messages": []}, "messages: at least one message is required"),
    ({"messages": {}}, f"messages: {LIST}"),
    ({"messages": ["hi"]}, f"messages.0: {OBJECT}"),
    ({"messages": [{"content": "hi"}]}, f"messages.0.role: {REQUIRED}"),
    ({"messages": [{"role": "user"}]}, f"messages.0.content: {REQUIRED}"),
    ({"messages": [{"role": "user", "content": None}]}, f"messages.0.content: {TEXT_OR_BLOCKS}"),
    ({"messages": [{"role": "user", "content": TEXT}]}, f"messages.0.content: {TEXT_OR_BLOCKS}"),
    ({"system": None}, f"system: {TEXT_OR_BLOCKS}"),
    ({"system": TEXT}, f"system: {TEXT_OR_BLOCKS}"),
    ({"system": [{"type": "text"}]}, f"system.0.text: {REQUIRED}"),
    ({"stream": 1}, f"stream: {BOOLEAN}"),
    ({"stream": "true"}, f"stream: {BOOLEAN}"),
    ({"stop_sequences": "stop"}, f"stop_sequences: {LIST}"),
    ({"stop_sequences": ["a", 1]}, f"stop_sequences.1: {STRING}"),
    ({"metadata": "me"}, f"metadata: {OBJECT}"),
    ({"metadata": {"user_id": 3}}, f"metadata.user_id: {STRING}"),
    ({"temperature": 1.1}, "temperature: Input should be less than or equal to 1"),
    ({"temperature": -0.1}, "temperature: Input should be greater than or equal to 0"),
    ({"temperature": True}, f"temperature: {NUMBER}"),
    ({"temperature": "1"}, f"temperature: {NUMBER}"),
    ({"top_p": 2}, "top_p: Input should be less than or equal to 1"),
    ({"top_k": -1}, "top_k: Input should be greater than or equal to 0"),
    ({"top_k": 0.5}, f"top_k: {INTEGER}"),
    ({"tools": {}}, f"tools: {LIST}"),
    ({"tools": ["Bash"]}, f"tools.0: {OBJECT}"),
    ({"tools": [{"name": "a"}]}, f"tools.0.input_schema: {REQUIRED}"),
    ({"tools": [{"input_schema": {}}]}, f"tools.0.name: {REQUIRED}"),
    ({"tools": [{"type": "custom", "name": "", "input_schema": {}}]}, f"tools.0.name: {TOO_SHORT}"),
    ({"tools": [{"type": None, "name": "a", "input_schema": []}]}, f"tools.0.input_schema: {OBJECT}"),
    ({"tools": [{"type": 5}]}, f"tools.0.type: {STRING}"),
    ({"tool_choice": "auto"}, f"tool_choice: {OBJECT}"),
    ({"tool_choice": {}}, f"tool_choice.type: {REQUIRED}"),
    ({"tool_choice": {"type": "x"}}, "tool_choice.type: Input should be 'auto', 'any', 'tool' or 'none'"),
    ({"tool_choice": {"type": "tool"}}, f"tool_choice.name: {REQUIRED}"),
    ({"tool_choice": {"type": "any", "disable_parallel_tool_use": 1}}, None),
    ({"thinking": "on"}, f"thinking: {OBJECT}"),
    ({"thinking": {}}, f"thinking.type: {REQUIRED}"),
    ({"thinking": {"type": "enabled"}}, f"thinking.budget_tokens: {REQUIRED}"),
    ({"thinking": {"type": "enabled", "budget_tokens": 1023}}, None),
    ({"output_config": {"effort": 3}}, f"output_config.effort: {STRING}"),
    ({"output_config": {"format": {"type": "json_schema"}}}, f"output_config.format.schema: {REQUIRED}"),
    ({"cache_control": "ephemeral"}, f"cache_control: {OBJECT}"),
    ({"context_management": []}, f"context_management: {OBJECT}"),
    ({"mcp_servers": [1]}, f"mcp_servers.0: {OBJECT}"),
]


@pytest.mark.parametrize(("change", "message"), WRONG_FIELDS, ids=str)
def test_a_wrong_field_is_named_with_what_it_should_be(change: JSON, message: str | None) -> None:
    refused = refusal(request(**change))

    assert refused.startswith(next(iter(change)))
    assert message is None or refused == message


@pytest.mark.parametrize("field", ["model", "max_tokens", "messages"])
def test_a_missing_field_is_named(field: str) -> None:
    body = request()
    del body[field]

    assert refusal(body) == f"{field}: Field required"


@pytest.mark.parametrize("role", ["robot", "", None, 3, ["user"]], ids=repr)
def test_an_unknown_role_is_named_by_its_message(role: object) -> None:
    body = request(messages=[{"role": "user", "content": "hi"}, {"role": role, "content": "hi"}])

    assert refusal(body) == "messages.1.role: Input should be 'user', 'assistant' or 'system'"


WRONG_BLOCKS = [
    ("hi", f": {OBJECT}"),
    ({"text": "no type"}, f".type: {REQUIRED}"),
    ({"type": ""}, f".type: {TOO_SHORT}"),
    ({"type": ["text"]}, f".type: {STRING}"),
    ({"type": "text"}, f".text: {REQUIRED}"),
    ({"type": "text", "text": None}, f".text: {STRING}"),
    ({"type": "text", "text": "a", "citations": "b"}, f".citations: {LIST}"),
    ({"type": "image"}, f".source: {REQUIRED}"),
    ({"type": "image", "source": "x"}, f".source: {OBJECT}"),
    ({"type": "image", "source": {}}, f".source.type: {REQUIRED}"),
    ({"type": "image", "source": {"type": "url"}}, f".source.url.url: {REQUIRED}"),
    ({"type": "document", "source": PDF | {"data": "%PDF"}}, f".source.base64.data: {BASE64}"),
    ({"type": "document", "source": {"type": "text"}}, f".source.text.data: {REQUIRED}"),
    ({"type": "document", "source": {"type": "content", "content": [{"type": "text"}]}}, None),
    ({"type": "search_result", "source": "s", "title": "t"}, f".content: {REQUIRED}"),
    ({"type": "search_result", "source": "s", "title": "t", "content": "x"}, f".content: {LIST}"),
    ({"type": "thinking", "thinking": "hm"}, f".signature: {REQUIRED}"),
    ({"type": "redacted_thinking"}, f".data: {REQUIRED}"),
    ({"type": "tool_use", "name": "a", "input": {}}, f".id: {REQUIRED}"),
    ({"type": "tool_use", "id": "a", "name": "a", "input": "{}"}, f".input: {OBJECT}"),
    ({"type": "server_tool_use", "id": "a", "name": "a"}, f".input: {REQUIRED}"),
    ({"type": "tool_result", "content": "x"}, f".tool_use_id: {REQUIRED}"),
    ({"type": "tool_result", "tool_use_id": "a", "content": 3}, f".content: {TEXT_OR_BLOCKS}"),
    ({"type": "tool_result", "tool_use_id": "a", "content": [{"type": "text"}]}, f".content.0.text: {REQUIRED}"),
    ({"type": "tool_result", "tool_use_id": "a", "is_error": "no"}, f".is_error: {BOOLEAN}"),
    ({"type": "web_search_tool_result", "tool_use_id": "a"}, f".content: {REQUIRED}"),
    ({"type": "container_upload"}, f".file_id: {REQUIRED}"),
    ({"type": "tool_addition"}, f".tool: {REQUIRED}"),
]


@pytest.mark.parametrize(("value", "message"), WRONG_BLOCKS, ids=str)
def test_a_wrong_block_is_named_by_its_path_alone(value: object, message: str | None) -> None:
    refused = refusal(block(value))

    assert refused.startswith("messages.0.content.1")
    assert message is None or refused == f"messages.0.content.1{message}"


@pytest.mark.parametrize("data", ["", "abc", "ab=c", "data:image/png;base64,aaaa", "ab\u00e9=", "ab\ncd", 3])
def test_data_that_does_not_decode_is_named(data: object) -> None:
    assert refusal(image(data=data)).startswith("messages.0.content.1.source.base64.data: Input should be ")


def test_data_inside_a_tool_result_is_checked_too() -> None:
    inner = {"type": "image", "source": PIXEL | {"data": "?"}}

    refused = refusal(block({"type": "tool_result", "tool_use_id": "a", "content": [inner]}))

    assert refused == f"messages.0.content.1.content.0.source.base64.data: {BASE64}"


def test_an_image_of_another_kind_is_refused() -> None:
    assert refusal(image(media_type="image/tiff")).startswith("messages.0.content.1.source.base64.media_type: ")


def test_the_first_problems_are_joined_and_the_rest_counted() -> None:
    body = request(model="", max_tokens=-1, stream="yes", top_k="all", messages=["hi", "hi"])

    refused = refusal(body)

    assert refused.startswith(f"model: {TOO_SHORT}; messages.0: {OBJECT}; ")
    assert refused.endswith(" (and 2 more)")
    assert "\n" not in refused


def test_no_value_of_the_user_is_repeated() -> None:
    secret = "my-secret"
    bodies = [
        request(model=[secret], stop_sequences=secret, temperature=secret),
        request(messages=[{"role": secret, "content": {secret: secret}}]),
        request(tool_choice={"type": secret}, tools=[{"type": [secret]}], metadata={"user_id": [secret]}),
        image(data=secret),
        image(media_type=secret),
    ]

    assert not any(secret in refusal(body) for body in bodies)


ODD_BUT_FINE = [
    {"max_tokens": 0},
    {"system": ""},
    {"system": []},
    {"system": [{**TEXT, "cache_control": {"type": "ephemeral", "ttl": "1h"}}]},
    {"messages": [{"role": "system", "content": []}, {"role": "user", "content": "hi"}]},
    {"messages": [{"role": "user", "content": "hi"}, {"role": "system", "content": "s", "output_config": {}}]},
    {"messages": [{"role": "assistant", "content": ""}, {"role": "assistant", "content": []}]},
    {"metadata": {"user_id": None}},
    {"metadata": {}},
    {"stop_sequences": []},
    {"temperature": 1, "top_p": 0, "top_k": 0},
    {"temperature": 0.5, "top_p": 0.5, "top_k": 40},
    {"tools": []},
    {"tools": [{"name": "a", "input_schema": {}}, {"type": None, "name": "b", "input_schema": {}}]},
    {"tools": [{"type": "computer_toolset_20260801"}, {"type": "mcp_toolset", "mcp_server_name": "x"}]},
    {"tools": [{"type": "web_search_20250305", "name": "web_search", "max_uses": 8}]},
    {"tools": [{"type": "tool_of_tomorrow_20300101"}]},
    {"tool_choice": {"type": "tool", "name": "a", "disable_parallel_tool_use": True}},
    {"tool_choice": {"type": "none"}},
    {"thinking": {"type": "adaptive", "display": "updates"}},
    {"thinking": {"type": "disabled"}},
    {"thinking": {"type": "between_tools"}},
    {"thinking": {"type": "of_tomorrow", "budget_tokens": "much"}},
    {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 1025},
    {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 0},
    {"output_config": {"effort": "tremendous", "task_budget": {"type": "tokens", "total": 1}}},
    {"output_config": {"format": None}},
    {"cache_control": None},
    {"context_management": None, "speed": None, "container": None, "inference_geo": None},
    {"fallbacks": "default", "safeguards": [], "anything": {"else": [None]}},
]


@pytest.mark.parametrize("change", ODD_BUT_FINE, ids=str)
def test_an_odd_request_that_the_api_takes_is_taken(change: JSON) -> None:
    accept(request(**change))


FINE_BLOCKS = [
    {"type": "text", "text": "", "citations": None, "parsed_output": None},
    {"type": "image", "source": PIXEL},
    {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
    {"type": "image", "source": {"type": "file", "file_id": "file_1"}, "cache_control": None},
    {"type": "image", "source": {"type": "of_tomorrow"}},
    {"type": "document", "source": PDF, "title": None, "context": None, "citations": None},
    {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "x"}},
    {"type": "document", "source": {"type": "content", "content": "x"}},
    {"type": "document", "source": {"type": "content", "content": [TEXT]}, "citations": {"enabled": True}},
    {"type": "search_result", "source": "s", "title": "t", "content": [TEXT]},
    {"type": "thinking", "thinking": "", "signature": ""},
    {"type": "redacted_thinking", "data": ""},
    {"type": "tool_use", "id": "a", "name": "b", "input": {"deep": [[]]}, "caller": {"type": "direct"}},
    {"type": "tool_result", "tool_use_id": "a"},
    {"type": "tool_result", "tool_use_id": "a", "content": []},
    {"type": "tool_result", "tool_use_id": "a", "content": [{"type": "tool_reference", "tool_name": "x"}]},
    {"type": "tool_result", "tool_use_id": "a", "content": [{"type": "browser_state"}], "is_error": True},
    {"type": "web_search_tool_result", "tool_use_id": "a", "content": {"type": "web_search_tool_result_error"}},
    {"type": "web_search_tool_result", "tool_use_id": "a", "content": []},
    {"type": "mcp_tool_use", "id": "a", "name": "b", "server_name": "c", "input": {}},
    {"type": "mcp_tool_result", "tool_use_id": "a"},
    {"type": "container_upload", "file_id": "f"},
    {"type": "tool_removal", "tool": {"type": "tool_reference", "name": "x"}},
    {"type": "block_of_tomorrow", "text": 3},
]


@pytest.mark.parametrize("value", FINE_BLOCKS, ids=str)
@pytest.mark.parametrize("role", ["user", "assistant", "system"])
def test_a_block_of_any_kind_is_taken(value: JSON, role: str) -> None:
    accept(block(value, role))


@pytest.mark.parametrize("budget", [2000, 2001])
def test_a_thinking_budget_must_fit_under_max_tokens(budget: int) -> None:
    body = request(max_tokens=2000, thinking={"type": "enabled", "budget_tokens": budget})

    assert refusal(body) == "thinking.budget_tokens: must be less than max_tokens"


def test_counting_tokens_needs_no_max_tokens() -> None:
    body = request(thinking={"type": "enabled", "budget_tokens": 9999})
    del body["max_tokens"]

    assert validate_count_tokens_request(body, api_version="2026-10-21") is body


@pytest.mark.parametrize("change", [{"max_tokens": "1"}, {"messages": []}, {"model": ""}], ids=str)
def test_counting_tokens_checks_the_same_fields(change: JSON) -> None:
    with pytest.raises(InvalidRequestError, match=next(iter(change))):
        validate_count_tokens_request(request(**change), api_version="2023-06-01")
