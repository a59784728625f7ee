"""Bad input gets an Anthropic envelope that names the field, never a 500 and never another shape."""

import gzip
from collections.abc import Iterator
from typing import Any

import httpx
import orjson
import pytest

from tests.api.calls import assert_error, body, post, post_raw, user
from tests.gateway_fixtures import LOCKED, Line
from tests.server_process import Gateway, Gateways

IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "!!! no base64 !!!"}}
PDF = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "also not*base64"}}


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"null", b"[]", b'"text"', b"\xff\xfe", b'{"model": NaN}', b"[" * 100_000, b"{} {}"],
    ids=["empty", "cut", "null", "list", "string", "not-utf8", "nan", "deep", "two-documents"],
)
@pytest.mark.parametrize("path", ["/v1/messages", "/v1/messages/count_tokens"])
def test_a_body_that_is_no_json_object_is_a_400(http: httpx.Client, demo: Gateway, path: str, content: bytes) -> None:
    response = http.post(demo.url + path, content=content, headers={"content-type": "application/json"})

    assert_error(response, 400, "invalid_request_error")


@pytest.mark.parametrize("field", ["model", "messages", "max_tokens"])
def test_a_missing_required_field_is_named(http: httpx.Client, demo: Gateway, field: str) -> None:
    request = body()
    del request[field]

    assert_error(post(http, demo.url, request), 400, "invalid_request_error", field)


@pytest.mark.parametrize("field", ["model", "messages"])
def test_count_tokens_names_a_missing_field(http: httpx.Client, demo: Gateway, field: str) -> None:
    request = body()
    del request["max_tokens"], request[field]

    response = http.post(f"{demo.url}/v1/messages/count_tokens", json=request)

    assert_error(response, 400, "invalid_request_error", field)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"model": 5}, "model"),
        ({"model": ""}, "model"),
        ({"max_tokens": "many"}, "max_tokens"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"max_tokens": None}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"messages": []}, "messages"),
        ({"messages": "hi"}, "messages"),
        ({"messages": [5]}, "messages.0"),
        ({"messages": [{"role": "user"}]}, "messages.0.content"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages.0.content"),
        ({"messages": [{"role": "robot", "content": "hi"}]}, "messages.0.role"),
        ({"messages": [{"content": "hi"}]}, "messages.0.role"),
        ({"messages": [{"role": "user", "content": ["hi"]}]}, "messages.0.content.0"),
        ({"messages": user({"text": "no type"})}, "messages.0.content.0"),
        ({"messages": user({"type": "text"})}, "messages.0.content.0"),
        ({"messages": user({"type": "tool_result", "content": "x"})}, "messages.0.content.0"),
        ({"system": 5}, "system"),
        ({"stream": "yes"}, "stream"),
        ({"tools": {}}, "tools"),
        ({"tools": ["Bash"]}, "tools.0"),
        ({"tool_choice": "auto"}, "tool_choice"),
        ({"tool_choice": {"type": "perhaps"}}, "tool_choice"),
        ({"thinking": "on"}, "thinking"),
        ({"stop_sequences": "stop"}, "stop_sequences"),
        ({"metadata": "me"}, "metadata"),
        ({"temperature": "warm"}, "temperature"),
    ],
    ids=str,
)
def test_a_wrong_value_is_named(http: httpx.Client, demo: Gateway, change: dict[str, Any], field: str) -> None:
    assert_error(post(http, demo.url, body() | change), 400, "invalid_request_error", field)


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_a_wrong_content_type_is_named(http: httpx.Client, demo: Gateway, content_type: str) -> None:
    response = post_raw(http, demo.url, orjson.dumps(body()), content_type=content_type)

    assert_error(response, 400, "invalid_request_error", "content-type")


@pytest.mark.parametrize("encoding", ["gzip", "br"])
def test_a_compressed_body_is_a_400(http: httpx.Client, demo: Gateway, encoding: str) -> None:
    response = post_raw(http, demo.url, gzip.compress(orjson.dumps(body())), content_encoding=encoding)

    assert_error(response, 400, "invalid_request_error")


def test_json_with_a_charset_is_taken(http: httpx.Client, demo: Gateway) -> None:
    response = post_raw(http, demo.url, orjson.dumps(body()), content_type="application/json; charset=utf-8")

    assert response.status_code == 200


def test_a_block_that_the_chat_wire_cannot_carry_is_refused_by_name(http: httpx.Client, chat_line: Line) -> None:
    request = body(chat_line.model, messages=user({"type": "hologram", "shape": "cube"}))

    assert_error(post(http, chat_line.url, request), 400, "invalid_request_error", "messages.0.content.0", "hologram")
    assert chat_line.upstream.calls == []


def test_the_messages_wire_passes_unknown_blocks_on(http: httpx.Client, messages_line: Line) -> None:
    block = {"type": "hologram", "shape": "cube"}

    assert post(http, messages_line.url, body(messages_line.model, messages=user(block))).status_code == 200
    assert messages_line.upstream.last.body["messages"][0]["content"] == [block]


def test_a_kind_of_thinking_that_the_chat_wire_cannot_carry_is_refused_by_name(
    http: httpx.Client, chat_line: Line
) -> None:
    request = body(chat_line.model, thinking={"type": "deep"})

    assert_error(post(http, chat_line.url, request), 400, "invalid_request_error", "thinking")


@pytest.mark.parametrize("block", [IMAGE, PDF], ids=["image", "document"])
def test_bad_base64_is_refused_on_the_chat_wire(http: httpx.Client, chat_line: Line, block: dict[str, Any]) -> None:
    response = post(http, chat_line.url, body(chat_line.model, messages=user(block)))

    assert_error(response, 400, "invalid_request_error", "messages.0.content.0.source")
    assert chat_line.upstream.calls == []


def test_a_body_over_the_limit_is_a_413(http: httpx.Client, gateways: Gateways) -> None:
    gateway = gateways.demo(**LOCKED)

    response = post(http, gateway.url, body(system="x" * 1_500_000), x_api_key="first-key")

    assert_error(response, 413, "request_too_large")
    assert response.headers["x-should-retry"] == "false"


def test_a_chunked_body_over_the_limit_is_a_413(http: httpx.Client, gateways: Gateways) -> None:
    gateway = gateways.demo(**LOCKED)

    def pieces() -> Iterator[bytes]:
        yield from (b"x" * 100_000 for _ in range(15))

    assert_error(post_raw(http, gateway.url, pieces(), x_api_key="first-key"), 413, "request_too_large")


def test_a_body_below_the_limit_is_taken(http: httpx.Client, demo: Gateway) -> None:
    assert post(http, demo.url, body(system="x" * 3_000_000)).status_code == 200


def test_a_pdf_and_an_image_may_be_large(http: httpx.Client, chat_line: Line) -> None:
    source = {"type": "base64", "media_type": "image/png", "data": "iVBORw0K" * 500_000}

    response = post(http, chat_line.url, body(chat_line.model, messages=user({"type": "image", "source": source})))

    assert response.status_code == 200
    assert len(chat_line.upstream.last.raw) > 4_000_000
