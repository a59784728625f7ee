"""Which providers are open with which settings, and what the others ask for."""

import pytest

from openrouter_anthropic_server.errors import InvalidRequestError
from openrouter_anthropic_server.settings import all_settings_names, load_settings
from openrouter_anthropic_server.wiring.capability_table import capability_table
from openrouter_anthropic_server.wiring.providers import open_providers

KEY = "a-key-of-the-tests"
AWS = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": KEY}


@pytest.fixture(autouse=True)
def _no_settings_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in all_settings_names():
        monkeypatch.delenv(name, raising=False)
    capability_table(load_settings(None))  # as in a server: read before the event loop needs it


@pytest.mark.parametrize(
    ("env", "provider"),
    [
        ({"OPENAI_API_KEY": KEY}, "openai"),
        ({"GEMINI_API_KEY": KEY}, "google"),
        ({"GOOGLE_API_KEY": KEY}, "google"),
        ({"COHERE_API_KEY": KEY}, "cohere"),
        ({"MISTRAL_API_KEY": KEY}, "mistral"),
        ({"AZURE_API_KEY": KEY, "AZURE_API_BASE": "https://mine.openai.azure.com"}, "azure"),
        ({"AZURE_OPENAI_API_KEY": KEY, "AZURE_API_BASE": "https://mine.openai.azure.com"}, "azure"),
        ({"AWS_BEARER_TOKEN_BEDROCK": KEY, "AWS_REGION": "eu-central-1"}, "bedrock"),
        ({**AWS, "AWS_REGION": "us-gov-west-1"}, "bedrock"),
        ({**AWS, "AWS_SESSION_TOKEN": KEY, "AWS_REGION": "us-east-1"}, "bedrock"),
    ],
)
async def test_a_provider_is_open_with_its_key(
    monkeypatch: pytest.MonkeyPatch, env: dict[str, str], provider: str
) -> None:
    for name, value in env.items():
        monkeypatch.setenv(name, value)

    async with open_providers(load_settings(None), None) as providers:
        assert providers.configured() == [provider]
        route = providers.route(provider, "some-model[1m]")

    assert (route.model, route.backend.name, route.wire) == ("some-model", provider, "chat")
    assert route.backend.redact(f"the key is {KEY}") == "the key is [redacted]"


@pytest.mark.parametrize(
    ("env", "provider", "wanted"),
    [
        ({}, "anthropic", "ANTHROPIC_UPSTREAM_API_KEY"),
        ({}, "openai", "OPENAI_API_KEY"),
        ({"AZURE_API_KEY": KEY}, "azure", "AZURE_API_BASE"),
        (AWS, "bedrock", "AWS_REGION"),
        ({"AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": KEY}, "bedrock", "AWS_SECRET_ACCESS_KEY"),
        ({**AWS, "AWS_REGION": "europe"}, "bedrock", "AWS_REGION is 'europe', but must be a region such as"),
    ],
)
async def test_what_is_missing_or_wrong_is_named(
    monkeypatch: pytest.MonkeyPatch, env: dict[str, str], provider: str, wanted: str
) -> None:
    for name, value in env.items():
        monkeypatch.setenv(name, value)

    async with open_providers(load_settings(None), None) as providers:
        assert wanted in (providers.missing(provider) or "")
        with pytest.raises(InvalidRequestError, match=wanted):
            providers.route(provider, "some-model")
