"""Chat completions of other providers than OpenRouter: names, forms and what they do not take."""

from hashlib import sha256
from typing import Any

import pytest

from openrouter_anthropic_server.capabilities.traits import UNLIMITED, Capabilities
from openrouter_anthropic_server.conversion.chat_dialects import OPENROUTER, ChatDialect
from openrouter_anthropic_server.conversion.chat_request import ConvertedRequest, convert_request
from openrouter_anthropic_server.coordinators.databricks_routes import DATABRICKS
from openrouter_anthropic_server.errors import InvalidRequestError

SCHEMA = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
FORMAT = {"format": {"type": "json_schema", "schema": SCHEMA}}
TOOL = {"name": "Bash", "input_schema": SCHEMA, "strict": True, "cache_control": {"type": "ephemeral"}}
SESSION = '{"device_id":"d","account_uuid":"","session_id":"s-1"}'


def litellm(provider: str) -> ChatDialect:
    return ChatDialect(provider, "litellm")


def convert(
    dialect: ChatDialect, model: str, known: Capabilities = UNLIMITED, /, **fields: Any
) -> tuple[dict[str, Any], set[tuple[str, str]]]:
    request: Any = {"model": "any", "max_tokens": 4096, "messages": [{"role": "user", "content": "hi"}], **fields}
    converted: ConvertedRequest = convert_request(request, model=model, dialect=dialect, capabilities=known)
    return converted.body, {(note.kind, note.path) for note in converted.notes}


class TestLimits:
    @pytest.mark.parametrize("model", ["gpt-5", "gpt-5.1-codex", "gpt-6", "o3", "o4-mini"])
    @pytest.mark.parametrize("provider", ["openai", "azure"])
    def test_openais_reasoning_models_know_max_completion_tokens_and_no_sampling(
        self, provider: str, model: str
    ) -> None:
        fields = {"temperature": 0.5, "top_p": 0.5, "frequency_penalty": 1, "logprobs": True}

        body, notes = convert(litellm(provider), model, **fields)

        assert body == {"model": model, "messages": [{"role": "user", "content": "hi"}], "max_completion_tokens": 4096}
        assert notes == {("not_sent", name) for name in fields}

    @pytest.mark.parametrize("model", ["gpt-4o", "gpt-4.1-mini", "gpt-5-chat-latest", "o-nothing"])
    def test_their_other_models_know_max_tokens_and_sampling(self, model: str) -> None:
        body, notes = convert(litellm("openai"), model, temperature=0.5, seed=3)

        assert (body["max_tokens"], body["temperature"], body["seed"]) == (4096, 0.5, 3)
        assert notes == set()

    def test_openrouter_takes_max_tokens_for_all(self) -> None:
        assert convert(OPENROUTER, "openai/gpt-5")[0]["max_tokens"] == 4096

    @pytest.mark.parametrize(
        ("dialect", "model", "known", "most"),
        [
            (litellm("openai"), "gpt-5", UNLIMITED, 0),
            (litellm("openai"), "gpt-4o", UNLIMITED, 4),
            (litellm("cohere"), "command-a", Capabilities(max_stop_sequences=5), 5),
        ],
    )
    def test_more_stop_sequences_than_the_model_takes_are_refused(
        self, dialect: ChatDialect, model: str, known: Capabilities, most: int
    ) -> None:
        if most:
            assert convert(dialect, model, known, stop_sequences=["x"] * most)[0]["stop"] == ["x"] * most
        with pytest.raises(InvalidRequestError, match=f"^stop_sequences: {model} takes at most {most} "):
            convert(dialect, model, known, stop_sequences=["x"] * (most + 1))


class TestSampling:
    @pytest.mark.parametrize(
        ("dialect", "model", "name"),
        [
            (OPENROUTER, "a/b", "top_k"),
            (DATABRICKS, "databricks-claude-sonnet-4", "top_k"),
            (litellm("google"), "gemini-2.5-pro", "top_k"),
            (litellm("bedrock"), "anthropic.claude-sonnet-4-5-20250929-v1:0", "top_k"),
            (litellm("bedrock"), "meta.llama3-3-70b-instruct-v1:0", None),
            (litellm("cohere"), "command-a-03-2025", "k"),
            (litellm("openai"), "gpt-4o", None),
            (litellm("mistral"), "mistral-large-latest", None),
        ],
    )
    def test_top_k_goes_where_it_is_known_and_as_it_is_called(
        self, dialect: ChatDialect, model: str, name: str | None
    ) -> None:
        body, notes = convert(dialect, model, top_k=7)

        assert {key: body[key] for key in ("k", "top_k") if key in body} == ({name: 7} if name else {})
        assert notes == (set() if name else {("not_sent", "top_k")})

    def test_a_model_that_samples_its_own_way_is_sent_nothing(self) -> None:
        body, notes = convert(OPENROUTER, "a/b", Capabilities(sampling=frozenset()), temperature=0.5, min_p=0.1)

        assert {"temperature", "min_p"}.isdisjoint(body)
        assert notes == {("not_sent", "temperature"), ("not_sent", "min_p")}

    def test_a_list_of_sampling_parameters_speaks_of_anthropics_only(self) -> None:
        body, _ = convert(
            OPENROUTER, "a/b", Capabilities(sampling=frozenset({"temperature"})), temperature=0.5, top_p=1, min_p=0.1
        )

        assert (body["temperature"], body["min_p"], "top_p" in body) == (0.5, 0.1, False)


class TestIdentity:
    def test_only_openrouter_is_told_the_session(self) -> None:
        assert convert(OPENROUTER, "a/b", metadata={"user_id": SESSION})[0]["session_id"] == "s-1"
        body, notes = convert(litellm("openai"), "gpt-4o", metadata={"user_id": SESSION})
        assert "session_id" not in body
        assert len(body["user"]) == 64
        assert notes == {("converted", "metadata.user_id")}

    def test_openai_takes_users_of_64_characters(self) -> None:
        body, _ = convert(litellm("openai"), "gpt-4o", metadata={"user_id": "u" * 100})

        assert body["user"] == sha256(b"u" * 100).hexdigest()

    @pytest.mark.parametrize(("store", "sent"), [(True, {"team": "x"}), (False, None), (None, None)])
    def test_openai_labels_what_it_stores(self, store: bool | None, sent: dict[str, str] | None) -> None:
        body, notes = convert(litellm("openai"), "gpt-4o", metadata={"team": "x"}, store=store)

        assert body.get("metadata") == sent
        assert notes == (set() if sent else {("not_sent", "metadata.team")})

    @pytest.mark.parametrize("dialect", [DATABRICKS, litellm("google"), litellm("cohere"), litellm("mistral")])
    def test_others_know_no_users(self, dialect: ChatDialect) -> None:
        body, notes = convert(dialect, "m", metadata={"user_id": "u", "team": "x"}, cache_control={"type": "ephemeral"})

        assert {"user", "metadata", "cache_control"}.isdisjoint(body)
        assert notes == {
            ("not_sent", "metadata.user_id"),
            ("not_sent", "metadata.team"),
            ("not_sent", "cache_control"),
        }


@pytest.mark.parametrize(
    ("provider", "fields", "tier", "noted"),
    [
        ("openai", {"service_tier": "standard_only"}, "default", {"service_tier"}),
        ("openai", {"service_tier": "flex"}, "flex", set()),
        ("openai", {"speed": "fast"}, "fast", {"speed"}),
        ("azure", {"service_tier": "flex"}, None, {"service_tier"}),
        ("google", {"service_tier": "auto"}, None, {"service_tier"}),
        ("google", {"speed": "fast"}, None, {"speed"}),
    ],
)
def test_service_tiers(provider: str, fields: dict[str, str], tier: str | None, noted: set[str]) -> None:
    body, notes = convert(litellm(provider), "m", **fields)

    assert body.get("service_tier") == tier
    assert {path for _, path in notes} == noted


class TestTools:
    @pytest.mark.parametrize(
        ("dialect", "strict", "cached"),
        [
            (OPENROUTER, True, True),
            (litellm("openai"), True, False),
            (litellm("cohere"), False, False),
            (litellm("google"), False, False),
            (DATABRICKS, False, False),
        ],
    )
    def test_strict_and_marks_for_the_cache_go_where_they_are_known(
        self, dialect: ChatDialect, strict: bool, cached: bool
    ) -> None:
        body, notes = convert(dialect, "m", tools=[TOOL])

        (sent,) = body["tools"]
        assert ("strict" in sent["function"], "cache_control" in sent) == (strict, cached)
        expected = {"tools.0.strict": strict, "tools.0.cache_control": cached}
        assert notes == {("not_sent", path) for path, is_sent in expected.items() if not is_sent}

    @pytest.mark.parametrize("kind", ["web_search_20250305", "web_fetch_20250910", "openrouter:web_search"])
    @pytest.mark.parametrize("dialect", [DATABRICKS, litellm("openai"), litellm("google")])
    def test_search_and_fetch_are_refused_by_name_where_nobody_runs_them(self, dialect: ChatDialect, kind: str) -> None:
        tools = [TOOL, {"type": kind, "name": "web_search"}]

        assert len(convert(OPENROUTER, "a/b", tools=tools)[0]["tools"]) == 2
        with pytest.raises(InvalidRequestError, match=rf"^tools\.1: tools of type '{kind}' cannot be sent to m$"):
            convert(dialect, "m", tools=tools)

    @pytest.mark.parametrize(
        ("dialect", "known", "expected"),
        [
            (OPENROUTER, UNLIMITED, False),
            (litellm("openai"), UNLIMITED, False),
            (litellm("openai"), Capabilities(parallel_tools=False), None),
            (DATABRICKS, UNLIMITED, None),
            (litellm("cohere"), UNLIMITED, None),
        ],
    )
    def test_one_call_at_a_time(self, dialect: ChatDialect, known: Capabilities, expected: bool | None) -> None:
        choice = {"type": "auto", "disable_parallel_tool_use": True}

        body, notes = convert(dialect, "m", known, tools=[{"name": "a", "input_schema": SCHEMA}], tool_choice=choice)

        assert body.get("parallel_tool_calls") is expected
        assert notes == ({("not_sent", "tool_choice.disable_parallel_tool_use")} if expected is None else set())


class TestFormOfTheAnswer:
    @pytest.mark.parametrize("dialect", [OPENROUTER, DATABRICKS, *map(litellm, ("openai", "google", "mistral"))])
    def test_a_schema_goes_where_it_is_known(self, dialect: ChatDialect) -> None:
        assert convert(dialect, "m", output_config=FORMAT)[0]["response_format"]["json_schema"]["schema"]

    @pytest.mark.parametrize("fields", [{"output_config": FORMAT}, {"response_format": {"type": "json_object"}}])
    def test_cohere_is_not_sent_one(self, fields: dict[str, Any]) -> None:
        with pytest.raises(InvalidRequestError, match=r"^(output_config\.format|response_format): requests for JSON"):
            convert(litellm("cohere"), "command-a", **fields)

    def test_a_model_without_structured_output_is_not_sent_one(self) -> None:
        with pytest.raises(InvalidRequestError, match=r"^response_format: requests for JSON"):
            convert(OPENROUTER, "a/b", Capabilities(structured_output=False), response_format={"type": "json_object"})


class TestReasoning:
    def test_openai_is_asked_by_effort(self) -> None:
        assert convert(litellm("openai"), "gpt-5", output_config={"effort": "low"})[0]["reasoning_effort"] == "low"

    def test_other_forms_of_asking_are_understood_by_every_dialect(self) -> None:
        body, notes = convert(litellm("openai"), "gpt-5", reasoning={"effort": "low"}, verbosity="max")

        assert (body["reasoning_effort"], body["verbosity"], "reasoning" in body) == ("low", "high", False)
        assert notes == {("converted", "reasoning"), ("converted", "verbosity")}

    def test_databricks_gets_anthropics_own_objects_for_claude(self) -> None:
        body, _ = convert(DATABRICKS, "databricks-claude-sonnet-4", reasoning={"max_tokens": 2000})

        assert body["thinking"] == {"type": "enabled", "budget_tokens": 2000}
