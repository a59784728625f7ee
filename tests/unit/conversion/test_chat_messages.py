"""Roles and order: the system prompt, messages with the role system, and results directly after their calls."""

import pytest

from openrouter_anthropic_server.conversion.chat_context import ChatContext
from openrouter_anthropic_server.conversion.chat_messages import convert_messages
from openrouter_anthropic_server.errors import InvalidRequestError
from tests.unit.conversion.converting import (
    CLAUDE,
    DEEPSEEK,
    EPHEMERAL,
    GPT,
    assistant,
    call,
    convert,
    notes,
    result,
    sent_messages,
    system,
    text,
    user,
)

BILLING = "x-anthropic-billing-header: cc_version=2.1.329.e8d; cc_entrypoint=sdk-cli;"


def roles(messages: list[dict[str, object]]) -> list[object]:
    return [message["role"] for message in messages]


class TestSystemPrompt:
    def test_a_string_stays_a_string(self) -> None:
        assert sent_messages(user("hi"), system="Be brief.")[0] == {"role": "system", "content": "Be brief."}

    def test_one_plain_block_becomes_a_string(self) -> None:
        assert sent_messages(user("hi"), system=[text("Be brief.")])[0]["content"] == "Be brief."

    def test_several_blocks_stay_apart(self) -> None:
        sent = sent_messages(user("hi"), system=[text("a"), text("b")])

        assert sent[0]["content"] == [text("a"), text("b")]

    def test_cache_markers_keep_their_place_and_ttl(self) -> None:
        marker = {"type": "ephemeral", "ttl": "1h"}
        sent = sent_messages(user("hi"), system=[text("a", cache_control=marker), text("b", cache_control=None)])

        assert sent[0]["content"] == [text("a", cache_control=marker), text("b")]

    @pytest.mark.parametrize("prompt", ["", [], [text("")]])
    def test_an_empty_prompt_is_no_message(self, prompt: object) -> None:
        assert roles(sent_messages(user("hi"), system=prompt)) == ["user"]

    @pytest.mark.parametrize("model", [GPT, DEEPSEEK])
    def test_the_billing_line_is_not_for_other_vendors(self, model: str) -> None:
        converted = convert(user("hi"), system=[text(BILLING), text("prompt")], model=model)

        assert converted.body["messages"][0]["content"] == "prompt"
        assert ("not_sent", "system.0") in notes(converted)

    @pytest.mark.parametrize("prompt", [BILLING + "\nprompt", [text(BILLING + "\nprompt")]])
    def test_only_the_line_goes_when_more_follows_it(self, prompt: object) -> None:
        assert sent_messages(user("hi"), system=prompt)[0]["content"] == "prompt"

    @pytest.mark.parametrize("model", [CLAUDE, "~anthropic/claude-opus-latest"])
    def test_the_billing_line_stays_for_claude(self, model: str) -> None:
        sent = sent_messages(user("hi"), system=[text(BILLING), text("prompt")], model=model)

        assert sent[0]["content"] == [text(BILLING), text("prompt")]


class TestSystemMessages:
    @pytest.mark.parametrize("content", ["rules", [text("rules")]])
    def test_it_keeps_its_place_between_the_turns(self, content: object) -> None:
        sent = sent_messages(user("a"), {"role": "system", "content": content}, assistant("b"), user("c"))

        assert roles(sent) == ["user", "system", "assistant", "user"]
        assert sent[1]["content"] == "rules"

    def test_user_messages_around_it_stay_apart(self) -> None:
        sent = sent_messages(user("a"), system("rules"), user("b"))

        assert [(message["role"], message["content"]) for message in sent] == [
            ("user", "a"),
            ("system", "rules"),
            ("user", "b"),
        ]

    def test_it_may_be_the_last_message(self) -> None:
        sent = sent_messages(user("a"), assistant(call("1")), user(result("1")), system("now"))

        assert roles(sent) == ["user", "assistant", "tool", "system"]

    @pytest.mark.parametrize("content", ["", []])
    def test_an_empty_one_is_left_out(self, content: object) -> None:
        assert roles(sent_messages(user("a"), {"role": "system", "content": content})) == ["user"]

    def test_fields_of_the_message_are_noted(self) -> None:
        message = system("now", output_config={"effort": "low"}, clear_at="never", extra=1)
        converted = convert(user("a"), message)

        assert notes(converted) == {
            ("not_sent", "messages.1.output_config"),
            ("not_sent", "messages.1.clear_at"),
            ("not_sent", "messages.1.extra"),
        }

    def test_a_loaded_tool_is_noted(self) -> None:
        addition = {"type": "tool_addition", "tool": {"type": "tool_reference", "name": "Grep"}}
        converted = convert(user("a"), system(addition))

        assert roles(converted.body["messages"]) == ["user"]
        assert notes(converted) == {("not_sent", "messages.1.content.0")}

    @pytest.mark.parametrize(
        "block",
        [
            {"type": "tool_removal", "tool": {"type": "tool_reference", "name": "Grep"}},
            {"type": "tool_addition", "tool": {"type": "tool_definition", "definition": {}}},
        ],
    )
    def test_other_changes_of_the_tools_are_refused(self, block: dict[str, object]) -> None:
        with pytest.raises(InvalidRequestError, match=r"^messages\.1\.content\.0: blocks of type 'tool_"):
            convert(user("a"), system(block))


class TestToolResults:
    def test_results_stand_in_the_order_of_the_calls(self) -> None:
        sent = sent_messages(
            user("go"), assistant(call("1"), call("2"), call("3")), user(result("3"), result("1"), result("2"))
        )

        assert roles(sent) == ["user", "assistant", "tool", "tool", "tool"]
        assert [message["tool_call_id"] for message in sent[2:]] == ["1", "2", "3"]

    def test_text_around_results_follows_them_in_its_order(self) -> None:
        converted = convert(
            user("go"), assistant(call("1"), call("2")), user("before", result("2"), "between", result("1"), "after")
        )
        sent = converted.body["messages"]

        assert [message.get("tool_call_id") for message in sent] == [None, None, "1", "2", None]
        assert sent[4]["content"] == [text("before"), text("between"), text("after")]
        assert ("converted", "messages.2.content.1") in notes(converted)

    def test_results_pass_a_system_message_and_an_earlier_user_message(self) -> None:
        sent = sent_messages(user("go"), assistant(call("1")), system("s"), user("u"), user(result("1"), "v"))

        assert roles(sent) == ["user", "assistant", "tool", "system", "user"]
        assert sent[4]["content"] == [text("u"), text("v")]

    def test_a_result_without_a_call_is_sent_after_the_others(self) -> None:
        sent = sent_messages(user("go"), assistant(call("1")), user(result("x"), result("1"), result("y")))

        assert [message["tool_call_id"] for message in sent[2:]] == ["1", "x", "y"]

    def test_a_result_in_the_first_message_is_sent_too(self) -> None:
        assert roles(sent_messages(user(result("x"), "hi"))) == ["tool", "user"]

    def test_each_turn_gets_its_own_results(self) -> None:
        sent = sent_messages(
            user("go"), assistant(call("1")), user(result("1")), assistant(call("2")), user(result("2"))
        )

        assert roles(sent) == ["user", "assistant", "tool", "assistant", "tool"]


class TestTurns:
    def test_consecutive_messages_of_a_role_are_one_turn(self) -> None:
        sent = sent_messages(user("a"), {"role": "user", "content": "b"}, assistant("c"), assistant("d", call("1")))

        assert roles(sent) == ["user", "assistant"]
        assert sent[0]["content"] == [text("a"), text("b")]
        assert sent[1]["content"] == [text("c"), text("d")]
        assert [tool_call["id"] for tool_call in sent[1]["tool_calls"]] == ["1"]

    def test_a_last_assistant_message_stays_as_prefill(self) -> None:
        assert sent_messages(user("a"), assistant("{"))[-1] == {"role": "assistant", "content": "{"}

    @pytest.mark.parametrize("content", ["", [], [{"type": "redacted_thinking", "data": "x"}]])
    def test_a_turn_of_which_nothing_is_left_is_no_message(self, content: object) -> None:
        converted = convert(user("a"), {"role": "assistant", "content": content}, user("b"))

        assert roles(converted.body["messages"]) == ["user", "user"]
        assert ("not_sent", "messages.1.content") in notes(converted)

    def test_an_unknown_role_is_refused(self) -> None:
        message = {"role": "tool", "content": "a"}
        context = ChatContext(DEEPSEEK, "deepseek")

        with pytest.raises(
            InvalidRequestError, match=r"^messages\.0\.role: messages with the role 'tool' cannot be sent"
        ):
            convert_messages({"messages": [message]}, context)

    def test_a_prompt_as_a_string_stays_one(self) -> None:
        assert sent_messages({"role": "user", "content": "hi"}) == [{"role": "user", "content": "hi"}]

    def test_the_marker_of_the_last_block_is_kept(self) -> None:
        sent = sent_messages(user("a", text("b", cache_control=EPHEMERAL)))

        assert sent[0]["content"] == [text("a"), text("b", cache_control=EPHEMERAL)]
