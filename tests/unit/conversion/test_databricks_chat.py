"""Requests for Databricks' chat completions: messages, tools, thinking and what is left out."""

from typing import Any

import pytest

from openrouter_anthropic_server.capabilities.traits import UNLIMITED, Capabilities
from openrouter_anthropic_server.conversion.chat_request import ConvertedRequest, convert_request
from openrouter_anthropic_server.conversion.databricks_messages import NO_OUTPUT
from openrouter_anthropic_server.conversion.reasoning_envelope import pack_reasoning
from openrouter_anthropic_server.conversion.validation import validate_messages_request
from openrouter_anthropic_server.coordinators.databricks_routes import DATABRICKS
from openrouter_anthropic_server.errors import InvalidRequestError
from tests.unit.conversion.converting import EPHEMERAL, assistant, call, notes, result, system, text, tool, user

CLAUDE = "databricks-claude-sonnet-4-5"
LLAMA = "databricks-llama-4-maverick"
OSS = "databricks-gpt-oss-120b"
SIGNED = {"type": "thinking", "thinking": "Hm.", "signature": "EqQB=="}
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}}
IMAGE_PART = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}


def convert(
    *messages: dict[str, Any], model: str = CLAUDE, capabilities: Capabilities = UNLIMITED, **fields: Any
) -> ConvertedRequest:
    """Validate and convert a request for Databricks."""
    request: dict[str, Any] = {"model": "any", "max_tokens": 4096, "messages": list(messages), **fields}
    valid = validate_messages_request(request, api_version="2023-06-01")
    return convert_request(valid, model=model, dialect=DATABRICKS, capabilities=capabilities)


def sent(*messages: dict[str, Any], model: str = CLAUDE, **fields: Any) -> list[dict[str, Any]]:
    """The messages that Databricks gets."""
    found: list[dict[str, Any]] = convert(*messages, model=model, **fields).body["messages"]
    return found


# ---------------------------------------------------------------- thinking in the history


def test_claudes_thinking_stands_before_its_text_in_the_form_it_came() -> None:
    hidden = {"type": "redacted_thinking", "data": "b64=="}

    message = sent(user("hi"), assistant(SIGNED, hidden, "So.", call("a")), user(result("a")))[1]

    assert message["content"] == [
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm.", "signature": "EqQB=="}]},
        {"type": "reasoning", "summary": [{"type": "summary_encrypted_text", "data": "b64=="}]},
        {"type": "text", "text": "So."},
    ]
    assert [sent_call["id"] for sent_call in message["tool_calls"]] == ["a"]
    assert message.keys() == {"role", "content", "tool_calls"}


@pytest.mark.parametrize(
    ("block", "model"),
    [
        (SIGNED, OSS),
        ({"type": "thinking", "thinking": "Hm.", "signature": ""}, CLAUDE),
        ({"type": "thinking", "thinking": "Hm.", "signature": pack_reasoning([{"type": "reasoning.text"}])}, CLAUDE),
        ({"type": "redacted_thinking", "data": pack_reasoning([{"type": "reasoning.encrypted"}])}, CLAUDE),
    ],
)
def test_thinking_that_would_be_refused_is_left_out_and_noted(block: dict[str, Any], model: str) -> None:
    converted = convert(user("hi"), assistant(block, "So."), user("go on"), model=model)

    assert converted.body["messages"][1] == {"role": "assistant", "content": "So."}
    assert ("not_sent", "messages.1.content.0") in notes(converted)


# ---------------------------------------------------------------- roles and contents


def test_only_the_first_message_has_the_role_system() -> None:
    converted = convert(user("hi"), system("Mind the date."), assistant("Yes."), user("so"), system="Be brief.")

    assert converted.body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {
            "role": "user",
            "content": [text("hi"), text("<system-reminder>\nMind the date.\n</system-reminder>")],
        },
        {"role": "assistant", "content": "Yes."},
        {"role": "user", "content": "so"},
    ]
    assert ("converted", "messages.role") in notes(converted)


def test_a_turn_of_nothing_but_calls_has_no_content() -> None:
    assert "content" not in sent(user("hi"), assistant(call("a")), user(result("a")))[1]


def test_cache_markers_stay_for_claude_and_go_for_others() -> None:
    marked = user(text("hi", cache_control=EPHEMERAL), text("there"))

    assert sent(marked)[0]["content"][0]["cache_control"] == EPHEMERAL
    assert sent(marked, model=LLAMA) == [{"role": "user", "content": "hi\n\nthere"}]


def test_other_models_get_strings_except_with_images() -> None:
    messages = sent(
        user("look", IMAGE, text("here", cache_control=EPHEMERAL)), model=LLAMA, system=[text("a"), text("b")]
    )

    assert messages[0] == {"role": "system", "content": "a\n\nb"}
    assert messages[1]["content"] == [text("look"), IMAGE_PART, text("here")]


@pytest.mark.parametrize("model", [CLAUDE, LLAMA])
def test_images_of_results_stand_behind_all_results(model: str) -> None:
    results = user(result("a", [text("one"), IMAGE]), result("b", [IMAGE]), "go on")

    messages = sent(user("hi"), assistant(call("a"), call("b")), results, model=model)

    contents = {message["tool_call_id"]: message["content"] for message in messages if message["role"] == "tool"}
    assert contents == {"a": "one" if model == LLAMA else [text("one")], "b": "(see the images below)"}
    assert messages[-1] == {
        "role": "user",
        "content": [
            text("Images in the result of tool call a:"),
            IMAGE_PART,
            text("Images in the result of tool call b:"),
            IMAGE_PART,
            text("go on"),
        ],
    }


@pytest.mark.parametrize("content", ["", "  ", [], [text(" ")]])
def test_an_empty_result_gets_a_line_that_says_so(content: Any) -> None:
    converted = convert(user("hi"), assistant(call("a")), user(result("a", content)))

    assert converted.body["messages"][2]["content"] == NO_OUTPUT
    assert ("converted", "messages.content") in notes(converted)


def test_pdfs_are_refused_by_name() -> None:
    pdf = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "aGk="}}

    with pytest.raises(InvalidRequestError, match="^messages: PDF documents"):
        convert(user(pdf))
    with pytest.raises(InvalidRequestError, match="^messages: PDF documents"):
        convert(user("hi"), assistant(call("a")), user(result("a", [pdf])))


# ---------------------------------------------------------------- parallel calls


def test_other_models_see_parallel_calls_one_after_the_other() -> None:
    results = user(result("b", "two"), result("a", "one"), "go on")

    messages = sent(user("hi"), assistant("Both.", call("a"), call("b")), results, model=LLAMA)[1:]

    assert [(message["role"], message.get("content")) for message in messages] == [
        ("assistant", "Both."),
        ("tool", "one"),
        ("assistant", None),
        ("tool", "two"),
        ("user", "go on"),
    ]
    assert [[made["id"] for made in message.get("tool_calls", ())] for message in messages] == [
        ["a"],
        [],
        ["b"],
        [],
        [],
    ]


def test_a_turn_with_an_unanswered_call_is_not_taken_apart() -> None:
    messages = sent(user("hi"), assistant(call("a"), call("b")), user(result("a"), "stop"), model=LLAMA)

    assert [len(message.get("tool_calls", ())) for message in messages] == [0, 2, 0, 0]


def test_claude_keeps_parallel_calls_together() -> None:
    messages = sent(user("hi"), assistant(call("a"), call("b")), user(result("a"), result("b")))

    assert [len(message.get("tool_calls", ())) for message in messages] == [0, 2, 0, 0]


# ---------------------------------------------------------------- tools and parameters


def test_tools_have_nothing_but_what_is_taken() -> None:
    converted = convert(user("hi"), tools=[tool("Bash", strict=True, cache_control=EPHEMERAL)])

    [sent_tool] = converted.body["tools"]
    assert sent_tool.keys() == {"type", "function"}
    assert not {"strict", "cache_control"} & sent_tool["function"].keys()
    assert {("not_sent", "tools.0.strict"), ("not_sent", "tools.0.cache_control")} <= notes(converted)


def test_tools_that_databricks_does_not_run_are_refused() -> None:
    with pytest.raises(InvalidRequestError, match="tools.0"):
        convert(user("hi"), tools=[{"type": "web_search_20250305", "name": "web_search"}])


def test_unknown_parameters_are_left_out_and_noted() -> None:
    fields: dict[str, Any] = {
        "metadata": {"user_id": "u"},
        "provider": {"order": ["a"]},
        "cache_control": EPHEMERAL,
        "seed": 1,
    }

    converted = convert(
        user("hi"), tool_choice={"type": "auto", "disable_parallel_tool_use": True}, tools=[tool()], **fields
    )

    assert converted.body.keys() == {"model", "messages", "max_tokens", "stream", "tools", "tool_choice"}
    assert {("not_sent", name) for name in ("provider", "cache_control", "seed")} <= notes(converted)
    assert any("parallel_tool" in path for _, path in notes(converted))


def test_streaming_is_always_said() -> None:
    assert convert(user("hi")).body["stream"] is False
    assert convert(user("hi"), stream=True).body["stream"] is True


# ---------------------------------------------------------------- thinking asked for


@pytest.mark.parametrize(
    ("fields", "known", "expected"),
    [
        (
            {"thinking": {"type": "enabled", "budget_tokens": 2000}},
            UNLIMITED,
            {"thinking": {"type": "enabled", "budget_tokens": 2000}},
        ),
        (
            {"thinking": {"type": "adaptive", "display": "omitted"}, "output_config": {"effort": "high"}},
            UNLIMITED,
            {"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}},
        ),
        (
            {"thinking": {"type": "enabled", "budget_tokens": 2000}},
            Capabilities(thinking=frozenset({"adaptive"})),
            {"thinking": {"type": "adaptive"}},
        ),
        ({"thinking": {"type": "disabled"}}, Capabilities(thinking=frozenset({"adaptive"})), {}),
        ({"output_config": {"effort": "high"}}, Capabilities(efforts=()), {}),
        ({}, UNLIMITED, {}),
    ],
)
def test_claude_gets_thinking_in_anthropics_form(
    fields: dict[str, Any], known: Capabilities, expected: dict[str, Any]
) -> None:
    converted = convert(user("hi"), capabilities=known, **fields)

    asked = {name: converted.body[name] for name in ("thinking", "output_config") if name in converted.body}
    assert asked == expected
    assert "reasoning_effort" not in converted.body


@pytest.mark.parametrize(
    ("efforts", "fields", "expected"),
    [
        (("low", "medium", "high"), {"output_config": {"effort": "low"}}, "low"),
        (("low", "medium", "high"), {"output_config": {"effort": "max"}}, "high"),
        (("low", "high", "max"), {"thinking": {"type": "adaptive"}, "output_config": {"effort": "medium"}}, "low"),
        (("low", "high", "max"), {"thinking": {"type": "enabled", "budget_tokens": 2000}}, None),
        (None, {"output_config": {"effort": "low"}}, None),
        ((), {"output_config": {"effort": "low"}}, None),
        (("low", "medium", "high"), {"thinking": {"type": "disabled"}}, None),
        (("low", "medium", "high"), {"reasoning_effort": "medium"}, "medium"),
    ],
)
def test_other_models_get_an_effort_that_they_know(
    efforts: tuple[str, ...] | None, fields: dict[str, Any], expected: str | None
) -> None:
    converted = convert(user("hi"), model=OSS, capabilities=Capabilities(efforts=efforts), **fields)

    assert converted.body.get("reasoning_effort") == expected
    assert not {"thinking", "output_config", "reasoning"} & converted.body.keys()
    if expected is None:
        assert {kind for kind, _ in notes(converted)} == {"not_sent"}


def test_a_model_that_can_stop_thinking_is_told_to() -> None:
    known = Capabilities(efforts=("none", "low", "high"))

    converted = convert(user("hi"), model="databricks-gpt-5", capabilities=known, thinking={"type": "disabled"})

    assert converted.body["reasoning_effort"] == "none"
