"""One session of the real Claude Code over the models of three backends, thinking all the time."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import cycle
from pathlib import Path

import pytest

from tests.clients.claude_code import ClaudeCode, Run
from tests.server_process import ServerProcess
from tests.upstreams.agent import ScriptedAgent, all_text
from tests.upstreams.answers import Answer, ApiError, Part, Text, ToolCall
from tests.upstreams.databricks import PERSONAL_TOKEN, FakeDatabricks
from tests.upstreams.gemini import FakeGemini
from tests.upstreams.received import Received
from tests.upstreams.server import FakeAnthropic, FakeOpenRouter, FakeUpstream, Reply
from tests.upstreams.signing import Signed, Vendors

OPENROUTER = "anthropic/claude-sonnet-4.5"
GEMINI = "google/gemini-3-pro"
DATABRICKS = "databricks:claude-sonnet-4-5"
ANTHROPIC = "anthropic:claude-sonnet-4-5"
GOOGLE = "google:gemini-3-pro"


@dataclass
class Backends:
    """One server before three upstreams."""

    server: ServerProcess
    openrouter: FakeOpenRouter
    databricks: FakeDatabricks
    anthropic: FakeAnthropic
    google: FakeGemini
    vendors: Vendors = field(default_factory=Vendors)

    @property
    def upstreams(self) -> dict[str, FakeUpstream]:
        """The upstreams by name."""
        found = {"openrouter": self.openrouter, "databricks": self.databricks, "anthropic": self.anthropic}
        return found | {"google": self.google}

    def begin(self) -> None:
        """Forget everything; what one upstream's Claude signs, the others take."""
        self.vendors = Vendors()
        for upstream in self.upstreams.values():
            upstream.reset()
        self.databricks.signed = self.vendors.signed["anthropic"]
        self.google.handed_out = SignedBy(self.vendors.signed["google"])

    def work(self, agent: ScriptedAgent) -> None:
        """Let the agent answer, whoever is asked."""
        for upstream in self.upstreams.values():
            self.vendors.serve(upstream, agent)
        self.google.handler = lambda received: agent(from_gemini(received))  # it checks itself what it gets

    def thinks(self, *parts: Part) -> "Thinks":
        """A turn that begins with a signed thought."""
        return Thinks(self.vendors, parts)

    def refusals(self) -> list[str]:
        """The words of every 400 so far."""
        return [problem for _, problem in self.vendors.refused] + self.databricks.refusals


def from_gemini(received: Received) -> Received:
    """A request in Google's form with the names that an agent looks for."""
    tools = [
        tool
        for group in received.body.get("tools", ())
        for tool in (group.get("functionDeclarations") or group.get("function_declarations") or ())
    ]
    body = {"model": "gemini-3-pro", "thinking": True, "tools": tools, "messages": received.body["contents"]}
    return replace(received, body=body)


class SignedBy(set[str]):
    """The signatures of a vendor, as they become more."""

    def __init__(self, signed: Signed) -> None:
        super().__init__()
        self._signed = signed

    def __contains__(self, signature: object) -> bool:
        return signature in {known for _, known in self._signed}


@dataclass(frozen=True)
class Thinks:
    """Answers any request with a thought of the model that was asked, and then some parts."""

    vendors: Vendors
    parts: tuple[Part, ...]

    def __call__(self, received: Received) -> Reply:
        """The answer."""
        return Answer((self.vendors.thinking(received, f"thought of {received.model}"), *self.parts))


@pytest.fixture(scope="module")
def running() -> Iterator[Backends]:
    """The server and its upstreams, for all tests of this module."""
    openrouter, databricks = FakeOpenRouter().start(), FakeDatabricks().start()
    anthropic, google = FakeAnthropic().start(), FakeGemini().start()
    server = ServerProcess(
        {
            "PROXY_BACKEND": "OPENROUTER",
            "OPENROUTER_API_KEY": "sk-or-x",
            "OPENROUTER_BASE_URL": openrouter.base_url,
            "DATABRICKS_HOST": databricks.base_url,
            "DATABRICKS_TOKEN": PERSONAL_TOKEN,
            "ANTHROPIC_UPSTREAM_API_KEY": "sk-ant-x",
            "ANTHROPIC_UPSTREAM_BASE_URL": anthropic.base_url,
            "GEMINI_API_KEY": "gemini-x",
            "GEMINI_UPSTREAM_BASE_URL": google.base_url,
            "MODEL_ALIASES": f'{{"claude-opus-5-5": "{OPENROUTER}"}}',
            "FALLBACK_MODELS": f"{GEMINI},{DATABRICKS}",
        }
    )
    try:
        yield Backends(server.start(), openrouter, databricks, anthropic, google)
    finally:
        server.stop()
        for upstream in (openrouter, databricks, anthropic, google):
            upstream.stop()


@pytest.fixture
def backends(running: Backends) -> Backends:
    """The same, as if nothing had happened."""
    running.begin()
    return running


def bash(number: int) -> ToolCall:
    return ToolCall("Bash", {"command": f"echo seen-{number}"}, f"toolu_{number}")


def test_a_session_goes_through_the_models_of_three_backends(backends: Backends, tmp_path: Path) -> None:
    tour = [OPENROUTER, DATABRICKS, GEMINI, ANTHROPIC, GOOGLE, OPENROUTER, GEMINI, DATABRICKS, GOOGLE]
    agent = ScriptedAgent(
        *(
            turn
            for number, _ in enumerate(tour)
            for turn in (backends.thinks(bash(number)), backends.thinks(Text(f"Done {number}.")))
        )
    )
    backends.work(agent)
    claude = ClaudeCode(backends.server.url, tmp_path)

    runs: list[Run] = []
    for number, model in enumerate(tour):
        resumed = ["--resume", runs[-1].session] if runs else []
        runs.append(claude.run(f"Task {number}", "--model", model, *resumed))

    assert [(run.code, run.text) for run in runs] == [(0, f"Done {number}.") for number, _ in enumerate(tour)]
    assert backends.refusals() == []
    assert all(upstream.calls for upstream in backends.upstreams.values())
    assert all(f"seen-{number}" in all_text(agent.main[-1].body) for number, _ in enumerate(tour))
    assert all("thinking" in call.body or "reasoning" in call.body for call in agent.main)


def test_a_session_whose_model_is_answered_for_by_others_goes_on(backends: Backends, tmp_path: Path) -> None:
    """Every second time Claude is busy at OpenRouter, and every second time of these Gemini is."""
    turns = [backends.thinks(bash(number)) for number in range(6)]
    agent = ScriptedAgent(*turns, backends.thinks(Text("Done.")))
    is_busy = {OPENROUTER: cycle([False, True]), GEMINI: cycle([False, True])}

    def sometimes(received: Received) -> Reply:
        busy = received.model in is_busy and next(is_busy[received.model])
        return ApiError(529, "overloaded", "overloaded_error") if busy else agent(received)

    backends.work(agent)
    backends.vendors.serve(backends.openrouter, sometimes)
    claude = ClaudeCode(backends.server.url, tmp_path)

    first = claude.run("Work", "--model", "claude-opus-5-5")
    second = claude.run("Go on", "--model", "claude-opus-5-5", "--resume", first.session)

    assert (first.code, first.text) == (0, "Done."), first.output + first.errors
    assert (second.code, second.text) == (0, "All done."), second.output + second.errors
    assert backends.refusals() == []
    assert {call.model for call in agent.main} == {OPENROUTER, GEMINI, "databricks-claude-sonnet-4-5"}
