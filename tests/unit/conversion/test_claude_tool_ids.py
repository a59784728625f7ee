"""Ids and names of tool calls on the way to Claude: what it refuses goes under another one, what it takes as it is."""

import re
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openrouter_anthropic_server.conversion.chat_dialects import ChatDialect
from openrouter_anthropic_server.conversion.chat_request import convert_request
from openrouter_anthropic_server.conversion.claude_tool_ids import check_tool_names, good_messages
from openrouter_anthropic_server.conversion.messages_wire import PreparedMessages, Upstream, prepare_messages_body
from openrouter_anthropic_server.errors import InvalidRequestError

JSON = dict[str, Any]
CLAUDE = "anthropic/claude-opus-5.5"
KIMI = "moonshotai/kimi-k2"
BEDROCK = ChatDialect(provider="bedrock", reasoning="litellm")


def conversation(call_id: str, name: str = "look", **arguments: Any) -> list[JSON]:
    return [
        {"role": "user", "content": "Look."},
        {"role": "assistant", "content": [{"type": "tool_use", "id": call_id, "name": name, "input": arguments}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call_id, "content": "seen"}]},
    ]


def prepare(messages: list[JSON], *, model: str = CLAUDE, upstream: Upstream = "openrouter") -> PreparedMessages:
    body = {"model": model, "max_tokens": 10, "messages": messages}
    raw = orjson.dumps(body)
    return prepare_messages_body(body, raw, model=model, upstream=upstream)


def sent_ids(messages: list[JSON]) -> tuple[str, str]:
    return messages[1]["content"][0]["id"], messages[2]["content"][0]["tool_use_id"]


@given(st.text(min_size=1))
def test_a_call_and_its_result_go_under_one_id_that_claude_takes(call_id: str) -> None:
    messages = conversation(call_id)
    good = good_messages(messages)

    sent, answered = sent_ids(messages if good is None else good[0])

    assert sent == answered
    assert re.fullmatch(r"[a-zA-Z0-9_-]+", sent)
    assert good is None or (len(sent) <= 64 and good == good_messages(conversation(call_id)))
    assert messages == conversation(call_id)


def test_ids_that_differ_in_bad_characters_only_stay_apart() -> None:
    assert len({sent_ids(good[0]) for one in ("a.b", "a:b", "a b") if (good := good_messages(conversation(one)))}) == 3


def test_good_ids_are_left_alone() -> None:
    assert good_messages(conversation("toolu_01-Ab")) is None


@pytest.mark.parametrize("upstream", ["anthropic", "openrouter", "databricks"])
def test_every_upstream_that_serves_claude_on_the_messages_wire_gets_good_ids(upstream: Upstream) -> None:
    prepared = prepare(conversation("functions.look:0"), upstream=upstream)

    sent, answered = sent_ids(orjson.loads(prepared.body)["messages"])

    assert sent == answered
    assert sent.startswith("functions_look_0_")
    assert [(note.kind, note.path) for note in prepared.notes] == [
        ("renamed", "messages.1.content.0.id"),
        ("renamed", "messages.2.content.0.tool_use_id"),
    ]


def test_other_models_get_their_own_ids_back() -> None:
    prepared = prepare(conversation("functions.look:0"), model=KIMI)

    assert sent_ids(orjson.loads(prepared.body)["messages"]) == ("functions.look:0", "functions.look:0")
    assert prepared.notes == ()


def test_numbers_of_a_renamed_call_keep_their_digits() -> None:
    text = b'{"model":"%s","messages":%s}' % (CLAUDE.encode(), orjson.dumps(conversation("a.b", n=1)))
    raw = text.replace(b'"n":1', b'"n":123456789012345678901234567890')

    prepared = prepare_messages_body(orjson.loads(raw), raw, model=CLAUDE, upstream="anthropic")

    assert b"123456789012345678901234567890" in prepared.body
    assert b"a.b" not in prepared.body


def test_the_name_of_a_called_tool_is_one_that_claude_takes() -> None:
    prepared = prepare(conversation("toolu_1", "functions.look"))

    [sent] = orjson.loads(prepared.body)["messages"][1]["content"]
    assert re.fullmatch(r"functions_look_[0-9a-f]{8}", sent["name"])
    assert [note.path for note in prepared.notes] == ["messages.1.content.0.name"]


@pytest.mark.parametrize("name", ["a.b", "a:b", "é", "x" * 129])
def test_a_tool_with_a_name_that_claude_refuses_is_named(name: str) -> None:
    body = {"model": CLAUDE, "messages": conversation("toolu_1"), "tools": [{"name": "look"}, {"name": name}]}

    with pytest.raises(InvalidRequestError, match=r"^tools\.1\.name: "):
        prepare_messages_body(body, None, model=CLAUDE, upstream="anthropic")
    prepare_messages_body(body | {"model": KIMI}, None, model=KIMI, upstream="openrouter")


def test_tools_without_names_and_with_good_ones_pass() -> None:
    check_tool_names([{"name": "x" * 128}, {"type": "mcp_toolset", "mcp_server_name": "a.b"}])
    check_tool_names([])


@pytest.mark.parametrize(
    ("model", "dialect", "renamed"),
    [(CLAUDE, None, True), (KIMI, None, False), ("amazon.nova-pro-v1:0", BEDROCK, True)],
)
def test_the_chat_wire_does_the_same_for_claude_and_for_bedrock(
    model: str, dialect: ChatDialect | None, renamed: bool
) -> None:
    request: Any = {
        "model": model,
        "max_tokens": 10,
        "messages": conversation("functions.look:0"),
        "tools": [{"name": "look", "input_schema": {"type": "object"}}],
    }
    converted = convert_request(request, model=model, **({} if dialect is None else {"dialect": dialect}))  # type: ignore[arg-type]

    [call] = converted.body["messages"][1]["tool_calls"]
    assert call["id"] == converted.body["messages"][2]["tool_call_id"]
    assert (call["id"] != "functions.look:0") is renamed
    assert any(note.kind == "renamed" for note in converted.notes) is renamed
