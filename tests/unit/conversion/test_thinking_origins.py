"""What can be told of a signature by looking at it, and whose thinking a model's is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openrouter_anthropic_server.conversion.thinking_origins import looks_like_anthropics, vendor_behind


@pytest.mark.parametrize(
    "signature",
    [
        "EqQBCgIYAhIM1gbcDa9GJwZA2b3hGgxBdjrkzLoky3dl1pkiMOYds",  # as in Anthropic's documentation
        "EqoBCkgIARABGAIiQL2UoU0b1OHYi",
        "EmwKAhgBEgy3va3pzix/LafPsn4aDFIT2Xlxh0L5L8rLVyIwxtE3rAFBa8cr3qpPkNRj2YfWXGmKDxH4mPnZ5sQ7vB9URj2pLmN3kF8",
        "Et0BCkYIBxgCKkD",
        "EqQB",
    ],
)
def test_anthropics_are_known_by_their_first_fields(signature: str) -> None:
    assert looks_like_anthropics(signature)


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "E",
        "Eg",
        "EvEFCu4FAXLI2nxabcabcabc",
        "CpcHAXLI2nwabcabc",
        "claude#EqQBCgIYAhIM",
        "c2ln",
        "gAAAAABo",
        "sig_1",
        "é",
    ],
)
def test_others_are_not_taken_for_them(signature: str) -> None:
    assert not looks_like_anthropics(signature)


@given(st.text())
def test_any_text_can_be_looked_at(signature: str) -> None:
    assert looks_like_anthropics(signature) in (True, False)


@pytest.mark.parametrize(
    ("model", "provider", "vendor"),
    [
        ("anthropic/claude-opus-5.5", "openrouter", "anthropic"),
        ("databricks-claude-opus-5-5", "databricks", "anthropic"),
        ("eu.anthropic.claude-opus-5-5-v1:0", "bedrock", "anthropic"),
        ("gemini-3-pro", "google", "google"),
        ("google/gemini-3-pro", "openrouter", "google"),
        ("our-deployment", "azure", "openai"),
        ("claude-opus-5-5", "demo", "provider demo"),
        ("glm-5", "anthropic", "provider anthropic"),
        ("kimi-k3", "anthropic", "provider anthropic"),
    ],
)
def test_a_models_vendor_is_its_author_or_else_who_serves_it(model: str, provider: str, vendor: str) -> None:
    assert vendor_behind(model, provider) == vendor
