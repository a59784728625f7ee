"""Assistant turns: texts, calls, and blocks that Anthropic's servers made."""

from typing import Any

import pytest

from openrouter_anthropic_server.errors import InvalidRequestError
from tests.unit.conversion.converting import CLAUDE, EPHEMERAL, Block, assistant, call, convert, notes, text, user


def turn(*content: str | Block, model: str = "x-ai/grok-4") -> dict[str, Any]:
    message: dict[str, Any] = convert(user("go"), assistant(*content), model=model).body["messages"][1]
    return message


def told(block: Block) -> Any:
    return turn(block)["content"]


class TestCalls:
    def test_input_becomes_json_text(self) -> None:
        assert turn(call("toolu_1", "Bash", command="ls", timeout=5)) == {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "toolu_1",
                    "type": "function",
                    "function": {"name": "Bash", "arguments": '{"command":"ls","timeout":5}'},
                }
            ],
        }

    def test_no_input_is_an_empty_object(self) -> None:
        assert turn(call("1"))["tool_calls"][0]["function"]["arguments"] == "{}"

    def test_what_a_call_cannot_carry_is_noted(self) -> None:
        block = call("1") | {"cache_control": EPHEMERAL, "toolset_name": "computer", "future": 1}
        block["caller"] = {"type": "code_execution_20250825", "tool_id": "t"}
        converted = convert(user("go"), assistant(block))

        fields = ("cache_control", "toolset_name", "future", "caller")
        assert notes(converted) == {("not_sent", f"messages.1.content.0.{field}") for field in fields}

    def test_a_direct_caller_is_nothing_to_note(self) -> None:
        converted = convert(user("go"), assistant(call("1") | {"caller": {"type": "direct"}}))

        assert converted.notes == ()


class TestTexts:
    def test_text_and_calls_share_a_message(self) -> None:
        message = turn("I will look.", call("1"))

        assert message["content"] == "I will look."
        assert len(message["tool_calls"]) == 1

    def test_text_after_a_call_moves_before_it_and_is_noted(self) -> None:
        converted = convert(user("go"), assistant("a", call("1"), "b"))

        assert converted.body["messages"][1]["content"] == [text("a"), text("b")]
        assert notes(converted) == {("converted", "messages.1.content.2")}

    def test_a_string_is_the_same_as_a_block(self) -> None:
        sent = convert(user("go"), {"role": "assistant", "content": "a"}).body["messages"]

        assert sent[1] == {"role": "assistant", "content": "a"}

    def test_cache_markers_are_kept(self) -> None:
        assert told(text("a", cache_control=EPHEMERAL)) == [text("a", cache_control=EPHEMERAL)]


class TestServerBlocks:
    def test_a_search_and_its_results_become_text(self) -> None:
        found = [
            {"type": "web_search_result", "title": "T1", "url": "https://a", "encrypted_content": "SECRET"},
            {"type": "web_search_result", "title": "T2", "url": "https://b", "encrypted_content": "SECRET"},
        ]
        converted = convert(
            user("go"),
            assistant(
                {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "cats"}},
                {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": found},
                "So.",
            ),
            model=CLAUDE,
        )

        assert converted.body["messages"][1]["content"] == [
            text('<server_tool_use name="web_search">{"query":"cats"}</server_tool_use>'),
            text("<web_search_results>\n- T1 (https://a)\n- T2 (https://b)\n</web_search_results>"),
            text("So."),
        ]
        assert notes(converted) == {("converted", "messages.1.content.0"), ("converted", "messages.1.content.1")}

    def test_a_fetched_page_becomes_text(self) -> None:
        page = {
            "type": "document",
            "title": "Page",
            "source": {"type": "text", "media_type": "text/plain", "data": "body"},
        }
        content = {"type": "web_fetch_result", "url": "https://a", "content": page}

        assert told({"type": "web_fetch_tool_result", "tool_use_id": "1", "content": content}) == (
            "<web_fetch_result>\n<url>https://a</url>\n<title>Page</title>\nbody\n</web_fetch_result>"
        )

    def test_a_fetched_file_is_named_and_noted(self) -> None:
        pdf = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "aGk="}}
        content = {"type": "web_fetch_result", "url": "https://a", "content": pdf}
        block = {"type": "web_fetch_tool_result", "tool_use_id": "1", "content": content}
        converted = convert(user("go"), assistant(block))

        assert "https://a" in converted.body["messages"][1]["content"]
        assert ("not_sent", "messages.1.content.0.content.content") in notes(converted)

    @pytest.mark.parametrize(
        ("block", "words"),
        [
            (
                {
                    "type": "web_search_tool_result",
                    "tool_use_id": "1",
                    "content": {"type": "web_search_tool_result_error", "error_code": "max_uses_exceeded"},
                },
                ["max_uses_exceeded"],
            ),
            (
                {
                    "type": "web_fetch_tool_result",
                    "tool_use_id": "1",
                    "content": {"type": "web_fetch_tool_result_error", "error_code": "url_not_allowed"},
                },
                ["url_not_allowed"],
            ),
            (
                {
                    "type": "bash_code_execution_tool_result",
                    "tool_use_id": "1",
                    "content": {"type": "bash_code_execution_result", "stdout": "42", "return_code": 0},
                },
                ["42", "return_code"],
            ),
            (
                {
                    "type": "mcp_tool_use",
                    "id": "1",
                    "name": "add",
                    "server_name": "calc",
                    "input": {"a": 17},
                },
                ["add", "calc", "17"],
            ),
            (
                {"type": "mcp_tool_result", "tool_use_id": "1", "is_error": True, "content": [text("boom")]},
                ["boom", "true"],
            ),
            ({"type": "container_upload", "file_id": "file_9"}, ["file_9"]),
            ({"type": "compaction", "content": "what happened so far"}, ["what happened so far"]),
            ({"type": "web_search_tool_result", "tool_use_id": "1", "content": ["odd"]}, ["odd"]),
            ({"type": "web_fetch_tool_result", "tool_use_id": "1", "content": None}, ["null"]),
        ],
    )
    def test_what_servers_did_is_told_as_text(self, block: Block, words: list[str]) -> None:
        converted = convert(user("go"), assistant(block))
        content = converted.body["messages"][1]["content"]

        assert all(word in content for word in words)
        assert ("converted", "messages.1.content.0") in notes(converted)

    @pytest.mark.parametrize(
        "block",
        [
            {"type": "fallback", "from": {"model": "a"}, "to": {"model": "b"}},
            {"type": "mcp_tool_listing", "mcp_server_name": "calc", "tools": []},
        ],
    )
    def test_what_says_nothing_to_a_model_is_noted(self, block: Block) -> None:
        converted = convert(user("go"), assistant("a", block))

        assert converted.body["messages"][1]["content"] == "a"
        assert notes(converted) == {("not_sent", "messages.1.content.1")}

    @pytest.mark.parametrize(
        "block",
        [
            {"type": "compaction", "content": None, "encrypted_content": "x"},
            {"type": "hologram"},
            {"type": "document", "source": {"type": "text", "data": "a"}},
        ],
    )
    def test_what_cannot_be_told_is_refused_by_name(self, block: Block) -> None:
        with pytest.raises(InvalidRequestError, match=rf"^messages\.1\.content\.0: .*'{block['type']}' cannot be sent"):
            convert(user("go"), assistant(block))
