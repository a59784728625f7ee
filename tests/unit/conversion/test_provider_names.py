"""Which provider a model name means."""

import pytest

from openrouter_anthropic_server.conversion.provider_names import (
    PREFIXES,
    PROVIDERS,
    choose_provider,
    provider_of,
    split_provider,
)


@pytest.mark.parametrize(
    ("model", "provider"),
    [
        ("claude-sonnet-4-5-20250929", "anthropic"),
        ("gpt-5", "openai"),
        ("chatgpt-4o-latest", "openai"),
        ("o3", "openai"),
        ("o4-mini", "openai"),
        ("codex-mini-latest", "openai"),
        ("gemini-2.5-pro", "google"),
        ("gemma-3-27b-it", "google"),
        ("command-a-03-2025", "cohere"),
        ("c4ai-aya-expanse-32b", "cohere"),
        ("mistral-large-latest", "mistral"),
        ("open-mixtral-8x22b", "mistral"),
        ("magistral-medium-2509", "mistral"),
        ("anthropic.claude-sonnet-4-5-20250929-v1:0", "bedrock"),
        ("eu.anthropic.claude-sonnet-4-5-20250929-v1:0", "bedrock"),
        ("us-gov.amazon.nova-pro-v1:0", "bedrock"),
        ("arn:aws:bedrock:eu-central-1:1:inference-profile/x", "bedrock"),
        ("Claude-Opus-5", "anthropic"),
        ("qwen3-coder", None),
        ("omni", None),
        ("my-gpt-5", None),
        ("", None),
    ],
)
def test_a_bare_name_tells_its_provider(model: str, provider: str | None) -> None:
    assert provider_of(model) == provider


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("openai:gpt-5", ("openai", "gpt-5")),
        ("openai/gpt-5", ("openai", "gpt-5")),
        ("gemini/gemini-2.5-pro", ("google", "gemini-2.5-pro")),
        ("Google:gemini-2.5-pro", ("google", "gemini-2.5-pro")),
        ("mistralai:codestral-latest", ("mistral", "codestral-latest")),
        ("bedrock:amazon.nova-pro-v1:0", ("bedrock", "amazon.nova-pro-v1:0")),
        ("azure:my/deployment", ("azure", "my/deployment")),
        ("openai:", ("openai", "")),
        ("gpt-5", None),
        ("qwen/qwen3-coder:free", None),
        ("amazon.nova-pro-v1:0", None),
    ],
)
def test_a_prefix_names_the_provider(name: str, split: tuple[str, str] | None) -> None:
    assert split_provider(name) == split


@pytest.mark.parametrize(
    ("name", "configured", "chosen"),
    [
        ("openai:gpt-5", ["google"], ("openai", "gpt-5")),
        ("gemini-2.5-pro", ["openai"], ("google", "gemini-2.5-pro")),
        ("qwen3-coder", ["mistral", "google", "openai"], ("openai", "qwen3-coder")),
        ("qwen3-coder", ["google", "anthropic"], ("anthropic", "qwen3-coder")),
        ("qwen3-coder", ["bedrock", "google"], ("google", "qwen3-coder")),
        ("qwen3-coder", [], None),
    ],
)
def test_prefix_then_name_then_preference(name: str, configured: list[str], chosen: tuple[str, str] | None) -> None:
    assert choose_provider(name, configured) == chosen


def test_every_provider_has_its_own_name_as_prefix() -> None:
    assert set(PROVIDERS) == set(PREFIXES.values())
    assert all(PREFIXES[provider] == provider for provider in PROVIDERS)
