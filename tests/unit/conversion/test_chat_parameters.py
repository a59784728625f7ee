"""Top-level parameters: passed on, renamed, noted or refused."""

from hashlib import sha256
from typing import Any

import pytest

from openrouter_anthropic_server.errors import InvalidRequestError
from tests.unit.conversion.converting import CLAUDE, DEEPSEEK, EPHEMERAL, GEMINI, GPT, convert, notes, user

OPEN_SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": []}
CLOSED_SCHEMA = {
    "type": "object",
    "properties": {"a": {"type": "string"}},
    "required": ["a"],
    "additionalProperties": False,
}


def body(model: str = DEEPSEEK, **fields: Any) -> dict[str, Any]:
    return convert(user("hi"), model=model, **fields).body


class TestPassedOn:
    @pytest.mark.parametrize(
        ("name", "value"),
        [("temperature", 0.0), ("top_p", 0.5), ("top_k", 5), ("cache_control", EPHEMERAL), ("max_tokens", 17)],
    )
    def test_these_have_the_same_name(self, name: str, value: Any) -> None:
        assert body(**{name: value})[name] == value

    def test_a_plain_request_has_nothing_else(self) -> None:
        assert body() == {
            "model": DEEPSEEK,
            "messages": [{"role": "user", "content": "hi"}],
            "max_tokens": 4096,
        }

    @pytest.mark.parametrize(("stream", "expected"), [(True, {"stream": True}), (False, {})])
    def test_stream_is_sent_when_it_is_on(self, stream: bool, expected: dict[str, bool]) -> None:
        assert {name: value for name, value in body(stream=stream).items() if name == "stream"} == expected

    def test_stop_sequences_are_called_stop(self) -> None:
        assert body(stop_sequences=["a", "b"])["stop"] == ["a", "b"]
        assert "stop" not in body(stop_sequences=[])

    @pytest.mark.parametrize(
        ("fields", "expected"),
        [({"stop": "a"}, ["a"]), ({"stop": ["a", "b"]}, ["a", "b"]), ({"stop": "a", "stop_sequences": ["c"]}, ["c"])],
    )
    def test_anthropics_stop_sequences_win(self, fields: dict[str, Any], expected: list[str]) -> None:
        assert body(**fields)["stop"] == expected

    @pytest.mark.parametrize(("other", "expected"), [(100, 100), (5000, 4096)])
    def test_the_smaller_limit_of_the_answer_counts(self, other: int, expected: int) -> None:
        converted = convert(user("hi"), max_completion_tokens=other)

        assert converted.body["max_tokens"] == expected
        assert "max_completion_tokens" not in converted.body
        assert notes(converted) == {("converted", "max_completion_tokens")}


class TestRefused:
    def test_more_than_four_stop_sequences(self) -> None:
        with pytest.raises(InvalidRequestError, match="^stop_sequences: .* at most 4 stop sequences, got 5$"):
            body(stop_sequences=list("abcde"))

    def test_a_request_that_only_fills_the_cache(self) -> None:
        with pytest.raises(InvalidRequestError, match=r"^max_tokens: 0 \(cache pre-fill\) is not supported"):
            body(max_tokens=0)

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("mcp_servers", [{"type": "url", "name": "a", "url": "https://a"}]),
            ("compaction", {"type": "summarize"}),
            ("fallbacks", "default"),
        ],
    )
    def test_what_changes_the_answer(self, name: str, value: Any) -> None:
        with pytest.raises(InvalidRequestError, match=f"^{name}: requests with '{name}' cannot be sent to {DEEPSEEK}$"):
            body(**{name: value})

    def test_a_thread_with_the_code_that_lets_the_sdk_go_on_without(self) -> None:
        with pytest.raises(InvalidRequestError, match=r"^thread: ") as refusal:
            body(thread={"type": "create"})

        assert refusal.value.error_code == "thread_unsupported_request"

    def test_skills(self) -> None:
        with pytest.raises(InvalidRequestError, match=r"^container\.skills: skills cannot be sent"):
            body(container={"skills": [{"type": "anthropic", "skill_id": "xlsx"}]})


class TestNoted:
    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("context_management", {"edits": []}),
            ("container", "container_1"),
            ("diagnostics", {"previous_message_id": None}),
            ("inference_geo", "us"),
            ("safeguards", [{"type": "dangerous_tool_use"}]),
            ("betas", ["a"]),
            ("billing_policy", {"type": "billing_policy"}),
            ("mcp_servers", []),
            ("tomorrow", 1),
        ],
    )
    def test_what_is_harmless_is_listed(self, name: str, value: Any) -> None:
        converted = convert(user("hi"), **{name: value})

        assert name not in converted.body
        assert notes(converted) == {("not_sent", name)}

    def test_null_means_absent(self) -> None:
        converted = convert(user("hi"), context_management=None, speed=None, thread=None, provider=None)

        assert converted.body == body()
        assert converted.notes == ()


class TestIdentity:
    def test_a_plain_user_id_is_the_user(self) -> None:
        converted = convert(user("hi"), metadata={"user_id": "u-1"})

        assert converted.body["user"] == "u-1"
        assert "session_id" not in converted.body
        assert converted.notes == ()

    def test_claude_codes_session_is_split_from_the_user(self) -> None:
        first = body(metadata={"user_id": '{"device_id":"d","account_uuid":"","session_id":"s-1"}'})
        second = body(metadata={"user_id": '{"device_id":"d","account_uuid":"","session_id":"s-2"}'})

        assert (first["session_id"], second["session_id"]) == ("s-1", "s-2")
        assert first["user"] == second["user"]

    def test_a_long_user_id_is_hashed_and_noted(self) -> None:
        converted = convert(user("hi"), metadata={"user_id": "u" * 129})

        assert converted.body["user"] == sha256(b"u" * 129).hexdigest()
        assert notes(converted) == {("converted", "metadata.user_id")}

    def test_openrouters_own_fields_win(self) -> None:
        sent = body(metadata={"user_id": '{"session_id":"s-1"}'}, user="me", session_id="mine")

        assert (sent["user"], sent["session_id"]) == ("me", "mine")

    def test_other_metadata_are_openrouters_labels(self) -> None:
        converted = convert(user("hi"), metadata={"user_id": "u-1", "team": "x"})

        assert converted.body["metadata"] == {"team": "x"}
        assert converted.notes == ()

    @pytest.mark.parametrize("value", [5, "x" * 513, None])
    def test_metadata_that_are_no_labels_are_noted(self, value: Any) -> None:
        assert notes(convert(user("hi"), metadata={"team": value})) == {("not_sent", "metadata.team")}


class TestServiceTier:
    @pytest.mark.parametrize(
        ("fields", "tier"),
        [
            ({"service_tier": "auto"}, "auto"),
            ({"service_tier": "standard_only"}, "default"),
            ({"service_tier": "flex"}, "flex"),
            ({"speed": "fast"}, "fast"),
            ({"speed": "fast", "service_tier": "auto"}, "fast"),
            ({"speed": "fast", "service_tier": "standard_only"}, "default"),
            ({"speed": "standard"}, None),
        ],
    )
    def test_tier_and_speed_become_one(self, fields: dict[str, str], tier: str | None) -> None:
        assert body(**fields).get("service_tier") == tier


class TestOutputFormat:
    @pytest.mark.parametrize("model", [CLAUDE, GPT, GEMINI, DEEPSEEK])
    @pytest.mark.parametrize("place", ["output_config", "output_format"])
    def test_a_closed_schema_is_strict(self, model: str, place: str) -> None:
        wanted = {"type": "json_schema", "schema": CLOSED_SCHEMA}
        sent = body(model, **{place: {"format": wanted} if place == "output_config" else wanted})["response_format"]

        assert sent["type"] == "json_schema"
        assert sent["json_schema"]["name"] == "response"
        assert sent["json_schema"]["strict"] is True
        assert sent["json_schema"]["schema"]["required"] == ["a"]

    def test_an_open_schema_is_not_changed_to_become_strict(self) -> None:
        converted = convert(
            user("hi"), model=GPT, output_config={"format": {"type": "json_schema", "schema": OPEN_SCHEMA}}
        )

        assert converted.body["response_format"]["json_schema"] == {"name": "response", "schema": OPEN_SCHEMA}
        assert notes(converted) == {("converted", "output_config.format")}

    def test_claude_keeps_any_schema_strict(self) -> None:
        sent = body(CLAUDE, output_config={"format": {"type": "json_schema", "schema": OPEN_SCHEMA}})

        assert sent["response_format"]["json_schema"]["strict"] is True

    def test_a_schema_of_another_type_than_object_keeps_its_type(self) -> None:
        schema = {"type": "array", "items": {"type": "string"}}
        sent = body(output_config={"format": {"type": "json_schema", "schema": schema}})

        assert sent["response_format"]["json_schema"]["schema"] == schema

    def test_openrouters_own_format_wins(self) -> None:
        converted = convert(
            user("hi"),
            response_format={"type": "json_object"},
            output_config={"format": {"type": "json_schema", "schema": CLOSED_SCHEMA}},
        )

        assert converted.body["response_format"] == {"type": "json_object"}
        assert notes(converted) == {("not_sent", "output_config.format")}

    @pytest.mark.parametrize("wanted", [{"type": "grammar"}, {"type": "json_schema"}, "json"])
    def test_another_format_is_refused(self, wanted: Any) -> None:
        with pytest.raises(InvalidRequestError, match="^output_format"):
            body(output_format=wanted)

    def test_a_task_budget_is_noted(self) -> None:
        converted = convert(user("hi"), output_config={"task_budget": {"type": "tokens", "total": 1}, "future": 1})

        assert notes(converted) == {("not_sent", "output_config.task_budget"), ("not_sent", "output_config.future")}
