"""Tools and tool_choice of a request for the chat wire."""

from typing import Any

import pytest

from openrouter_anthropic_server.errors import InvalidRequestError
from tests.unit.conversion.converting import (
    CLAUDE,
    DEEPSEEK,
    EPHEMERAL,
    GPT,
    Block,
    assistant,
    call,
    convert,
    notes,
    result,
    tool,
    user,
)

EMPTY = {"type": "object", "properties": {}}
CLOSED = {"type": "object", "properties": {"a": {}}, "required": ["a"], "additionalProperties": False}
LONG = "mcp__" + "x" * 80


def sent(*tools: Block, model: str = DEEPSEEK, **fields: Any) -> dict[str, Any]:
    return convert(user("hi"), model=model, tools=list(tools), **fields).body


class TestCustomTools:
    @pytest.mark.parametrize("kind", [{}, {"type": None}, {"type": "custom"}])
    def test_they_become_functions(self, kind: Block) -> None:
        assert sent(tool("Bash", description="Run", **kind))["tools"] == [
            {"type": "function", "function": {"name": "Bash", "description": "Run", "parameters": EMPTY}}
        ]

    def test_no_description_is_no_description(self) -> None:
        assert sent(tool())["tools"][0]["function"] == {"name": "Bash", "parameters": EMPTY}

    def test_a_cache_marker_is_kept(self) -> None:
        assert sent(tool(cache_control=EPHEMERAL))["tools"][0]["cache_control"] == EPHEMERAL

    def test_a_schema_without_properties_gets_empty_ones(self) -> None:
        assert sent({"name": "a", "input_schema": {"type": "object"}})["tools"][0]["function"]["parameters"] == EMPTY

    def test_a_loaded_deferred_tool_is_sent_like_any_other(self) -> None:
        converted = convert(user("hi"), tools=[tool(defer_loading=True)])

        assert converted.body["tools"] == sent(tool())["tools"]
        assert notes(converted) == {("converted", "tools.0.defer_loading")}

    def test_the_placeholder_for_deferred_tools_is_left_out(self) -> None:
        converted = convert(user("hi"), tools=[tool(), tool("DeferredToolPlaceholder", defer_loading=True)])

        assert [each["function"]["name"] for each in converted.body["tools"]] == ["Bash"]
        assert notes(converted) == {("not_sent", "tools.1")}

    @pytest.mark.parametrize("field", ["input_examples", "eager_input_streaming", "allowed_callers", "future"])
    def test_other_fields_are_noted(self, field: str) -> None:
        assert notes(convert(user("hi"), tools=[tool() | {field: ["x"]}])) == {("not_sent", f"tools.0.{field}")}

    @pytest.mark.parametrize(
        ("model", "schema", "strict", "expected"),
        [
            (CLAUDE, EMPTY, True, True),
            (GPT, CLOSED, True, True),
            (GPT, EMPTY, True, None),
            (GPT, EMPTY, False, False),
        ],
    )
    def test_strict_is_kept_where_the_schema_allows_it(
        self, model: str, schema: Block, strict: bool, expected: bool | None
    ) -> None:
        converted = convert(user("hi"), model=model, tools=[{"name": "a", "input_schema": schema, "strict": strict}])

        assert converted.body["tools"][0]["function"].get("strict") is expected
        assert notes(converted) == ({("not_sent", "tools.0.strict")} if expected is None else set())


class TestPredefinedClientTools:
    @pytest.mark.parametrize(
        ("kind", "name", "needed", "required"),
        [
            ("bash_20250124", "bash", {"command", "restart"}, []),
            ("bash_20241022", "bash", {"command", "restart"}, []),
            (
                "text_editor_20250728",
                "str_replace_based_edit_tool",
                {"command", "path", "file_text", "old_str", "new_str", "insert_line", "insert_text", "view_range"},
                ["command", "path"],
            ),
            (
                "text_editor_20250124",
                "str_replace_editor",
                {"command", "path", "file_text", "old_str", "new_str", "insert_line", "view_range"},
                ["command", "path"],
            ),
            (
                "memory_20250818",
                "memory",
                {"command", "path", "file_text", "old_str", "new_str", "insert_line", "insert_text", "view_range"}
                | {"old_path", "new_path"},
                ["command"],
            ),
        ],
    )
    def test_they_become_functions_with_the_documented_parameters(
        self, kind: str, name: str, needed: set[str], required: list[str]
    ) -> None:
        converted = convert(user("hi"), tools=[{"type": kind, "name": name, "cache_control": EPHEMERAL}])
        (made,) = converted.body["tools"]

        assert made["function"]["name"] == name
        assert made["function"]["parameters"]["properties"].keys() == needed
        assert made["function"]["parameters"].get("required", []) == required
        assert made["cache_control"] == EPHEMERAL
        assert notes(converted) == {("converted", "tools.0")}

    @pytest.mark.parametrize(
        ("kind", "commands"),
        [
            ("text_editor_20250728", ["view", "create", "str_replace", "insert"]),
            ("text_editor_20241022", ["view", "create", "str_replace", "insert", "undo_edit"]),
            ("memory_20250818", ["view", "create", "str_replace", "insert", "delete", "rename"]),
        ],
    )
    def test_they_offer_the_commands_of_their_version(self, kind: str, commands: list[str]) -> None:
        (made,) = sent({"type": kind, "name": "t"})["tools"]

        assert made["function"]["parameters"]["properties"]["command"]["enum"] == commands

    def test_their_own_limits_are_noted(self) -> None:
        editor = {"type": "text_editor_20250728", "name": "str_replace_based_edit_tool", "max_characters": 10}

        assert ("not_sent", "tools.0.max_characters") in notes(convert(user("hi"), tools=[editor]))


class TestServerTools:
    def test_web_search_is_openrouters(self) -> None:
        location = {"type": "approximate", "city": "Bonn"}
        search = {
            "type": "web_search_20250305",
            "name": "web_search",
            "max_uses": 8,
            "blocked_domains": ["a.com"],
            "user_location": location,
        }

        assert sent(search)["tools"] == [
            {
                "type": "openrouter:web_search",
                "parameters": {"max_uses": 8, "excluded_domains": ["a.com"], "user_location": location},
            }
        ]

    def test_web_fetch_is_openrouters(self) -> None:
        fetch = {
            "type": "web_fetch_20260209",
            "name": "web_fetch",
            "allowed_domains": ["a.com"],
            "max_content_tokens": 5,
        }

        assert sent(fetch)["tools"] == [
            {"type": "openrouter:web_fetch", "parameters": {"allowed_domains": ["a.com"], "max_content_tokens": 5}}
        ]

    def test_no_parameters_are_no_parameters(self) -> None:
        assert sent({"type": "web_search_20260318", "name": "web_search"})["tools"] == [
            {"type": "openrouter:web_search"}
        ]

    def test_what_openrouter_does_not_take_is_noted(self) -> None:
        fetch = {"type": "web_fetch_20260309", "name": "web_fetch", "use_cache": False, "citations": {"enabled": True}}

        assert notes(convert(user("hi"), tools=[fetch])) == {
            ("converted", "tools.0"),
            ("not_sent", "tools.0.use_cache"),
            ("not_sent", "tools.0.citations"),
        }

    def test_openrouters_own_tools_pass_unchanged(self) -> None:
        own = {"type": "openrouter:datetime", "parameters": {"timezone": "UTC"}}

        assert sent(own)["tools"] == [own]

    @pytest.mark.parametrize("kind", ["tool_search_tool_bm25_20251119", "tool_search_tool_regex"])
    def test_tool_search_is_not_needed(self, kind: str) -> None:
        converted = convert(user("hi"), tools=[{"type": kind, "name": kind}, tool()])

        assert len(converted.body["tools"]) == 1
        assert notes(converted) == {("not_sent", "tools.0")}

    @pytest.mark.parametrize(
        "kind",
        [
            "computer_20250124",
            "computer_toolset_20260801",
            "browser_toolset_20260801",
            "code_execution_20250825",
            "advisor_20260301",
            "mcp_toolset",
            "teleport_20270101",
        ],
    )
    def test_others_are_refused_by_name(self, kind: str) -> None:
        with pytest.raises(InvalidRequestError, match=rf"^tools\.1: tools of type '{kind}' cannot be sent to "):
            sent(tool(), {"type": kind})


class TestChoice:
    @pytest.mark.parametrize(
        ("choice", "expected"),
        [
            ({"type": "auto"}, "auto"),
            ({"type": "any"}, "required"),
            ({"type": "none"}, "none"),
            ({"type": "tool", "name": "Bash"}, {"type": "function", "function": {"name": "Bash"}}),
        ],
    )
    def test_it_is_said_in_the_words_of_the_wire(self, choice: Block, expected: Any) -> None:
        assert sent(tool(), tool_choice=choice)["tool_choice"] == expected

    @pytest.mark.parametrize("name", ["web_search", "web_fetch"])
    def test_a_forced_server_tool_is_openrouters(self, name: str) -> None:
        body = sent({"type": f"{name}_20250910", "name": name}, tool_choice={"type": "tool", "name": name})

        assert body["tool_choice"] == {"type": f"openrouter:{name}"}

    def test_a_client_tool_called_web_search_stays_a_function(self) -> None:
        body = sent(tool("web_search"), tool_choice={"type": "tool", "name": "web_search"})

        assert body["tool_choice"] == {"type": "function", "function": {"name": "web_search"}}

    @pytest.mark.parametrize(("disabled", "expected"), [(True, False), (False, None)])
    def test_parallel_calls_can_be_disabled(self, disabled: bool, expected: bool | None) -> None:
        body = sent(tool(), tool_choice={"type": "auto", "disable_parallel_tool_use": disabled})

        assert body.get("parallel_tool_calls") is expected

    @pytest.mark.parametrize("tools", [[], [tool("DeferredToolPlaceholder")]])
    def test_without_tools_there_is_nothing_to_choose(self, tools: list[Block]) -> None:
        converted = convert(user("hi"), tools=tools, tool_choice={"type": "auto"})

        assert not {"tools", "tool_choice"} & converted.body.keys()
        assert ("not_sent", "tool_choice") in notes(converted)

    def test_no_tools_and_no_choice_leave_no_trace(self) -> None:
        assert convert(user("hi"), tools=[]).body == convert(user("hi")).body


class TestLongNames:
    def test_one_name_everywhere_and_back(self) -> None:
        converted = convert(
            user("hi"),
            assistant(call("1", LONG)),
            user(result("1", [{"type": "tool_reference", "tool_name": LONG}])),
            tools=[tool(LONG)],
            tool_choice={"type": "tool", "name": LONG},
        )
        body = converted.body
        name = body["tools"][0]["function"]["name"]

        assert len(name) == 64
        assert body["tool_choice"]["function"]["name"] == name
        assert body["messages"][1]["tool_calls"][0]["function"]["name"] == name
        assert body["messages"][2]["content"] == f"Tool loaded: {name}"
        assert converted.tool_names.to_client(name) == LONG
        assert ("renamed", "tools.0.name") in notes(converted)

    def test_a_tool_known_only_from_history_comes_back_too(self) -> None:
        converted = convert(user("hi"), assistant(call("1", "a.b")), user(result("1")))
        name = converted.body["messages"][1]["tool_calls"][0]["function"]["name"]

        assert converted.tool_names.to_client(name) == "a.b"
