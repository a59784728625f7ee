"""Providers by name: their routes, what the others need, and which prefixes lead to them."""

from collections.abc import Collection

import pytest

from openrouter_anthropic_server.backends.demo import DemoBackend
from openrouter_anthropic_server.coordinators.model_routes import PassThroughRoutes
from openrouter_anthropic_server.coordinators.provider_routes import (
    OPENROUTERS_AUTHORS,
    ProviderRoutes,
    provider_prefixes,
)
from openrouter_anthropic_server.errors import InvalidRequestError

ROUTES = PassThroughRoutes(DemoBackend())
PROVIDERS = ProviderRoutes(
    {"mistral": ROUTES, "openai": ROUTES}, {"openai": "set OPENAI_API_KEY", "google": "set GEMINI_API_KEY"}
)


def test_configured_providers_come_in_the_order_of_preference() -> None:
    assert PROVIDERS.configured() == ["openai", "mistral"]


def test_a_configured_provider_lacks_nothing() -> None:
    assert PROVIDERS.missing("openai") is None
    assert PROVIDERS.route("openai", "gpt-5").model == "gpt-5"


def test_another_one_says_what_to_set() -> None:
    assert PROVIDERS.missing("google") == "set GEMINI_API_KEY"
    with pytest.raises(InvalidRequestError, match="model: the provider 'google' is not configured: set GEMINI_API_KEY"):
        PROVIDERS.route("google", "gemini-2.5-pro")


def test_no_provider_at_all_is_told_by_the_names_there_are() -> None:
    with pytest.raises(InvalidRequestError, match="provider: 'nobody' is none of anthropic, openai"):
        PROVIDERS.missing("nobody")
    with pytest.raises(InvalidRequestError, match="provider: 'nobody'"):
        PROVIDERS.route("nobody", "x")


def test_no_model_is_no_route() -> None:
    with pytest.raises(InvalidRequestError, match="'openai' is followed by no model name"):
        PROVIDERS.route("openai", "")


def test_behind_a_colon_every_provider_is_reached_so_that_a_missing_key_is_named() -> None:
    prefixes = provider_prefixes(PROVIDERS, own_authors=())

    assert prefixes["openai:"].route("gpt-5").model == "gpt-5"
    with pytest.raises(InvalidRequestError, match="GEMINI_API_KEY"):
        prefixes["gemini:"].route("gemini-2.5-pro")


@pytest.mark.parametrize(
    ("own_authors", "slashes"),
    [
        (OPENROUTERS_AUTHORS, {"mistral/"}),
        ({"openai"}, {"mistral/", "mistralai/"}),
        ((), {"openai/", "mistral/", "mistralai/"}),
    ],
)
def test_a_slash_leads_to_a_provider_with_a_key_unless_the_default_upstream_knows_the_author(
    own_authors: Collection[str], slashes: set[str]
) -> None:
    prefixes = provider_prefixes(PROVIDERS, own_authors=own_authors)

    assert {prefix for prefix in prefixes if prefix.endswith("/")} == slashes
