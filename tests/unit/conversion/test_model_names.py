"""Names of models: Anthropic's, OpenRouter's, aliases and the `claude-via-…` names."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openrouter_anthropic_server.conversion.model_names import (
    anthropic_name,
    anthropic_name_behind_prefix,
    from_via_alias,
    is_claude,
    match_alias,
    openrouter_name,
    strip_context_suffix,
    via_alias,
)

MODEL_IDS = st.text(min_size=1) | st.from_regex(r"\A[a-z~-]{1,9}/[a-z0-9.=:-]{1,20}\Z")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("claude-sonnet-4-5-20250929", "anthropic/claude-sonnet-4.5"),
        ("claude-3-5-haiku-20241022", "anthropic/claude-3.5-haiku"),
        ("claude-3-7-sonnet-latest", "anthropic/claude-3.7-sonnet"),
        ("claude-opus-4-20250514", "anthropic/claude-opus-4"),
        ("claude-opus-4-0", "anthropic/claude-opus-4"),
        ("claude-opus-4-1-20250805", "anthropic/claude-opus-4.1"),
        ("claude-opus-5-5", "anthropic/claude-opus-5.5"),
        ("claude-opus-5-5[1m]", "anthropic/claude-opus-5.5"),
        ("claude-3-opus-20240229", "anthropic/claude-3-opus"),
        ("claude-fable-5-2", "anthropic/claude-fable-5.2"),
        ("claude-sonnet-5", "anthropic/claude-sonnet-5"),
        ("claude-opus-5-fast", "anthropic/claude-opus-5-fast"),
        ("claude-opus-4-6-fast", "anthropic/claude-opus-4.6-fast"),
        ("claude-3-7-sonnet-20250219:thinking", "anthropic/claude-3.7-sonnet:thinking"),
        ("claude-sonnet-4-5@20250929", "anthropic/claude-sonnet-4.5"),
        ("claude-sonnet-4.5", "anthropic/claude-sonnet-4.5"),
        ("claude-mythos-preview", "anthropic/claude-mythos-preview"),
        ("claude-opus-latest", "~anthropic/claude-opus-latest"),
        ("openrouter/claude-opus-5-5", "anthropic/claude-opus-5.5"),
        ("openrouter/anthropic/claude-sonnet-4.5", "anthropic/claude-sonnet-4.5"),
        ("claude-via-openai--gpt-5", "openai/gpt-5"),
    ],
)
def test_names_become_those_of_openrouter(name: str, expected: str) -> None:
    assert openrouter_name(name) == expected


@pytest.mark.parametrize(
    "name",
    [
        "anthropic/claude-sonnet-4-5",
        "deepseek/deepseek-chat:free",
        "~anthropic/claude-opus-latest",
        "openrouter/auto",
        "gpt-5",
        "big",
        "my-claude",
    ],
)
def test_names_with_an_author_and_foreign_names_pass_unchanged(name: str) -> None:
    assert openrouter_name(name) == name


@given(st.text())
def test_every_name_has_an_openrouter_name(name: str) -> None:
    assert isinstance(openrouter_name(name), str)


@given(st.sampled_from(["opus", "sonnet", "haiku", "fable"]), st.integers(4, 19), st.integers(1, 19))
def test_an_openrouter_name_stays_as_it_is(line: str, major: int, minor: int) -> None:
    name = openrouter_name(f"claude-{line}-{major}-{minor}-20261231")
    assert name == f"anthropic/claude-{line}-{major}.{minor}"
    assert openrouter_name(name) == name


def test_the_context_suffix_is_stripped_and_other_brackets_stay() -> None:
    assert strip_context_suffix("claude-opus-5-5[1m]") == "claude-opus-5-5"
    assert strip_context_suffix("claude-opus-5-5[1M]") == "claude-opus-5-5"
    assert strip_context_suffix("x[1m]y") == "x[1m]y"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("claude-opus-5-5", True),
        ("anthropic/claude-sonnet-4.5", True),
        ("~anthropic/claude-opus-latest", True),
        ("databricks-claude-sonnet-4-5", True),
        ("us.anthropic.claude-opus-4-5-v1:0", True),
        ("claude-via-openai--gpt-5", False),
        ("openai/gpt-5", False),
        ("claudette/llama", False),
        ("big", False),
    ],
)
def test_claude_models_are_told_from_others(name: str, expected: bool) -> None:
    assert is_claude(name) is expected


@given(MODEL_IDS)
def test_a_via_alias_gives_its_model_back_and_is_safe_in_a_path(model_id: str) -> None:
    alias = via_alias(model_id)
    assert from_via_alias(alias) == model_id
    assert re.fullmatch(r"claude-via-[A-Za-z0-9._:=-]+", alias)


@given(MODEL_IDS, MODEL_IDS)
def test_two_models_never_share_a_via_alias(one: str, other: str) -> None:
    assert (via_alias(one) == via_alias(other)) == (one == other)


def test_ordinary_ids_have_readable_via_aliases() -> None:
    assert via_alias("openai/gpt-5") == "claude-via-openai--gpt-5"
    assert via_alias("z-ai/glm-4.6:exacto") == "claude-via-z-ai--glm-4.6:exacto"


@pytest.mark.parametrize("name", ["gpt-5", "claude-opus-5", "claude-via-", "claude-via-a=ZZ", "claude-via-a=FF"])
def test_other_names_and_broken_escapes_are_no_via_aliases(name: str) -> None:
    assert from_via_alias(name) is None


def test_an_exact_alias_wins_over_an_earlier_glob() -> None:
    aliases = {"claude-*": "glob", "claude-opus-5-5": "exact"}
    assert match_alias("claude-opus-5-5", aliases) == "exact"
    assert match_alias("claude-opus-5", aliases) == "glob"


def test_globs_match_in_their_order_and_by_case() -> None:
    aliases = {"*haiku*": "small", "claude-[a-z]*": "big"}
    assert match_alias("claude-haiku-5", aliases) == "small"
    assert match_alias("claude-opus-5", aliases) == "big"
    assert match_alias("Claude-Haiku-5", aliases) is None
    assert match_alias("gpt-5", aliases) is None


@pytest.mark.parametrize(
    ("name", "own", "behind_prefix"),
    [
        ("anthropic/claude-sonnet-4.5", "claude-sonnet-4-5", "claude-sonnet-4-5"),
        ("~anthropic/claude-opus-latest", "claude-opus-latest", "claude-opus-latest"),
        ("claude-via-anthropic--claude-sonnet-4.5", "claude-sonnet-4-5", "claude-sonnet-4-5"),
        ("claude-sonnet-4.5", "claude-sonnet-4.5", "claude-sonnet-4-5"),
        ("claude-sonnet-4-5-20250929", "claude-sonnet-4-5-20250929", "claude-sonnet-4-5-20250929"),
        ("claude-via-openai--gpt-5", "claude-via-openai--gpt-5", "claude-via-openai--gpt-5"),
        ("openai/gpt-4.1", "openai/gpt-4.1", "openai/gpt-4.1"),
        ("gpt-4.1", "gpt-4.1", "gpt-4.1"),
    ],
)
def test_names_of_openrouter_become_anthropics(name: str, own: str, behind_prefix: str) -> None:
    assert anthropic_name(name) == own
    assert anthropic_name_behind_prefix(name) == behind_prefix
