"""What an upstream on the messages wire does not take is left out, converted or refused by name."""

from pathlib import Path
from typing import Any

import orjson
import pytest

import openrouter_anthropic_server.capabilities as package
from openrouter_anthropic_server.capabilities.table import parse_table
from openrouter_anthropic_server.capabilities.traits import UNLIMITED, Capabilities
from openrouter_anthropic_server.conversion.betas import fit_betas
from openrouter_anthropic_server.conversion.messages_fields import NO_EDITS, field_edits
from openrouter_anthropic_server.conversion.messages_wire import (
    PreparedMessages,
    forwarded_headers,
    prepare_messages_body,
)
from openrouter_anthropic_server.errors import InvalidRequestError
from tests.claude_code_requests import recorded_body, request_files

JSON = dict[str, Any]

STRICT = Capabilities(
    fields=frozenset({"thinking", "output_config", "tools", "system"}),
    beta_fields=(("mcp-client-*", ("mcp_servers",)), ("context-management-*", ("context_management",))),
    server_tools=("tool_search_tool_*",),
    sampling=frozenset({"top_k"}),
    thinking=frozenset({"adaptive"}),
    efforts=("low", "high"),
    system_messages=False,
)


def prepared(body: JSON, known: Capabilities, raw: bytes | None = None) -> PreparedMessages:
    raw = orjson.dumps(body) if raw is None else raw
    return prepare_messages_body(body, raw, model=body["model"], upstream="databricks", capabilities=known)


def request(**fields: Any) -> JSON:
    return {"model": "m", "max_tokens": 9000, "messages": [{"role": "user", "content": "hi"}], **fields}


def sent(body: JSON, known: Capabilities = STRICT) -> tuple[JSON, list[tuple[str, str]]]:
    found = prepared(body, known)
    return orjson.loads(found.body), [(note.kind, note.path) for note in found.notes]


def test_a_request_that_is_taken_whole_goes_out_byte_for_byte() -> None:
    body = request(system="x", thinking={"type": "adaptive"}, output_config={"effort": "low"}, top_k=3)
    known = Capabilities(
        fields=STRICT.fields and STRICT.fields | {"top_k"}, sampling=frozenset({"top_k"}), efforts=("low",)
    )
    raw = b" " + orjson.dumps(body, option=orjson.OPT_INDENT_2) + b"\n"
    assert prepared(body, known, raw).body is raw
    assert field_edits(body, known, upstream="x") is NO_EDITS


@pytest.mark.parametrize("name", request_files("/v1/messages"))
def test_recorded_requests_of_claude_code_need_no_change_but_for_auto_mode(name: str) -> None:
    body = recorded_body(name)
    table = parse_table((Path(package.__file__).parent / "table.toml").read_text(encoding="utf-8"))
    known = table.of("openrouter", "messages", f"anthropic/{body['model']}")
    edits = field_edits(body, known, upstream="openrouter")
    assert [note.path for note in edits.notes] == (["safeguards"] if "safeguards" in body else [])


def test_fields_that_are_not_taken_are_left_out_and_noted() -> None:
    body = request(context_management={"edits": []}, inference_geo="eu", safeguards={})
    assert sent(body) == (
        request(),
        [("not_sent", "context_management"), ("not_sent", "inference_geo"), ("not_sent", "safeguards")],
    )


@pytest.mark.parametrize(
    ("field", "value", "path"),
    [
        ("mcp_servers", [{"type": "url"}], "mcp_servers"),
        ("fallbacks", "default", "fallbacks"),
        ("compaction", {"type": "summarize"}, "compaction"),
        ("container", {"skills": [{"type": "anthropic"}]}, "container.skills"),
    ],
)
def test_fields_that_the_answer_depends_on_are_refused_by_name(field: str, value: Any, path: str) -> None:
    with pytest.raises(InvalidRequestError, match=rf"^{path}: databricks does not take it"):
        prepared(request(**{field: value}), STRICT)


def test_the_output_format_of_older_clients_takes_its_newer_place() -> None:
    wanted = {"type": "json_schema", "schema": {"type": "object"}}
    known = Capabilities(refused_fields=frozenset({"output_format"}), efforts=("low",))
    assert sent(request(output_format=wanted), known) == (
        request(output_config={"format": wanted}),
        [("converted", "output_format")],
    )
    body, _ = sent(request(output_format=wanted, output_config={"effort": "high"}), known)
    assert body["output_config"] == {"effort": "low", "format": wanted}
    body, notes = sent(request(output_format=wanted, output_config={"format": {"type": "x"}}), known)
    assert body == request(output_config={"format": {"type": "x"}})
    assert notes == [("not_sent", "output_format")]


def test_sampling_that_the_model_rejects_is_left_out() -> None:
    known = Capabilities(sampling=frozenset())
    body, notes = sent(request(temperature=1, top_p=0.5, top_k=4), known)
    assert body == request()
    assert notes == [("not_sent", "temperature"), ("not_sent", "top_k"), ("not_sent", "top_p")]


def test_parts_that_only_a_refused_beta_unlocks_are_left_out() -> None:
    known = Capabilities(refused_fields=frozenset({"output_config.task_budget", "thinking.block_binding", "thread"}))
    body, notes = sent(
        request(output_config={"effort": "low", "task_budget": {}}, thinking={"type": "adaptive", "block_binding": {}}),
        known,
    )
    assert (body["output_config"], body["thinking"]) == ({"effort": "low"}, {"type": "adaptive"})
    assert notes == [("not_sent", "output_config.task_budget"), ("not_sent", "thinking.block_binding")]


def test_thinking_and_effort_become_what_the_model_takes() -> None:
    body, notes = sent(
        request(thinking={"type": "enabled", "budget_tokens": 2000}, output_config={"effort": "max", "format": None})
    )
    assert (body["thinking"], body["output_config"]) == ({"type": "adaptive"}, {"format": None, "effort": "high"})
    assert notes == [("converted", "thinking.type"), ("converted", "output_config.effort")]


def test_an_output_config_of_nothing_but_an_unknown_effort_goes_whole() -> None:
    body, _ = sent(request(output_config={"effort": "max"}, thinking={"type": "adaptive"}), Capabilities(efforts=()))
    assert "output_config" not in body
    body, _ = sent(request(thinking={"type": "adaptive"}), Capabilities(thinking=frozenset()))
    assert "thinking" not in body


def test_thinking_that_is_left_out_is_not_to_be_cleared() -> None:
    edits = [{"type": "clear_thinking_20251015", "keep": "all"}, {"type": "clear_tool_uses_20250919"}]
    body = request(thinking={"type": "adaptive"}, context_management={"edits": edits})
    changed, notes = sent(body, Capabilities(thinking=frozenset()))
    assert changed == request(context_management={"edits": edits[1:]})
    assert notes == [("not_sent", "thinking"), ("not_sent", "context_management.edits")]


@pytest.mark.parametrize("kind", ["web_search_20250305", "code_execution_20260521", "openrouter:web_search"])
def test_server_tools_that_do_not_run_there_are_refused_by_name(kind: str) -> None:
    tools = [{"name": "mine", "input_schema": {}}, {"type": kind, "name": "x"}]
    with pytest.raises(InvalidRequestError, match=rf"^tools.1.type: databricks does not run '{kind}'"):
        prepared(request(tools=tools), STRICT)


def test_client_tools_and_those_that_run_there_pass() -> None:
    tools = [
        {"type": "custom", "name": "a", "input_schema": {}},
        {"type": "bash_20250124", "name": "bash"},
        {"type": "tool_search_tool_bm25_20251119", "name": "tool_search_tool_bm25"},
        {"type": "tool_of_tomorrow", "name": "b"},
    ]
    assert sent(request(tools=tools)) == (request(tools=tools), [])


def test_system_turns_become_reminders_behind_the_tool_results() -> None:
    call = {"type": "tool_use", "id": "t", "name": "x", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "t", "content": "done"}
    messages = [
        {"role": "user", "content": "hi"},
        {"role": "system", "content": [{"type": "text", "text": "Env", "cache_control": {"type": "ephemeral"}}]},
        {"role": "assistant", "content": [call]},
        {"role": "system", "content": "Be brief", "output_config": {"effort": "low"}},
        {"role": "user", "content": [result]},
        {"role": "system", "content": []},
        {"role": "system", "content": "Last"},
    ]
    body, notes = sent(request(messages=messages))

    def reminder(text: str, **more: Any) -> JSON:
        block = {"type": "text", "text": f"<system-reminder>\n{text}\n</system-reminder>", **more}
        return {"role": "user", "content": [block]}

    assert body["messages"] == [
        messages[0],
        reminder("Env", cache_control={"type": "ephemeral"}),
        messages[2],
        messages[4],
        reminder("Be brief"),
        reminder("Last"),
    ]
    assert ("not_sent", "messages.3.output_config") in notes
    assert ("converted", "messages.1.role") in notes


def test_what_cannot_be_a_reminder_is_refused() -> None:
    block = {"type": "tool_removal", "tool": {"type": "tool_reference", "name": "x"}}
    messages = [{"role": "user", "content": "hi"}, {"role": "system", "content": [block]}]
    with pytest.raises(InvalidRequestError, match=r"^messages.1.content.0: the model takes no 'tool_removal'"):
        prepared(request(messages=messages), STRICT)


def test_digits_of_long_numbers_survive_an_edit() -> None:
    raw = b'{"model":"m","max_tokens":9,"seed":1,"messages":[{"role":"user","content":"hi","n":123456789012345678901}]}'
    found = prepared(orjson.loads(raw), Capabilities(fields=frozenset()), raw)
    assert b'"n":123456789012345678901' in found.body
    assert b"seed" not in found.body


# ---------------------------------------------------------------- betas


def test_betas_are_forwarded_as_they_are_where_nothing_is_known() -> None:
    assert fit_betas("a-1, b-2", UNLIMITED).sent == "a-1, b-2"


def test_betas_that_are_not_taken_and_betas_of_fields_that_are_not_taken_are_left_out() -> None:
    found = fit_betas("mcp-client-2026-09-15, context-management-2025-06-27,new-2027", STRICT)
    assert found.sent == "new-2027"
    assert [note.path for note in found.notes] == ["anthropic-beta"] * 2
    assert fit_betas("new-2027", STRICT).notes == ()
    assert fit_betas("a-1,b-1", Capabilities(betas=("a-*",))).sent == "a-1"


def test_headers_without_a_beta_that_is_left_have_none() -> None:
    headers = {"anthropic-beta": "mcp-client-2026-09-15"}
    assert forwarded_headers(headers, upstream="databricks", capabilities=STRICT) == {"anthropic-version": "2023-06-01"}
