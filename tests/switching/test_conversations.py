"""Conversations that go from model to model and back: each gets its own thinking again, nobody gets another's."""

from base64 import b64decode
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anthropic
import httpx
import pytest

from tests.conformance.inprocess import Application, LoopThread
from tests.upstreams.answers import ApiError, Text, ToolCall
from tests.upstreams.received import Received
from tests.upstreams.server import FakeAnthropic, FakeOpenRouter, FakeUpstream
from tests.upstreams.signing import Vendors, answers

JSON = dict[str, Any]

CLAUDE = "anthropic/claude-opus-4.5"
GEMINI = "google/gemini-3-pro"
GPT = "openai/gpt-5"
DIRECT = "anthropic:claude-opus-4-5"

ENABLED = {"type": "enabled", "budget_tokens": 1024}
TOOL = {"name": "look", "description": "Looks.", "input_schema": {"type": "object"}}


@dataclass
class World:
    """A running application before two upstreams, and the vendors whose models they serve."""

    application: Application
    openrouter: FakeUpstream
    direct: FakeUpstream
    client: anthropic.Anthropic
    vendors: Vendors = field(default_factory=Vendors)

    def all_say(self, *parts: Any) -> None:
        """Every model thinks, then says this."""
        for upstream in (self.openrouter, self.direct):
            self.vendors.serve(upstream, answers(self.vendors, *parts))

    @property
    def last(self) -> Received:
        """The newest call of any upstream."""
        return max([*self.openrouter.calls, *self.direct.calls], key=lambda call: call.at)

    def talk(self, **options: Any) -> "Talk":
        """A new conversation."""
        return Talk(self.client, options)


@dataclass
class Talk:
    """A client that keeps the whole conversation, as the SDK gives it."""

    client: anthropic.Anthropic
    options: JSON
    messages: list[JSON] = field(default_factory=list)

    def say(self, model: str, content: Any, *, stream: bool = True) -> JSON:
        """One turn; gives the answer."""
        self.messages.append({"role": "user", "content": content})
        request: JSON = {"model": model, "max_tokens": 4096, "messages": self.messages, "tools": [TOOL]} | self.options
        answer = self._streamed(request) if stream else self.client.messages.create(**request).to_dict()
        self.messages.append({"role": "assistant", "content": answer["content"]})
        return answer

    def _streamed(self, request: JSON) -> JSON:
        with self.client.messages.stream(**request) as events:
            return events.get_final_message().to_dict()


@dataclass
class Worlds:
    """Worlds by the wire that OpenRouter's models take, opened on first use."""

    data: Path
    loop: LoopThread = field(default_factory=LoopThread)
    opened: ExitStack = field(default_factory=ExitStack)
    found: dict[str, World] = field(default_factory=dict)

    def get(self, wire: str) -> World:
        """A world in which nothing has happened, except that the server may remember."""
        if wire not in self.found:
            self.found[wire] = self._open(wire)
        world = self.found[wire]
        world.openrouter.reset()
        world.direct.reset()
        world.vendors = Vendors()
        return world

    def _open(self, wire: str) -> World:
        openrouter, direct = FakeOpenRouter().start(), FakeAnthropic().start()
        self.opened.callback(openrouter.stop)
        self.opened.callback(direct.stop)
        env = {
            "PROXY_BACKEND": "OPENROUTER",
            "OPENROUTER_API_KEY": "sk-or-x",
            "OPENROUTER_BASE_URL": openrouter.base_url,
            "OPENROUTER_WIRE": wire,
            "ANTHROPIC_UPSTREAM_API_KEY": "sk-ant-x",
            "ANTHROPIC_UPSTREAM_BASE_URL": direct.base_url,
            "DATA_DIR": str(self.data / wire),
        }
        application = Application(self.loop, env).start()
        self.opened.callback(application.stop)
        client = self.opened.enter_context(anthropic.Anthropic(base_url=application.url, api_key="any", max_retries=0))
        return World(application, openrouter, direct, client)


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worlds]:
    """The applications of this module."""
    found = Worlds(tmp_path_factory.mktemp("data"))
    with found.opened:
        yield found
    found.loop.close()


@pytest.fixture
def world(worlds: Worlds) -> World:
    """Claude takes the messages wire, others the chat wire."""
    return worlds.get("auto")


@pytest.fixture(params=["auto", "messages", "chat"])
def any_world(worlds: Worlds, request: pytest.FixtureRequest) -> World:
    """The same, and all models of OpenRouter over one wire."""
    return worlds.get(request.param)


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize("thinking", [ENABLED, {"type": "adaptive"}], ids=["enabled", "adaptive"])
def test_a_conversation_goes_from_model_to_model(any_world: World, thinking: JSON, stream: bool) -> None:
    world = any_world
    world.all_say(Text("Hello."))
    talk = world.talk(thinking=thinking)
    tour = [CLAUDE, GEMINI, GPT, DIRECT, GEMINI, CLAUDE, GPT, GPT, DIRECT]

    for model in tour:
        talk.say(model, "Go on.", stream=stream)

    assert world.vendors.refused == []
    claudes = [turn["content"][0] for turn, model in zip(talk.messages[1::2], tour, strict=True) if "claude" in model]
    assert sent_thinking(world.last) == claudes[:-1]


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
def test_a_tool_loop_goes_from_model_to_model(any_world: World, stream: bool) -> None:
    world = any_world
    talk = world.talk(thinking=ENABLED)
    content: Any = "Look."
    for number, model in enumerate([GEMINI, CLAUDE, GPT, DIRECT, CLAUDE, GEMINI]):
        world.all_say(ToolCall("look", {"n": number}, f"toolu_{number}"))
        answer = talk.say(model, content, stream=stream)
        content = [{"type": "tool_result", "tool_use_id": answer["content"][-1]["id"], "content": "seen"}]

    assert world.vendors.refused == []
    world.all_say(Text("Done."))
    talk.say(CLAUDE, [*content, {"type": "text", "text": "Enough."}])
    assert world.vendors.refused == []


def test_gemini_and_gpt_get_their_own_reasoning_back(world: World) -> None:
    world.all_say(Text("Hello."))
    talk = world.talk()
    for model in (GEMINI, GPT, CLAUDE, GEMINI, GPT, GEMINI):
        talk.say(model, "Go on.")

    assert sent_details(world.last) == world.vendors.signed["google"] - newest(world, "google")
    talk.say(GPT, "Go on.")
    assert sent_details(world.last) == world.vendors.signed["openai"] - newest(world, "openai")
    assert world.vendors.refused == []


def test_thinking_from_elsewhere_is_tried_once_and_then_left_out(world: World) -> None:
    world.all_say(Text("Hello."))
    talk = world.talk(thinking=ENABLED)
    talk.messages = brought_along("EqQBCgIYAhIMfromAnotherGateway")

    talk.say(CLAUDE, "Go on.")
    talk.say(CLAUDE, "And on.")

    assert len(world.vendors.refused) == 1
    assert len(world.openrouter.calls) == 3
    assert sent_thinking(world.last) == [talk.messages[3]["content"][0]]


@pytest.mark.parametrize("signature", ["", "claude#EqQBCgIYAhIM", "EvEFCu4FAXLI2nxGeminisOwn", "c29tZXRoaW5n"])
def test_what_is_certainly_not_claudes_is_not_even_tried(world: World, signature: str) -> None:
    world.all_say(Text("Hello."))
    talk = world.talk(thinking=ENABLED)
    talk.messages = brought_along(signature)

    talk.say(CLAUDE, "Go on.")

    assert world.vendors.refused == []
    assert sent_thinking(world.last) == []


@pytest.mark.parametrize("model", [CLAUDE, GEMINI, GPT])
@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
def test_thinking_that_is_refused_costs_one_more_call(world: World, model: str, stream: bool) -> None:
    world.all_say(ToolCall("look", {}, "toolu_1"))
    talk = world.talk(thinking=ENABLED)
    first = talk.say(model, "Look.")
    world.vendors.forget()
    world.all_say(Text("Done."))

    result = [{"type": "tool_result", "tool_use_id": first["content"][-1]["id"], "content": "seen"}]
    answer = talk.say(model, result, stream=stream)
    talk.say(model, "Go on.", stream=stream)

    assert answer["content"][-1]["text"] == "Done."
    assert len(world.vendors.refused) == 1
    assert len(world.openrouter.calls) == 4


def test_a_refusal_for_another_reason_is_answered_as_it_came(world: World) -> None:
    world.all_say(Text("Hello."))
    talk = world.talk()
    talk.say(CLAUDE, "Go on.")
    world.openrouter.reply(api_error("messages.0.content: too long"))

    with pytest.raises(anthropic.BadRequestError, match="too long"):
        talk.say(CLAUDE, "Go on.")

    assert len(world.openrouter.calls) == 2


def test_a_second_refusal_is_the_answer(world: World) -> None:
    world.all_say(Text("Hello."))
    talk = world.talk()
    talk.say(CLAUDE, "Go on.")
    refusal = api_error("messages.1.content.0: Invalid `signature` in `thinking` block")
    world.openrouter.reply(refusal, refusal, refusal)

    with pytest.raises(anthropic.BadRequestError, match="Invalid `signature`"):
        talk.say(CLAUDE, "Go on.")

    assert len(world.openrouter.calls) == 3


def test_the_run_shows_what_was_left_out_and_what_was_refused(world: World) -> None:
    world.all_say(Text("Hello."))
    talk = world.talk()
    talk.messages = brought_along("EqQBCgIYAhIMfromAThirdGateway", "c29tZXRoaW5n")
    request = {"model": CLAUDE, "max_tokens": 10, "messages": [*talk.messages, {"role": "user", "content": "Go on."}]}

    answer = httpx.post(f"{world.application.url}/v1/messages", json=request, timeout=20)

    assert answer.status_code == 200, answer.text
    run = world.application.runs.of(answer.headers["request-id"])
    steps = [(step.name, step.state) for step in run.steps]
    once = [("leave_out_thinking", "completed"), ("convert_request", "completed")]
    assert [(name, str(state).lower()) for name, state in steps][-7:] == [
        *once,
        ("call_backend", "failed"),
        *once,
        ("call_backend", "completed"),
        ("convert_response", "completed"),
        ("account_usage", "completed"),
    ][-7:]
    assert sum("not_sent messages.1.content" in note for note in run.notes) == 2
    assert "FromAThirdGateway" not in str(run)


def test_counting_tokens_leaves_out_the_same(world: World) -> None:
    talk = world.talk()
    talk.messages = [*brought_along("c29tZXRoaW5n"), {"role": "user", "content": "Go on."}]

    counted = talk.client.messages.count_tokens(model=DIRECT, messages=talk.messages)  # type: ignore[arg-type]

    assert counted.input_tokens == 4321
    assert "c29tZXRoaW5n" not in world.direct.requests[-1].raw.decode()


def test_a_count_that_is_refused_for_thinking_is_estimated(world: World) -> None:
    world.direct.count = ApiError(
        400, "messages.1.content.0: Invalid `signature` in `thinking` block", "invalid_request_error"
    )
    messages = [*brought_along("EqQBCgIYAhIMfromAFourthGateway"), {"role": "user", "content": "Go on."}]

    assert world.client.messages.count_tokens(model=DIRECT, messages=messages).input_tokens > 0  # type: ignore[arg-type]


def api_error(message: str) -> Any:
    return ApiError(400, message, "invalid_request_error")


def brought_along(*signatures: str) -> list[JSON]:
    """A first turn that no model of ours answered."""
    thoughts = [{"type": "thinking", "thinking": "hm", "signature": signature} for signature in signatures]
    return [
        {"role": "user", "content": "Hello."},
        {"role": "assistant", "content": [*thoughts, {"type": "text", "text": "Hi."}]},
    ]


def sent_thinking(received: Received) -> list[JSON]:
    """The thinking in a request on the messages wire."""
    contents = [message["content"] for message in received.body["messages"] if message["role"] == "assistant"]
    return [block for content in contents for block in content if "thinking" in block["type"]]


def sent_details(received: Received) -> set[tuple[str, str]]:
    """Text and signature of the reasoning in a request on the chat wire."""
    details = [detail for message in received.body["messages"] for detail in message.get("reasoning_details", ())]
    return {(detail.get("text", ""), detail.get("signature") or detail["data"]) for detail in details}


def newest(world: World, vendor: str) -> set[tuple[str, str]]:
    """What the vendor signed last: the answer to the newest request."""
    return {max(world.vendors.signed[vendor], key=lambda signed: number_of(signed[1]))}


def number_of(signature: str) -> int:
    """The number that the fake vendors put into it."""
    return int(b64decode(signature).split(b" ")[-3])
