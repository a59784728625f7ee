"""What upstreams refuse in conversations that came from elsewhere, and what is remembered of that."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conformance.inprocess import Application, LoopThread
from tests.upstreams.answers import Answer, ApiError, ToolCall
from tests.upstreams.messages_wire import event
from tests.upstreams.received import Received
from tests.upstreams.script import Script, sse_script
from tests.upstreams.server import FakeOpenRouter

JSON = dict[str, Any]

CLAUDE = "anthropic/claude-opus-4.5"
KIMI = "moonshotai/kimi-k2"
TOOL = {"name": "look", "description": "Looks.", "input_schema": {"type": "object"}}
INVALID = "messages.1.content.0: Invalid `signature` in `thinking` block"
MISSING = (
    "messages.1.content.0.type: Expected `thinking` or `redacted_thinking`, but found `tool_use`. When `thinking` is "
    "enabled, a final `assistant` message must start with a thinking block"
)
MODIFIED = (
    "messages.3.content.0: `thinking` or `redacted_thinking` blocks in the latest assistant message cannot be modified."
)


class World:
    """An application before OpenRouter."""

    def __init__(self, data: Path) -> None:
        self.loop = LoopThread()
        self.upstream = FakeOpenRouter().start()
        env = {
            "PROXY_BACKEND": "OPENROUTER",
            "OPENROUTER_API_KEY": "sk-or-x",
            "OPENROUTER_BASE_URL": self.upstream.base_url,
            "DATA_DIR": str(data),
        }
        self.application = Application(self.loop, env).start()

    def ask(self, messages: list[JSON], *, model: str = CLAUDE, **options: Any) -> httpx.Response:
        """The answer to a conversation."""
        request = {"model": model, "max_tokens": 4096, "messages": messages, "tools": [TOOL]} | options
        return httpx.post(f"{self.application.url}/v1/messages", json=request, timeout=20)

    def close(self) -> None:
        """Stop all of it."""
        self.application.stop()
        self.upstream.stop()
        self.loop.close()


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The application of this module."""
    found = World(tmp_path_factory.mktemp("data"))
    yield found
    found.close()


@pytest.fixture
def world(opened: World) -> World:
    """The same, with an upstream that was not asked yet."""
    opened.upstream.reset()
    return opened


def user(content: Any) -> JSON:
    return {"role": "user", "content": content}


def thought(signature: str) -> JSON:
    return {"role": "assistant", "content": [_thinking(signature), {"type": "text", "text": "Hi."}]}


def _thinking(signature: str) -> JSON:
    return {"type": "thinking", "thinking": "hm", "signature": signature}


def sent_signatures(received: Received) -> list[str]:
    """The signatures in a request on the messages wire."""
    contents = [message["content"] for message in received.body["messages"] if message["role"] == "assistant"]
    return [block["signature"] for content in contents for block in content if block["type"] == "thinking"]


def test_thinking_that_is_missing_says_nothing_of_what_is_there(world: World) -> None:
    messages = [user("a"), thought("EqQBCgIYAhIMisThere"), user("b")]
    world.upstream.reply(ApiError(400, MISSING, "invalid_request_error"), Answer(), Answer())

    assert world.ask(messages).status_code == world.ask(messages).status_code == 200

    assert [sent_signatures(call) for call in world.upstream.calls] == [
        ["EqQBCgIYAhIMisThere"],
        [],
        ["EqQBCgIYAhIMisThere"],
    ]


def test_a_modified_last_turn_says_nothing_of_the_turns_before(world: World) -> None:
    messages = [user("a"), thought("EqQBCgIYAhIMolder"), user("b"), thought("EqQBCgIYAhIMmodified"), user("c")]
    world.upstream.reply(ApiError(400, MODIFIED, "invalid_request_error"), Answer(), Answer())

    assert world.ask(messages).status_code == world.ask(messages).status_code == 200

    assert sent_signatures(world.upstream.last) == ["EqQBCgIYAhIMolder"]


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
def test_claude_takes_up_a_call_with_an_id_of_another_model(world: World, stream: bool) -> None:
    world.upstream.reply(Answer((ToolCall("look", {"n": 1}, "functions.look:0"),)))
    messages = [user("Look.")]
    answer = world.ask(messages, model=KIMI).json()
    call = answer["content"][-1]
    result = {"type": "tool_result", "tool_use_id": call["id"], "content": "seen"}
    messages += [{"role": "assistant", "content": answer["content"]}, user([result])]

    back = world.ask(messages, model=KIMI)
    [kept] = world.upstream.last.body["messages"][1]["tool_calls"]
    claude = world.ask(messages, stream=stream)
    _, calling, answering = world.upstream.last.body["messages"]

    assert (back.status_code, claude.status_code) == (200, 200), claude.text
    assert call["id"] == kept["id"] == "functions.look:0"
    assert calling["content"][-1]["id"] == answering["content"][0]["tool_use_id"] != "functions.look:0"
    run = world.application.runs.of(claude.headers["request-id"])
    assert any(note.startswith("renamed messages.1.content") for note in run.notes)


def test_a_refusal_inside_a_stream_is_tried_once_more_too(world: World) -> None:
    world.upstream.reply(refusing_stream(), Answer())

    answer = world.ask([user("a"), thought("EqQBCgIYAhIMrefusedInAStream"), user("b")], stream=True)

    assert "event: message_stop" in answer.text
    assert "event: error" not in answer.text
    assert answer.text.count("event: message_start") == 1
    assert [sent_signatures(call) for call in world.upstream.calls] == [["EqQBCgIYAhIMrefusedInAStream"], []]


def test_a_stream_without_thinking_before_it_is_not_held(world: World) -> None:
    world.upstream.reply(refusing_stream())

    answer = world.ask([user("a")], stream=True)

    assert answer.text.index("event: message_start") < answer.text.index("event: error")
    assert len(world.upstream.calls) == 1


def refusing_stream() -> Script:
    """A stream that begins well and is refused before its content."""
    start = {
        "type": "message_start",
        "message": {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": CLAUDE,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {"input_tokens": 5, "output_tokens": 1},
        },
    }
    error = {"type": "error", "error": {"type": "invalid_request_error", "message": INVALID}}
    return sse_script([event(start), event({"type": "ping"}), event(error)])
