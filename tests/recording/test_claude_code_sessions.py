"""A session of the real Claude Code as Prefect shows it: every call, in order, and nothing of what was said."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.clients.claude_code import ClaudeCode
from tests.recording.prefect_server import PrefectServer
from tests.recording.recorded_server import (
    CHAT_MODEL,
    MESSAGES_MODEL,
    RecordedServer,
    body,
    recorded_server,
    wait_for_artifacts,
    wait_for_final,
)
from tests.server_process import UPSTREAM_KEY
from tests.upstreams.agent import ScriptedAgent
from tests.upstreams.answers import Answer, ApiError, Text, Thinking, Tokens, ToolCall

pytestmark = pytest.mark.timeout(180)

PROMPT, ANSWER, INPUT = "canaryprompt7301", "canaryanswer7302", "canaryinput7303"
THOUGHT, RESULT, CLIENT_KEY = "canarythought7304", "canaryresult7305", "sk-ant-canary7306canary7306canary7306"
FAILURE, SYSTEM = "canaryfailure7307", "canarysystem7308"
CANARIES = (PROMPT, ANSWER, INPUT, THOUGHT, RESULT, CLIENT_KEY, FAILURE, SYSTEM, UPSTREAM_KEY)


@pytest.fixture(scope="module")
def prefect() -> Iterator[PrefectServer]:
    server = PrefectServer("sqlite").start()
    yield server
    server.stop()


def _agent() -> ScriptedAgent:
    return ScriptedAgent(
        Answer(
            (
                Thinking(THOUGHT),
                Text(ANSWER),
                ToolCall("Bash", {"command": f"echo {RESULT} # {INPUT}"}, "toolu_bash"),
            ),
            tokens=Tokens(input=1000, output=20, cache_read=300, cost=0.25),
        ),
        Answer((Text(f"{ANSWER} again"),), tokens=Tokens(input=1500, output=30, cache_read=600, cost=0.5)),
    )


def _run_session(recorded: RecordedServer, directory: Path) -> str:
    """One prompt with a tool call, over the real CLI; its session id."""
    recorded.upstream.handler = _agent()
    claude = ClaudeCode(recorded.server.url, directory, {"ANTHROPIC_API_KEY": CLIENT_KEY})
    run = claude.run(PROMPT, "--append-system-prompt", SYSTEM)
    assert run.code == 0, run.output + run.errors
    assert RESULT in str(recorded.upstream.last.body)
    return run.session


def test_all_calls_of_a_session_are_listed_in_order_with_tokens_and_cost(
    prefect: PrefectServer, tmp_path: Path
) -> None:
    with recorded_server(prefect) as recorded:
        session = _run_session(recorded, tmp_path)
        listed = _listed(recorded, session, 2)
        runs = listed["runs"]
        assert [run["started"] for run in runs] == sorted(run["started"] for run in runs)
        assert [run["facts"]["output_tokens"] for run in runs] == [20, 30]
        assert listed["totals"]["output_tokens"] == 50
        assert listed["totals"]["cost"] == pytest.approx(0.75)
        run = recorded.reader.run(runs[0]["name"])
        assert {f"session:{session}", f"model:{runs[0]['facts']['model']}", "stream:true"} <= set(run["tags"])


@pytest.mark.parametrize("wire", ["messages", "chat"])
def test_nothing_of_what_was_said_is_in_prefect_the_spool_or_the_log(
    prefect: PrefectServer, tmp_path: Path, wire: str
) -> None:
    with recorded_server(prefect, OPENROUTER_WIRE=wire, LOG_LEVEL="debug") as recorded:
        _run_session(recorded, tmp_path)
        recorded.upstream.reply(ApiError(400, f"{FAILURE} in {PROMPT}", "invalid_request_error"))
        failed = recorded.ask(PROMPT)
        recorded.upstream.reply(Answer((Text(ANSWER),), ending="cut"))
        cut = recorded.ask(PROMPT, stream=True)
        invalid = httpx.post(f"{recorded.server.url}/v1/messages", json=body(PROMPT) | {"max_tokens": PROMPT})
        wait_for_final(recorded.reader, [failed, cut, invalid.headers["request-id"]], 30)
        for place, text in _places(prefect, recorded):
            found = [canary for canary in CANARIES if canary.encode() in text]
            assert not found, f"{found} in {place}"


def test_with_record_content_a_second_artifact_holds_what_was_said(prefect: PrefectServer) -> None:
    with recorded_server(prefect, RECORD_CONTENT="true") as recorded:
        recorded.upstream.reply(*[Answer((Text(ANSWER),))] * 4)
        cases = [(model, stream) for model in (MESSAGES_MODEL, CHAT_MODEL) for stream in (False, True)]
        names = [recorded.ask(f"{PROMPT} {CLIENT_KEY}", model=model, stream=stream) for model, stream in cases]
        wait_for_final(recorded.reader, names, 30)
        for name in names:
            artifacts = wait_for_artifacts(recorded.reader, name, 2)
            text = "".join(str(artifact["data"]) for artifact in artifacts)
            assert PROMPT in text
            assert ANSWER in text
            assert CLIENT_KEY not in text
            assert UPSTREAM_KEY not in text


def _listed(recorded: RecordedServer, session: str, count: int) -> dict[str, Any]:
    """`GET /runs?session=` once it holds `count` runs with their facts."""
    deadline = time.monotonic() + 40
    while time.monotonic() < deadline:
        # While the recorder starts the answer is an error.
        answer = httpx.get(f"{recorded.server.url}/runs", params={"session": session}, timeout=20)
        listed: dict[str, Any] = answer.json()
        runs = listed.get("runs", ())
        if len(runs) == count and all("output_tokens" in run["facts"] for run in runs):
            return listed
        time.sleep(0.3)
    raise TimeoutError(f"not {count} runs: {listed}")


def _places(prefect: PrefectServer, recorded: RecordedServer) -> Iterator[tuple[str, bytes]]:
    """Every byte that recording has left: Prefect's files, the spool (the recorder may have removed much), the log."""
    for path in [*prefect.files(), *recorded.spool.rglob("*")]:
        if path.is_file():
            yield str(path), path.read_bytes()
    yield "the log", recorded.server.log().encode()
