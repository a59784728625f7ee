"""The author of a model, and whose a format of reasoning is."""

import pytest

from openrouter_anthropic_server.conversion.vendors import vendor_of, vendors_of_format


@pytest.mark.parametrize(
    ("model", "vendor"),
    [
        ("anthropic/claude-sonnet-4.5", "anthropic"),
        ("~anthropic/claude-opus-latest", "anthropic"),
        ("anthropic/claude-sonnet-4.5:nitro", "anthropic"),
        ("openrouter/anthropic/claude-sonnet-4.5", "anthropic"),
        ("databricks-claude-sonnet-4", "anthropic"),
        ("claude-opus-5-5", "anthropic"),
        ("google/gemini-2.5-pro", "google"),
        ("gemini-2.5-flash", "google"),
        ("openai/gpt-5", "openai"),
        ("gpt-5", "openai"),
        ("x-ai/grok-4", "x-ai"),
        ("mistralai/claude-lookalike", "mistralai"),
        ("openrouter/auto", "openrouter"),
        ("big", ""),
    ],
)
def test_the_name_tells_the_author(model: str, vendor: str) -> None:
    assert vendor_of(model) == vendor


@pytest.mark.parametrize(
    ("reasoning_format", "vendor"),
    [
        ("anthropic-claude-v1", "anthropic"),
        ("google-gemini-v1", "google"),
        ("openai-responses-v1", "openai"),
        ("azure-openai-responses-v1", "openai"),
        ("bedrock-openai-responses-v1", "openai"),
        ("xai-responses-v1", "x-ai"),
        ("meta-responses-v1", "meta-llama"),
    ],
)
def test_a_format_tells_whose_reasoning_it_is(reasoning_format: str, vendor: str) -> None:
    assert vendor in (vendors_of_format(reasoning_format) or ())


@pytest.mark.parametrize("reasoning_format", ["unknown", "future-v2", "", None, 5])
def test_any_other_format_is_nobodys(reasoning_format: object) -> None:
    assert vendors_of_format(reasoning_format) is None
