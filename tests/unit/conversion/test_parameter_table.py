"""Every row of the table of parameters: what is accepted, what goes where under which name, what is refused."""

from typing import Any

import pytest

from openrouter_anthropic_server.capabilities.traits import UNLIMITED, Capabilities
from openrouter_anthropic_server.conversion.chat_context import NoteBook
from openrouter_anthropic_server.conversion.chat_dialects import ChatDialect
from openrouter_anthropic_server.conversion.chat_request import convert_request
from openrouter_anthropic_server.conversion.messages_parameters import for_messages_wire
from openrouter_anthropic_server.conversion.own_parameters import without_own_parameters
from openrouter_anthropic_server.conversion.parameter_table import BY_NAME, PARAMETERS, REFUSED, outcome
from openrouter_anthropic_server.conversion.validation import validate_messages_request
from openrouter_anthropic_server.coordinators.databricks_routes import DATABRICKS
from openrouter_anthropic_server.errors import InvalidRequestError
from tests.unit.conversion.parameter_values import BAD, GOOD, NEEDED

CHAT = {
    "openrouter": ChatDialect("openrouter", "openrouter"),
    "databricks": DATABRICKS,
    **{name: ChatDialect(name, "litellm") for name in ("openai", "google", "cohere", "mistral", "azure", "bedrock")},
}
MODELS = {
    "openrouter": "deepseek/deepseek-r1",
    "databricks": "databricks-claude-sonnet-4",
    "openai": "gpt-4o",
    "azure": "gpt-4o",
    "google": "gemini-2.5-pro",
    "cohere": "command-a-reasoning-08-2025",
    "mistral": "mistral-large-latest",
    "bedrock": "anthropic.claude-sonnet-4-5-20250929-v1:0",
}
MESSAGES = ("openrouter", "anthropic", "databricks", "demo")
NAMES_THERE = {("seed", "mistral"): "random_seed"}
NAMES = [parameter.name for parameter in PARAMETERS]

SENT_TO_CLAUDE = {
    "models": "openrouter",
    "route": "openrouter",
    "provider": "openrouter",
    "plugins": "openrouter",
    "session_id": "openrouter",
    "user": "openrouter",
    "trace": "openrouter",
    "stop_server_tools_when": "openrouter",
}
"""What OpenRouter's Messages API takes beside Anthropic's parameters, and nobody else's."""

SENT_IN_CHAT = {
    "seed": "openrouter openai azure google cohere mistral",
    "frequency_penalty": "openrouter openai azure google cohere mistral",
    "logit_bias": "openrouter openai azure",
    "parallel_tool_calls": "openrouter openai azure mistral bedrock",
    "user": "openrouter openai azure",
    "response_format": "openrouter openai azure google mistral bedrock databricks",
    "min_p": "openrouter",
    "provider": "openrouter",
    "session_id": "openrouter",
    "store": "openai azure",
}
"""The rows that decide most, written down a second time."""


def request(**fields: Any) -> dict[str, Any]:
    return {
        "model": "any",
        "max_tokens": 4096,
        "temperature": 0.5,
        "messages": [{"role": "user", "content": "hi"}],
        "tools": [{"name": "Bash", "input_schema": {"type": "object", "properties": {}}}],
        **fields,
    }


def over_chat(provider: str, /, **fields: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """The chat request, and for each path what its note says."""
    notes = NoteBook()
    body: Any = without_own_parameters(request(**fields), provider, notes)
    converted = convert_request(body, model=MODELS[provider], dialect=CHAT[provider])
    return converted.body, {note.path: note.kind for note in (*notes.notes(), *converted.notes)}


def over_messages(upstream: str, /, **fields: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """The same for the messages wire."""
    notes = NoteBook()
    body = for_messages_wire(without_own_parameters(request(**fields), upstream, notes), upstream, UNLIMITED, notes)
    return body, {note.path: note.kind for note in notes.notes()}


def test_every_row_has_values_to_test_it_with() -> None:
    assert set(GOOD) == set(BAD) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_good_value_is_accepted(name: str) -> None:
    body = request(**{name: GOOD[name]}, **NEEDED.get(name, {}))

    assert validate_messages_request(body, api_version="2023-06-01") is body


@pytest.mark.parametrize("name", NAMES)
def test_null_is_as_good_as_absent(name: str) -> None:
    plain, _ = over_messages("anthropic")

    validate_messages_request(request(**{name: None}), api_version="2023-06-01")
    assert over_messages("anthropic", **{name: None}) == (plain, {})
    for provider in CHAT:
        assert over_chat(provider, **{name: None})[0] == over_chat(provider)[0]


@pytest.mark.parametrize(("name", "value", "message"), [(name, *case) for name in BAD for case in BAD[name]])
def test_a_bad_value_is_refused_by_field_and_range(name: str, value: Any, message: str) -> None:
    with pytest.raises(InvalidRequestError, match=f"^{message}"):
        validate_messages_request(request(**{name: value}), api_version="2023-06-01")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"max_tokens": 2000, "reasoning": {"max_tokens": 2000}}, "reasoning.max_tokens: must be less than max_tokens"),
        ({"reasoning": {"max_tokens": 2000, "effort": "low"}}, "reasoning: takes one of effort and max_tokens"),
        ({"top_logprobs": 3}, "top_logprobs: needs logprobs: true"),
        ({"speed": "warp"}, "speed: must be one of standard, fast"),
        ({"inference_geo": 5}, "inference_geo: must be a text"),
    ],
)
def test_values_that_do_not_go_together_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidRequestError, match=f"^{message}"):
        validate_messages_request(request(**fields), api_version="2023-06-01")


@pytest.mark.parametrize(
    "fields", [{"speed": None}, {"inference_geo": "us"}, {"max_tokens": 2000, "reasoning": {"max_tokens": 1999}}]
)
def test_values_that_go_together_pass(fields: dict[str, Any]) -> None:
    body = request(**fields)

    assert validate_messages_request(body, api_version="2023-06-01") is body


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_has_another_form_here_is_refused(name: str) -> None:
    with pytest.raises(InvalidRequestError, match=f"^{name}: "):
        validate_messages_request(request(**{name: {}}), api_version="2023-06-01")


@pytest.mark.parametrize("provider", sorted(CHAT))
@pytest.mark.parametrize("name", NAMES)
def test_chat_completions_get_what_the_table_says(name: str, provider: str) -> None:
    told = outcome(BY_NAME[name], provider, "chat")
    if told == "refused":
        with pytest.raises(InvalidRequestError, match=f"^{name}: "):
            over_chat(provider, **{name: GOOD[name]})
        return
    without, _ = over_chat(provider)
    body, notes = over_chat(provider, **{name: GOOD[name]})

    if told == "sent":
        if name == "verbosity" and provider in ("openai", "azure"):
            assert notes == {name: "not_sent"}  # of their models only GPT-5 and later have it
        else:
            assert body == without | {NAMES_THERE.get((name, provider), name): GOOD[name]}
            assert notes == {}
    elif told == "not sent":
        assert body == without
        assert notes == {name: "not_sent"}
    elif told == "as always":
        assert body == without
    else:
        assert body != without or "not_sent" in notes.values()
        assert any(path.startswith((name, told.removeprefix("sent as "))) for path in notes)


@pytest.mark.parametrize("upstream", MESSAGES)
@pytest.mark.parametrize("name", NAMES)
def test_the_messages_wire_gets_what_the_table_says(name: str, upstream: str) -> None:
    without, _ = over_messages(upstream)
    body, notes = over_messages(upstream, **{name: GOOD[name]})
    told = outcome(BY_NAME[name], upstream, "messages")

    if told == "sent":
        assert body == without | {name: GOOD[name]}
        assert notes == {}
        return
    assert name not in body
    if told == "not sent":
        assert body == without
        assert notes == {name: "not_sent"}
    elif told != "as always":
        assert any(path.startswith((name, told.removeprefix("sent as "))) for path in notes)


@pytest.mark.parametrize("name", NAMES)
def test_only_openrouters_messages_api_takes_more_than_anthropics(name: str) -> None:
    takers = [upstream for upstream in MESSAGES if name in over_messages(upstream, **{name: GOOD[name]})[0]]

    assert " ".join(takers) == SENT_TO_CLAUDE.get(name, "")


@pytest.mark.parametrize("name", sorted(SENT_IN_CHAT))
def test_chat_completions_that_take_it(name: str) -> None:
    providers = set(CHAT) - ({"cohere"} if name == "response_format" else set())
    takers = {
        provider
        for provider in providers
        if NAMES_THERE.get((name, provider), name) in over_chat(provider, **{name: GOOD[name]})[0]
    }

    assert takers == set(SENT_IN_CHAT[name].split())


def test_a_file_of_capabilities_can_let_more_or_less_through() -> None:
    notes = NoteBook()
    fields = frozenset({"model", "messages", "max_tokens", "temperature", "tools", "seed"})
    body = for_messages_wire(
        request(seed=1, provider={"order": ["a"]}), "openrouter", Capabilities(fields=fields), notes
    )

    assert (body["seed"], "provider" in body) == (1, False)
    assert [note.path for note in notes.notes()] == ["provider"]


def test_a_dialect_can_take_less() -> None:
    dialect = ChatDialect("openrouter", "openrouter", parameters=frozenset({"temperature"}))
    body: Any = request(seed=1)

    converted = convert_request(body, model="a/b", dialect=dialect)

    assert "seed" not in converted.body
    assert ("not_sent", "seed") in {(note.kind, note.path) for note in converted.notes}
