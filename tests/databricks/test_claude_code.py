"""The real Claude Code in front of a Databricks workspace that refuses whatever the real one refuses."""

from pathlib import Path

import pytest

from tests.clients.claude_code import ClaudeCode
from tests.databricks.workspaces import Workspace
from tests.upstreams.agent import ScriptedAgent, all_text
from tests.upstreams.answers import Answer, Text, Thinking, Tokens, ToolCall

SIGNATURE = "EtkBCkYIBRgCKkD+a/signature+that/must==come=back"


@pytest.mark.parametrize("model", ["claude-opus-5-5", "claude-sonnet-4-5"])
def test_a_session_with_thinking_and_tools(workspace: Workspace, model: str, tmp_path: Path) -> None:
    agent = ScriptedAgent(
        Answer(
            (
                Thinking("I should look around first.", SIGNATURE),
                Text("Let me look."),
                ToolCall("Bash", {"command": "echo from-$((40+2))-bash"}, "toolu_bash"),
            )
        ),
        Answer(
            (
                ToolCall("Bash", {"command": "echo one > one.txt; cat one.txt"}, "toolu_one"),
                ToolCall("Bash", {"command": "true"}, "toolu_two"),
            )
        ),
        Answer((Text("All done."),), tokens=Tokens(input=1234, output=56, cache_read=789, cost=None)),
        Answer((Text("It was one."),)),
    )
    workspace.upstream.handler = agent
    claude = ClaudeCode(workspace.url, tmp_path)

    run = claude.run("Work on the files", "--model", model)
    resumed = claude.run("What was it?", "--model", model, "--resume", run.session)

    assert run.code == 0, run.output + run.errors
    assert run.text == "All done."
    assert resumed.text == "It was one."
    assert (claude.work / "one.txt").read_text() == "one\n"
    assert run.usage["cache_read_input_tokens"] == 789
    assert workspace.upstream.refusals == []
    assert "from-42-bash" in all_text(agent.main[1].body)
    assert len(agent.main) == 4
    for body in (agent.main[1].body, agent.main[2].body):
        turn = next(message for message in body["messages"] if message["role"] == "assistant")
        assert SIGNATURE in str(turn["content"][0])


def test_a_session_with_a_model_of_another_vendor(chat: Workspace, tmp_path: Path) -> None:
    calls = tuple(ToolCall("Bash", {"command": f"echo result-{n}"}, f"toolu_{n}") for n in range(3))
    agent = ScriptedAgent(Answer((Thinking("Hm.", ""), Text("Look."), *calls)), Answer((Text("All done."),)))
    chat.upstream.handler = agent

    run = ClaudeCode(chat.url, tmp_path).run("Do three things", "--model", "databricks-gpt-oss-120b")

    assert run.code == 0, run.output + run.errors
    assert run.text == "All done."
    assert chat.upstream.refusals == []
    assert all(f"result-{n}" in all_text(agent.main[1].body) for n in range(3))
