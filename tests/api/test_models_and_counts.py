"""`GET /v1/models`, `GET /v1/models/{id}` and `POST /v1/messages/count_tokens`."""

import asyncio
import base64
import struct
import time
import zlib
from datetime import datetime
from typing import Any

import httpx
import pytest

from tests.api.calls import assert_error, body, post, user
from tests.gateway_fixtures import Line
from tests.server_process import Gateway
from tests.upstreams.answers import Answer, ApiError, Tokens


def count(http: httpx.Client, url: str, request: dict[str, Any], query: str = "") -> httpx.Response:
    return http.post(f"{url}/v1/messages/count_tokens{query}", json=request)


def png(width: int, height: int) -> str:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(b"\0" * ((width + 1) * height))
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    return base64.b64encode(data).decode()


def test_models_have_the_shape_of_the_api(http: httpx.Client, line: Line) -> None:
    page = http.get(f"{line.url}/v1/models", params={"limit": 1000}).json()

    assert page["data"]
    assert page["has_more"] is False
    assert page["first_id"] == page["data"][0]["id"]
    assert page["last_id"] == page["data"][-1]["id"]
    for model in page["data"]:
        assert model["type"] == "model"
        assert model["display_name"]
        assert model["lifecycle"] in ("active", "deprecated", "retired")
        datetime.fromisoformat(model["created_at"].replace("Z", "+00:00"))


def test_foreign_models_have_names_that_claude_code_shows(http: httpx.Client, line: Line) -> None:
    ids = {model["id"] for model in http.get(f"{line.url}/v1/models", params={"limit": 1000}).json()["data"]}

    assert "claude-via-openai--gpt-5" in ids
    assert any("claude-sonnet-4" in name for name in ids)


def test_pages_join_to_the_whole_list(http: httpx.Client, line: Line) -> None:
    whole = [model["id"] for model in http.get(f"{line.url}/v1/models?limit=1000").json()["data"]]
    collected: list[str] = []
    params: dict[str, str | int] = {"limit": 1}
    for _ in range(len(whole) + 1):
        page = http.get(f"{line.url}/v1/models", params=params).json()
        collected += [model["id"] for model in page["data"]]
        if not page["has_more"]:
            break
        params["after_id"] = page["last_id"]

    assert collected == whole
    assert len(set(whole)) == len(whole)


def test_paging_backwards_works(http: httpx.Client, line: Line) -> None:
    whole = [model["id"] for model in http.get(f"{line.url}/v1/models?limit=1000").json()["data"]]

    page = http.get(f"{line.url}/v1/models", params={"before_id": whole[-1], "limit": 1}).json()

    assert [model["id"] for model in page["data"]] == [whole[-2]]


@pytest.mark.parametrize("cursor", ["after_id", "before_id"])
def test_an_unknown_cursor_is_tolerated(http: httpx.Client, demo: Gateway, cursor: str) -> None:
    response = http.get(f"{demo.url}/v1/models", params={cursor: "no-such-model"})

    assert response.status_code == 200
    assert isinstance(response.json()["data"], list)


@pytest.mark.parametrize("limit", ["0", "-1", "many", "1001", ""])
def test_a_bad_limit_is_named(http: httpx.Client, demo: Gateway, limit: str) -> None:
    response = http.get(f"{demo.url}/v1/models", params={"limit": limit})

    assert response.status_code in (200, 400)
    if response.status_code == 400:
        assert_error(response, 400, "invalid_request_error", "limit")


def test_each_listed_model_can_be_fetched(http: httpx.Client, line: Line) -> None:
    for model in http.get(f"{line.url}/v1/models?limit=1000").json()["data"]:
        assert http.get(f"{line.url}/v1/models/{model['id']}").json() == model


def test_listed_models_can_be_called(http: httpx.Client, line: Line) -> None:
    for model in http.get(f"{line.url}/v1/models?limit=1000").json()["data"]:
        assert post(http, line.url, body(model["id"])).status_code == 200
        assert not line.upstream.last.model.startswith("claude-via-")


def test_an_unknown_model_is_a_404(http: httpx.Client, line: Line) -> None:
    assert_error(http.get(f"{line.url}/v1/models/no-such-model-at-all"), 404, "not_found_error")


@pytest.mark.parametrize("query", ["", "?beta=true"])
def test_tokens_are_counted(http: httpx.Client, line: Line, query: str) -> None:
    request = body(line.model)
    del request["max_tokens"]

    response = count(http, line.url, request, query)

    assert response.status_code == 200
    assert list(response.json()) == ["input_tokens"]
    assert 5 < response.json()["input_tokens"] < 30


def test_more_content_counts_more(http: httpx.Client, line: Line) -> None:
    def tokens(**more: Any) -> int:
        return int(count(http, line.url, body(line.model, **more)).json()["input_tokens"])

    plain = tokens()
    tool = {"name": "Bash", "description": "run a command", "input_schema": {"type": "object", "properties": {}}}
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": png(800, 600)}}

    assert tokens(system="word " * 1000) > plain + 900
    assert tokens(tools=[tool]) > plain + 20
    assert 400 < tokens(messages=user(image)) - plain < 1000
    assert tokens(tool_choice={"type": "auto"}) >= plain


def test_counts_of_a_whole_context_display_come_at_once(line: Line) -> None:
    system = [{"type": "text", "text": "some words of a prompt " * 300}]

    async def all_of_them() -> list[httpx.Response]:
        async with httpx.AsyncClient(timeout=20.0) as client, asyncio.TaskGroup() as group:
            url = f"{line.url}/v1/messages/count_tokens?beta=true"
            tasks = [
                group.create_task(client.post(url, json=body(line.model, system=system, metadata={"user_id": str(n)})))
                for n in range(26)
            ]
        return [task.result() for task in tasks]

    began = time.monotonic()
    responses = asyncio.run(all_of_them())

    assert time.monotonic() - began < 3.0
    assert {response.status_code for response in responses} == {200}
    assert len({response.json()["input_tokens"] for response in responses}) == 1
    assert line.upstream.requests == []


def test_an_anthropic_upstream_counts_itself(http: httpx.Client, anthropic_line: Line) -> None:
    assert count(http, anthropic_line.url, body(anthropic_line.model)).json() == {"input_tokens": 4321}
    assert anthropic_line.upstream.requests[-1].path == "/v1/messages/count_tokens"


@pytest.mark.parametrize("status", [404, 405, 500, 501])
def test_an_upstream_that_cannot_count_is_replaced_by_the_estimate(
    http: httpx.Client, anthropic_line: Line, status: int
) -> None:
    anthropic_line.upstream.count = ApiError(status, "no such route", "not_found_error")

    response = count(http, anthropic_line.url, body(anthropic_line.model))

    assert response.status_code == 200
    assert 5 < response.json()["input_tokens"] < 30


def test_counts_learn_from_the_usage_of_answers(http: httpx.Client, line: Line) -> None:
    request = body(f"{line.model}-learned", messages=[{"role": "user", "content": "the quick brown fox " * 200}])
    own = int(count(http, line.url, request).json()["input_tokens"])
    real = round(own * 1.3)
    for stream in (False, True, False, True):
        line.upstream.reply(Answer(tokens=Tokens(input=real - 100, cache_read=60, cache_write=40)))
        assert post(http, line.url, {**request, "stream": stream}).status_code == 200

    assert real * 0.95 < int(count(http, line.url, request).json()["input_tokens"]) < real * 1.05


def test_big_and_small_are_models_that_tell_what_they_stand_for(http: httpx.Client, line: Line) -> None:
    big = http.get(f"{line.url}/v1/models/big").json()
    listed = {model["id"]: model for model in http.get(f"{line.url}/v1/models?limit=1000").json()["data"]}

    assert listed["big"] == big
    assert big["description"].startswith("stands for anthropic/claude-sonnet-4, effort high")
    assert (big["max_input_tokens"], big["max_tokens"]) == (200_000, 64_000)
    assert big["capabilities"]["thinking"]["types"]["enabled"] == {"supported": True}
    assert listed["small"]["description"].startswith("stands for anthropic/claude-3.7-sonnet, effort medium")
