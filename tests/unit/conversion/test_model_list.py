"""The models list: entries made from an upstream's, aliases for Claude Code, pages."""

from typing import Any, get_args

import anthropic.types
import pytest
from anthropic.types import ModelCapabilities as SdkCapabilities
from hypothesis import given
from hypothesis import strategies as st

from openrouter_anthropic_server.conversion.claude_models import CLAUDE_MODELS
from openrouter_anthropic_server.conversion.model_list import (
    UNKNOWN_DATE,
    Lifecycle,
    ModelInfo,
    alias_entry,
    model_info_from_openrouter,
    models_from_anthropic,
    models_from_openrouter,
    page,
)
from openrouter_anthropic_server.conversion.model_names import from_via_alias
from openrouter_anthropic_server.errors import InvalidRequestError, UpstreamError

GPT: dict[str, Any] = {
    "id": "openai/gpt-5",
    "name": "OpenAI: GPT-5",
    "created": 1_754_587_413,
    "context_length": 400_000,
    "architecture": {"input_modalities": ["text", "image", "file"], "output_modalities": ["text"]},
    "top_provider": {"context_length": 390_000, "max_completion_tokens": 128_000},
    "supported_parameters": ["tools", "reasoning", "structured_outputs"],
    "reasoning": {"supported_efforts": ["minimal", "low", "medium", "high", "xhigh"], "mandatory": True},
    "expiration_date": None,
}
CLAUDE = {"id": "anthropic/claude-opus-4.5", "name": "Anthropic: Claude Opus 4.5", "context_length": 200_000}
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
FIELDS = st.dictionaries(
    st.sampled_from([*GPT, "display_name", "created_at", "lifecycle", "line", "max_tokens"]), JSON_VALUES
)


def some_models(count: int) -> list[ModelInfo]:
    return [model_info_from_openrouter({"id": f"acme/m{index}"}) for index in range(count)]


def ids(answer: dict[str, Any]) -> list[str]:
    return [model["id"] for model in answer["data"]]


def test_an_openrouter_entry_becomes_a_model_info() -> None:
    info = model_info_from_openrouter(GPT)
    assert (info["id"], info["display_name"]) == ("openai/gpt-5", "OpenAI: GPT-5")
    assert info["created_at"] == "2025-08-07T17:23:33Z"
    assert (info["max_input_tokens"], info["max_tokens"]) == (390_000, 128_000)
    assert (info["lifecycle"], info["line"]) == ("active", None)
    assert info["description"] == "openai/gpt-5 on OpenRouter, 390,000 tokens of context"


def test_capabilities_follow_from_the_parameters_and_modalities() -> None:
    full = model_info_from_openrouter(GPT)["capabilities"]
    bare = model_info_from_openrouter({"id": "acme/small"})["capabilities"]
    assert full is not None
    assert bare is not None
    for name in ("image_input", "pdf_input", "structured_outputs", "thinking", "effort"):
        assert full[name]["supported"] is True
        assert bare[name]["supported"] is False
    assert full["effort"]["xhigh"] == {"supported": True}
    assert full["effort"]["max"] == {"supported": False}
    assert full["thinking"]["types"]["disabled"] == {"supported": False}
    assert set(full) == set(bare) == set(SdkCapabilities.model_fields)


def test_an_expiring_model_is_deprecated() -> None:
    info = model_info_from_openrouter({**GPT, "expiration_date": "2026-12-31"})
    assert (info["lifecycle"], info["retires_at"]) == ("deprecated", "2026-12-31T00:00:00Z")
    unreadable = model_info_from_openrouter({**GPT, "expiration_date": "soon"})
    assert (unreadable["lifecycle"], unreadable["retires_at"]) == ("active", None)


def test_foreign_models_are_followed_by_an_alias_that_claude_code_keeps() -> None:
    models = models_from_openrouter({"data": [GPT, CLAUDE, {"id": ""}, "x", {"name": "no id"}]})
    assert [model["id"] for model in models] == ["openai/gpt-5", "claude-via-openai--gpt-5", CLAUDE["id"]]
    alias = models[1]
    assert alias["display_name"] == "GPT-5 (openai/gpt-5)"
    assert from_via_alias(alias["id"]) == "openai/gpt-5"
    assert {**alias, "id": "", "display_name": ""} == {**models[0], "id": "", "display_name": ""}


def test_claude_models_have_their_line() -> None:
    assert model_info_from_openrouter(CLAUDE)["line"] == "opus"
    assert model_info_from_openrouter({"id": "~anthropic/claude-fable-latest"})["line"] == "fable"
    assert model_info_from_openrouter({"id": "acme/sonnet"})["line"] is None


@pytest.mark.parametrize("answer", [None, {}, {"data": None}, "x", {"error": {}}])
def test_an_answer_that_is_no_list_is_an_upstream_error(answer: object) -> None:
    with pytest.raises(UpstreamError):
        models_from_openrouter(answer)
    with pytest.raises(UpstreamError):
        models_from_anthropic(answer)


def test_older_anthropic_answers_are_completed_and_newer_ones_kept() -> None:
    old = {"type": "model", "id": "claude-opus-4-5", "display_name": "Opus", "created_at": "2025-11-24T00:00:00Z"}
    new = {**old, "lifecycle": "retired", "line": "opus", "max_tokens": 5, "allowed_fallback_models": ["x"]}
    first, second = models_from_anthropic({"data": [old, new]})
    assert {key: first.get(key) for key in old} == old
    assert (first["lifecycle"], first["line"], first["capabilities"]) == ("active", "opus", None)
    assert {key: second.get(key) for key in new} == new


@given(st.lists(FIELDS.map(lambda fields: {**fields, "id": "acme/some"}), max_size=3))
def test_the_official_client_takes_every_entry(entries: list[dict[str, Any]]) -> None:
    for model in models_from_openrouter({"data": entries}):
        anthropic.types.ModelInfo.model_validate(model)
        assert model["lifecycle"] in get_args(Lifecycle)


def test_the_official_client_takes_the_known_claude_models() -> None:
    parsed = [anthropic.types.ModelInfo.model_validate(model) for model in CLAUDE_MODELS]
    names = {model.id: model.display_name for model in parsed}
    assert len(names) == len(CLAUDE_MODELS)
    assert names["claude-opus-5-5"] == "Claude Opus 5.5"
    assert names["claude-opus-4-5-20251101"] == "Claude Opus 4.5 (20251101)"
    assert names["claude-mythos-preview"] == "Claude Mythos Preview"
    assert {model["created_at"] for model in CLAUDE_MODELS} > {UNKNOWN_DATE}


def test_the_first_page_and_the_ones_after_it() -> None:
    models = some_models(5)
    first = page(models, limit=2)
    assert (ids(first), first["has_more"]) == (["acme/m0", "acme/m1"], True)
    assert (first["first_id"], first["last_id"]) == ("acme/m0", "acme/m1")
    last = page(models, after_id="acme/m2", limit=2)
    assert (ids(last), last["has_more"]) == (["acme/m3", "acme/m4"], False)


def test_pages_backwards_end_just_before_their_cursor() -> None:
    models = some_models(5)
    middle = page(models, before_id="acme/m4", limit=2)
    assert (ids(middle), middle["has_more"]) == (["acme/m2", "acme/m3"], True)
    first = page(models, before_id="acme/m2", limit=2)
    assert (ids(first), first["has_more"]) == (["acme/m0", "acme/m1"], False)


@given(st.integers(0, 30), st.integers(1, 12))
def test_paging_forwards_shows_every_model_once(count: int, limit: int) -> None:
    models = some_models(count)
    seen: list[str] = []
    answer = page(models, limit=limit)
    while answer["data"]:
        seen += ids(answer)
        if not answer["has_more"]:
            break
        answer = page(models, after_id=answer["last_id"], limit=str(limit))
    assert seen == [model["id"] for model in models]


def test_unknown_cursors_start_from_the_beginning_and_no_models_are_an_empty_page() -> None:
    models = some_models(3)
    assert ids(page(models, after_id="gone")) == ids(page(models, before_id="gone")) == ids(page(models))
    assert page([]) == {"data": [], "has_more": False, "first_id": None, "last_id": None}


@pytest.mark.parametrize("limit", [0, -1, 1001, "0", "many", "", "1.5"])
def test_a_bad_limit_is_refused_by_name(limit: int | str) -> None:
    with pytest.raises(InvalidRequestError, match="^limit: "):
        page(some_models(1), limit=limit)


def test_an_alias_of_a_name_without_an_author_prefix_keeps_the_name() -> None:
    alias = alias_entry(model_info_from_openrouter({"id": "acme/m1", "name": "M 1"}))
    assert alias["display_name"] == "M 1 (acme/m1)"
