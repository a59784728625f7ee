"""Entries of the models list are filled with what is known of their models."""

from typing import Any

import anthropic
import pytest

from openrouter_anthropic_server.capabilities.traits import UNLIMITED, Capabilities
from openrouter_anthropic_server.conversion.model_names import from_via_alias
from openrouter_anthropic_server.conversion.model_support import all_filled, filled, plain_entry, with_prefix

KNOWN = Capabilities(
    thinking=frozenset({"adaptive"}),
    efforts=("low", "high"),
    context_window=400_000,
    max_input=272_000,
    max_output=128_000,
    images=False,
    server_tools=("web_search_*",),
)


def test_an_entry_tells_what_is_known() -> None:
    model = filled(plain_entry("claude-opus-9"), KNOWN)
    assert (model["max_input_tokens"], model["max_tokens"]) == (272_000, 128_000)
    found: Any = model["capabilities"]
    assert found["effort"]["supported"] is True
    assert [level for level in ("low", "medium", "high", "xhigh", "max") if found["effort"][level]["supported"]] == [
        "low",
        "high",
    ]
    assert [kind for kind, support in found["thinking"]["types"].items() if support["supported"]] == ["adaptive"]
    assert (found["image_input"], found["pdf_input"]) == ({"supported": False}, {"supported": True})
    assert found["server_tools"]["web_search"] == {"supported": True}
    anthropic.types.ModelInfo.model_validate(model)


def test_what_an_upstream_says_itself_stays() -> None:
    model = plain_entry("m") | {"max_input_tokens": 5, "capabilities": None}
    assert filled(model, KNOWN)["max_input_tokens"] == 5


def test_nothing_is_made_up_of_a_model_that_nobody_knows() -> None:
    model = plain_entry("m")
    assert filled(model, UNLIMITED) is model


def test_a_via_alias_is_looked_up_under_its_model() -> None:
    asked: list[str] = []

    def known(name: str) -> Capabilities:
        asked.append(name)
        return KNOWN

    models = all_filled([plain_entry("openai/gpt-5"), plain_entry("claude-via-openai--gpt-5")], known)
    assert asked == ["openai/gpt-5", "openai/gpt-5"]
    assert models[0]["max_tokens"] == models[1]["max_tokens"] == 128_000


@pytest.mark.parametrize("prefix", ["openai:", "openrouter:"])
def test_models_beside_the_configured_upstream_have_its_prefix_and_a_name_for_claude_code(prefix: str) -> None:
    models = with_prefix([plain_entry("gpt-5"), plain_entry("claude-via-gpt-5"), plain_entry("claude-opus-5")], prefix)
    assert [model["id"] for model in models] == [
        f"{prefix}gpt-5",
        f"claude-via-{prefix}gpt-5",
        f"{prefix}claude-opus-5",
    ]
    assert from_via_alias(models[1]["id"]) == f"{prefix}gpt-5"
