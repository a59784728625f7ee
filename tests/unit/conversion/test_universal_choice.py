"""Which provider a request of the universal endpoint goes to."""

from typing import Any

import pytest

from openrouter_anthropic_server.conversion.universal_choice import Choice, Known, choose, default_models
from openrouter_anthropic_server.conversion.universal_forms import read_options
from openrouter_anthropic_server.errors import InvalidRequestError

MODELS = {"anthropic": ["claude-1"], "openai": ["gpt-1", "gpt-2"], "google": ["gemini-1"]}
ALL = Known(("anthropic", "openai", "google", "azure"), "openrouter", lambda name: MODELS.get(name, ()))


def chosen(model: str, known: Known = ALL, **options: Any) -> Choice:
    return choose(read_options({"model": model, "messages": [], **options}), known)


def known(*configured: str, backend: str = "openrouter") -> Known:
    return Known(configured, backend, lambda name: MODELS.get(name, ()))


@pytest.mark.parametrize(
    ("model", "options", "target"),
    [
        ("gpt-5", {}, ("openai", "gpt-5")),
        ("claude-sonnet-4-5", {}, ("anthropic", "claude-sonnet-4-5")),
        ("gemini-2.5-pro", {}, ("google", "gemini-2.5-pro")),
        ("command-r", {}, ("cohere", "command-r")),
        ("mistral-large-latest", {}, ("mistral", "mistral-large-latest")),
        ("anthropic.claude-v2:1", {}, ("bedrock", "anthropic.claude-v2:1")),
        ("azure:my-deployment", {}, ("azure", "my-deployment")),
        ("openai/gpt-5", {}, ("openai", "gpt-5")),
        ("ft:gpt-4.1:org::id", {}, ("openai", "ft:gpt-4.1:org::id")),
        ("openrouter:openai/gpt-5", {}, ("openrouter", "openai/gpt-5")),
        ("gpt-5", {"provider": "azure"}, ("azure", "gpt-5")),
        ("openai:gpt-5", {"provider": "openai"}, ("openai", "gpt-5")),
        ("gemini-2.5-pro", {"provider": "gemini"}, ("google", "gemini-2.5-pro")),
        ("openai/gpt-5", {"provider": "openrouter"}, ("openrouter", "openai/gpt-5")),
        ("my-model", {}, ("anthropic", "my-model")),
    ],
)
def test_provider_comes_from_request_prefix_or_name(
    model: str, options: dict[str, Any], target: tuple[str, str]
) -> None:
    assert chosen(model, **options).targets[model] == target


@pytest.mark.parametrize(
    ("configured", "provider"),
    [
        (("anthropic", "openai", "google"), "anthropic"),
        (("openai", "google"), "openai"),
        (("google", "mistral"), "google"),
        ((), "openrouter"),
    ],
)
def test_name_that_says_nothing_goes_to_the_preferred_provider(configured: tuple[str, ...], provider: str) -> None:
    assert chosen("my-model", known(*configured)).provider == provider


@pytest.mark.parametrize(("model", "options"), [("acme:x", {}), ("x", {"provider": "acme"})])
def test_unknown_provider_is_refused_with_the_choice_there_is(model: str, options: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequestError, match=r"'acme' is no provider: choose one of anthropic, .*, openrouter"):
        chosen(model, **options)


def test_other_configured_providers_may_answer_with_their_first_model() -> None:
    assert chosen("gpt-5").fallbacks == ("anthropic:claude-1", "google:gemini-1")
    assert chosen("gpt-5", fallback=False).fallbacks == ()


def test_provider_of_which_no_model_is_known_has_no_default() -> None:
    assert "azure" not in default_models(ALL)


def test_fallbacks_can_be_named() -> None:
    choice = chosen("gpt-5", fallback=["google:gemini-9", "openrouter:x/y"])

    assert choice.fallbacks == ("google:gemini-9", "openrouter:x/y")
    assert choice.targets["openrouter:x/y"] == ("openrouter", "x/y")


def test_unknown_provider_among_fallbacks_is_refused_by_its_place() -> None:
    with pytest.raises(InvalidRequestError, match=r"^fallback\.1: "):
        chosen("gpt-5", fallback=["google:gemini-9", "acme:x"])


@pytest.mark.parametrize("model", ["gpt-5", "anthropic/claude-x", "my-model"])
def test_demo_answers_every_name_as_long_as_there_is_no_provider(model: str) -> None:
    assert chosen(model, known(backend="demo")).provider == "demo"
    assert chosen("gpt-5", known("google", backend="demo")).provider == "openai"
    assert chosen("openai:gpt-5", known(backend="demo")).provider == "openai"
    assert chosen("gpt-5", known(backend="demo"), provider="openai").provider == "openai"
