"""The real Claude Code, unmodified, against the server in front of scripted upstreams of both wires."""

import re
import time
from pathlib import Path
from typing import Any

import pytest

from tests.clients.claude_code import ClaudeCode
from tests.gateway_fixtures import Line, open_line
from tests.server_process import Gateway, Gateways
from tests.upstreams.agent import ScriptedAgent, all_text, tool_names
from tests.upstreams.answers import (
    Answer,
    ApiError,
    SearchResult,
    Text,
    Thinking,
    Tokens,
    ToolCall,
    Wire,
)

SIGNATURE = "EtkBCkYIBRgCKkD+a/signature+that/must==come=back"
DONE = Answer((Text("All done."),))


def claude_line(gateways: Gateways, wire: str) -> Line:
    """A line for Claude's own model names: on OpenRouter the wire is set, not chosen by name."""
    if wire == "anthropic":
        gateway = gateways.anthropic()
        assert gateway.upstream is not None
        return Line(gateway, gateway.upstream, "messages", "claude-opus-5-5")
    chosen: Wire = "chat" if wire == "chat" else "messages"
    return open_line(gateways, chosen, OPENROUTER_WIRE=wire)


@pytest.fixture(params=["messages", "chat"])
def wired(request: pytest.FixtureRequest, gateways: Gateways) -> Line:
    """Both wires of OpenRouter."""
    return claude_line(gateways, request.param)


@pytest.fixture(params=["messages", "chat", "anthropic"])
def anywhere(request: pytest.FixtureRequest, gateways: Gateways) -> Line:
    """Both wires of OpenRouter, and an Anthropic upstream."""
    return claude_line(gateways, request.param)


def cli(line: Line | Gateway, directory: Path, **env: str) -> ClaudeCode:
    return ClaudeCode(line.url, directory, env)


def test_a_plain_answer_arrives_with_its_usage(anywhere: Line, tmp_path: Path) -> None:
    anywhere.upstream.handler = ScriptedAgent(
        Answer((Text("Hello from behind the gateway."),), tokens=Tokens(input=1234, output=56, cache_read=789))
    )

    run = cli(anywhere, tmp_path).run("Say hello")

    assert run.code == 0, run.output + run.errors
    assert run.text == "Hello from behind the gateway."
    assert run.usage["input_tokens"] == 1234
    assert run.usage["output_tokens"] == 56
    assert run.usage["cache_read_input_tokens"] == 789
    assert len(anywhere.upstream.calls) == 1


def test_a_session_with_thinking_changes_files(anywhere: Line, tmp_path: Path) -> None:
    claude = cli(anywhere, tmp_path)
    claude.work.mkdir()
    notes, fresh = claude.work / "notes.txt", claude.work / "fresh.txt"
    notes.write_text("alpha\nbeta\n")
    agent = ScriptedAgent(
        Answer(
            (
                Thinking("I should look around first.", SIGNATURE),
                Text("Let me look."),
                ToolCall("Bash", {"command": "echo from-$((40+2))-bash"}, "toolu_bash"),
            )
        ),
        Answer((ToolCall("Read", {"file_path": str(notes)}, "toolu_read"),)),
        Answer(
            (
                ToolCall("Write", {"file_path": str(fresh), "content": "written: é 世界\n"}, "toolu_write"),
                ToolCall("Edit", {"file_path": str(notes), "old_string": "beta", "new_string": "GAMMA"}, "toolu_edit"),
            ),
            interleave_tools=True,
        ),
        DONE,
    )
    anywhere.upstream.handler = agent

    run = claude.run("Work on the files")

    assert run.code == 0, run.output + run.errors
    assert run.text == "All done."
    assert fresh.read_text() == "written: é 世界\n"
    assert notes.read_text() == "alpha\nGAMMA\n"
    assert len(agent.main) == 4
    assert "from-42-bash" in all_text(agent.main[1].body)
    assert "beta" in all_text(agent.main[2].body)
    assert_thinking_came_back(agent.main[1].body, anywhere.wire)
    assert_thinking_came_back(agent.main[3].body, anywhere.wire)


def assert_thinking_came_back(body: dict[str, Any], wire: Wire) -> None:
    """The first assistant turn holds the thinking with its signature, exactly."""
    turn = next(message for message in body["messages"] if message["role"] == "assistant")
    if wire == "messages":
        expected = {"type": "thinking", "thinking": "I should look around first.", "signature": SIGNATURE}
        assert turn["content"][0] == expected
    else:
        [detail] = turn["reasoning_details"]
        assert (detail["type"], detail["text"]) == ("reasoning.text", "I should look around first.")
        assert detail["signature"] == SIGNATURE


def test_parallel_calls_run_with_their_own_arguments(wired: Line, tmp_path: Path) -> None:
    claude = cli(wired, tmp_path)
    calls = tuple(
        ToolCall("Bash", {"command": f"sleep 0.{3 - n}; echo result-{n} > out-{n}.txt; cat out-{n}.txt"}, f"toolu_{n}")
        for n in range(3)
    )
    agent = ScriptedAgent(Answer(calls, interleave_tools=True), DONE)
    wired.upstream.handler = agent

    run = claude.run("Do three things at once")

    assert run.code == 0, run.output + run.errors
    assert [(claude.work / f"out-{n}.txt").read_text() for n in range(3)] == [f"result-{n}\n" for n in range(3)]
    history = all_text(agent.main[1].body)
    assert all(f"result-{n}" in history for n in range(3))
    assert all(f"toolu_{n}" in history for n in range(3))


def test_a_failing_tool_is_told_to_the_model(wired: Line, tmp_path: Path) -> None:
    agent = ScriptedAgent(Answer((ToolCall("Bash", {"command": "echo broken >&2; exit 3"}, "toolu_x"),)), DONE)
    wired.upstream.handler = agent

    run = cli(wired, tmp_path).run("Fail")

    assert run.code == 0, run.output + run.errors
    assert "Exit code 3" in all_text(agent.main[1].body)


def test_the_web_search_tool_gets_results(wired: Line, tmp_path: Path) -> None:
    found = Answer((SearchResult("https://docs.example/page", "The page"), Text("It says forty-two.")))
    agent = ScriptedAgent(
        Answer((ToolCall("WebSearch", {"query": "what is the answer"}, "toolu_search"),)), DONE, side=found
    )
    wired.upstream.handler = agent

    run = cli(wired, tmp_path).run("Search the web")

    assert run.code == 0, run.output + run.errors
    assert len(agent.aside) == 1
    history = all_text(agent.main[1].body)
    assert "It says forty-two." in history
    assert "https://docs.example/page" in history
    assert "web_search" in str(agent.aside[0].body) or "openrouter:web_search" in str(agent.aside[0].body)


def test_a_resumed_session_sends_its_history(wired: Line, tmp_path: Path) -> None:
    agent = ScriptedAgent(
        Answer((Thinking("A first thought.", SIGNATURE), Text("The word is xylophone."))),
        Answer((Text("It was xylophone."),)),
    )
    wired.upstream.handler = agent
    claude = cli(wired, tmp_path)

    first = claude.run("Think of a word")
    second = claude.run("Which word?", "--resume", first.session)

    assert second.code == 0, second.output + second.errors
    assert second.text == "It was xylophone."
    history = all_text(agent.main[1].body)
    assert "Think of a word" in history
    assert "The word is xylophone." in history
    assert SIGNATURE in history


@pytest.mark.parametrize(
    "trouble",
    [
        ApiError(429, "slow down", "rate_limit_error", {"retry-after": "1"}),
        ApiError(529, "overloaded", "overloaded_error"),
        Answer((Text("half an answ"),), ending="cut"),
        Answer((Text("half an answ"),), ending="end"),
        Answer((), ending="error"),
    ],
    ids=["429", "529", "cut", "ended", "error-event"],
)
def test_trouble_is_overcome_by_asking_again(wired: Line, tmp_path: Path, trouble: Answer | ApiError) -> None:
    agent = ScriptedAgent(trouble, Answer((Text("Now it works."),)))
    wired.upstream.handler = agent

    run = cli(wired, tmp_path).run("Try")

    assert run.code == 0, run.output + run.errors
    assert run.text == "Now it works."
    assert len(agent.main) == 2


def test_a_stream_cut_after_a_tool_call_does_not_run_it_twice(wired: Line, tmp_path: Path) -> None:
    claude = cli(wired, tmp_path)
    append = ToolCall("Bash", {"command": "echo once >> log.txt"}, "toolu_once")
    agent = ScriptedAgent(Answer((append, Text("and then")), ending="cut", pause_before_end=1.5), DONE)
    wired.upstream.handler = agent

    run = claude.run("Append")

    assert run.code == 0, run.output + run.errors
    assert (claude.work / "log.txt").read_text() == "once\n"


def test_the_ladder_of_claude_code_climbs_over_a_400(wired: Line, tmp_path: Path) -> None:
    refusal = ApiError(400, "This model does not support the effort parameter.", "invalid_request_error")
    agent = ScriptedAgent(refusal, Answer((Text("Without effort."),)))
    wired.upstream.handler = agent

    run = cli(wired, tmp_path).run("Try")

    assert run.code == 0, run.output + run.errors
    assert run.text == "Without effort."
    assert len(agent.main) == 2


def test_a_wrong_upstream_key_fails_at_once(wired: Line, tmp_path: Path) -> None:
    agent = ScriptedAgent(ApiError(401, "No auth credentials found", "authentication_error"))
    wired.upstream.handler = agent
    began = time.monotonic()

    run = cli(wired, tmp_path).run("Try")

    assert run.result["is_error"] is True
    assert len(agent.main) == 1
    assert time.monotonic() - began < 15.0


@pytest.mark.parametrize(
    ("name", "sent", "path"),
    [
        ("big", "anthropic/claude-sonnet-4", "/api/v1/messages"),
        ("openrouter/openai/gpt-5", "openai/gpt-5", "/api/v1/chat/completions"),
        ("openrouter/anthropic/claude-opus-5", "anthropic/claude-opus-5", "/api/v1/messages"),
        ("claude-sonnet-4-5", "anthropic/claude-sonnet-4.5", "/api/v1/messages"),
    ],
)
def test_model_names_lead_to_models(gateways: Gateways, tmp_path: Path, name: str, sent: str, path: str) -> None:
    line = open_line(gateways, "messages")
    agent = ScriptedAgent(Answer((ToolCall("Bash", {"command": "echo hi"}, "toolu_1"),)), DONE)
    line.upstream.handler = agent

    run = cli(line, tmp_path).run("Say hello", "--model", name)

    assert run.code == 0, run.output + run.errors
    assert run.text == "All done."
    assert {call.model for call in line.upstream.calls} == {sent}
    assert {call.path for call in line.upstream.calls} == {path}


def test_the_chat_wire_is_free_of_what_others_refuse(gateways: Gateways, tmp_path: Path) -> None:
    line = claude_line(gateways, "chat")
    line.upstream.handler = ScriptedAgent(DONE)

    cli(line, tmp_path).run("Say hello", "--model", "openrouter/openai/gpt-5")

    body = line.upstream.last.body
    assert "x-anthropic-billing-header" not in all_text(body)
    assert {"Bash", "Read", "Write", "Edit"} <= tool_names(body)
    assert "defer_loading" not in str(body["tools"])
    assert not {"context_management", "output_config", "thinking", "metadata", "safeguards"} & body.keys()
    assert all(message["role"] in ("system", "user", "assistant", "tool", "developer") for message in body["messages"])


def test_the_context_display_counts_tokens(wired: Line, tmp_path: Path) -> None:
    wired.upstream.handler = ScriptedAgent(DONE)

    run = cli(wired, tmp_path).run("/context")

    assert run.code == 0, run.output + run.errors
    counted = [line for line in wired.gateway.server.log().splitlines() if "count_tokens" in line]
    assert len(counted) >= 20
    assert all('"status":200' in line for line in counted)
    used = re.search(r"Tokens:\*\* ([\d.]+)k", run.text)
    assert used is not None
    assert float(used[1]) > 1.0


def test_an_overflow_makes_claude_code_compact_and_go_on(wired: Line, tmp_path: Path) -> None:
    overflow = ApiError(
        400,
        "This endpoint's maximum context length is 200000 tokens. However, you requested about 250000 tokens "
        "(240000 of text input, 10000 in the output). Please reduce the length of either one.",
        "invalid_request_error",
    )
    agent = ScriptedAgent(
        Answer((Text("First answer."),)),
        Answer((Text("Second answer."),)),
        overflow,
        Answer((Text("<summary>They spoke about words.</summary>"),)),
        Answer((Text("Third answer, after compaction."),)),
    )
    wired.upstream.handler = agent
    claude = cli(wired, tmp_path)

    session = claude.run("First question").session
    claude.run("Second question", "--resume", session)
    run = claude.run("Third question", "--resume", session)

    assert run.code == 0, run.output + run.errors
    assert run.text == "Third answer, after compaction."
    assert "They spoke about words." in all_text(agent.main[4].body)


def test_the_context_display_shows_the_upstreams_own_counts(gateways: Gateways, tmp_path: Path) -> None:
    line = claude_line(gateways, "anthropic")

    run = cli(line, tmp_path).run("/context")

    assert run.code == 0, run.output + run.errors
    counts = [request for request in line.upstream.requests if request.path == "/v1/messages/count_tokens"]
    assert len(counts) >= 20
    assert all("authorization" in request.headers or "x-api-key" in request.headers for request in counts)


def test_a_request_that_is_too_large_is_told_and_not_repeated(gateways: Gateways, tmp_path: Path) -> None:
    line = open_line(gateways, "messages", MAX_REQUEST_MB="0.02")

    run = cli(line, tmp_path).run("Say hello")

    assert run.result["is_error"] is True
    assert "too large" in run.text.lower()
    assert line.upstream.calls == []


def test_the_demo_serves_claude_code(demo: Gateway, tmp_path: Path) -> None:
    claude = cli(demo, tmp_path)

    run = claude.run('demo:tool Bash {"command": "echo made > made.txt"}\ndemo:then\ndemo:text finished')

    assert run.code == 0, run.output + run.errors
    assert "finished" in run.text
    assert (claude.work / "made.txt").read_text() == "made\n"
    assert run.usage["input_tokens"] > 0
