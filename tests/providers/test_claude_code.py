"""The real Claude Code against models of other providers: tools, thinking, several turns, not one 400."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.claude_code import ClaudeCode
from tests.providers.conftest import Providers
from tests.upstreams.answers import Answer, Text, Thinking, ToolCall
from tests.upstreams.received import Received
from tests.upstreams.server import FakeUpstream, Handler, Reply

SIDE = Answer((Text("ok"),))
FINAL = "The folder holds one file."


def agent(upstream: FakeUpstream) -> Handler:
    """Answers main requests (those that offer Bash) with two calls of it and a final text, others shortly."""
    turns: Iterator[Answer] = iter(
        [
            Answer((Thinking("I write it first.", "c2lnMQ=="), call("echo one > one.txt", "call_1"))),
            Answer((Thinking("Now look.", "c2lnMg=="), call("ls", "call_2"), call("cat one.txt", "call_3"))),
            Answer((Thinking("That is all.", "c2lnMw=="), Text(FINAL))),
            Answer((Thinking("Again.", "c2lnNA=="), Text("Goodbye."))),
        ]
    )

    def answer(received: Received) -> Reply:
        return next(turns) if b'"Bash"' in received.raw else SIDE

    return answer


def call(command: str, call_id: str) -> ToolCall:
    return ToolCall("Bash", {"command": command, "description": "look"}, call_id)


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("gemini", "google:gemini-3-pro-preview"),
        ("bedrock", "bedrock:anthropic.claude-sonnet-4-5-20250929-v1:0"),
        ("cohere", "cohere:command-a-reasoning-08-2025"),
    ],
)
def test_a_session_with_tools_and_thinking_goes_on(
    providers: Providers, tmp_path: Path, provider: str, model: str
) -> None:
    upstream: FakeUpstream = getattr(providers, provider)
    upstream.handler = agent(upstream)
    claude = ClaudeCode(providers.url, tmp_path, {"ANTHROPIC_MODEL": model, "ANTHROPIC_SMALL_FAST_MODEL": model})

    first = claude.run("Make a file and look at it.")
    assert providers.gemini.dummies == 0
    second = claude.run("Thanks.", "--resume", first.session)

    assert first.text == FINAL, first.output
    assert second.text == "Goodbye.", second.output
    assert (tmp_path / "work" / "one.txt").read_text() == "one\n"
    assert upstream.last.raw.count(b"echo one > one.txt") == 1
    if provider == "bedrock":  # of a model that is no Claude, Claude Code forgets the thinking of earlier turns
        assert b"c2lnMQ==" in upstream.last.raw
