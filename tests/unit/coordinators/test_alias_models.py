"""`big`, `small` and the operator's names stand in the models list, with what they stand for."""

from typing import Any

from openrouter_anthropic_server.backends.demo import DemoBackend
from openrouter_anthropic_server.capabilities.traits import Capabilities
from openrouter_anthropic_server.conversion.model_support import plain_entry
from openrouter_anthropic_server.coordinators.alias_models import with_aliases
from openrouter_anthropic_server.coordinators.model_routes import (
    AliasTarget,
    AllRoutes,
    ModelAliases,
    PassThroughRoutes,
)
from openrouter_anthropic_server.errors import InvalidRequestError
from openrouter_anthropic_server.ports.model_routes import ModelDefaults, Route

THINKS = Capabilities(thinking=frozenset({"adaptive"}), efforts=("low", "high"), max_output=7)
NAMES = ModelAliases(
    AliasTarget("claude-big", ModelDefaults("high")),
    AliasTarget("plain-small", ModelDefaults("medium")),
    {
        "mine": AliasTarget("claude-big", ModelDefaults("low")),
        "listed": AliasTarget("claude-big"),
        "locked": AliasTarget("closed:x"),
        "glob-*": AliasTarget("claude-big"),
    },
)


class Closed:
    """An upstream without its key."""

    def route(self, name: str) -> Route:
        raise InvalidRequestError(f"model: no key for {name}")


def models() -> dict[str, Any]:
    routes = PassThroughRoutes(
        DemoBackend(), "demo", lambda name: THINKS if name.startswith("claude") else Capabilities(efforts=())
    )
    given = [plain_entry("claude-big") | {"max_input_tokens": 3}, plain_entry("listed")]
    found = with_aliases(given, NAMES, AllRoutes(NAMES, routes, {"closed:": Closed()}))
    assert len({model["id"] for model in found}) == len(found)
    return {model["id"]: model for model in found}


def test_names_that_are_no_globs_are_listed_before_the_models_and_hide_their_own() -> None:
    assert list(models()) == ["big", "small", "mine", "listed", "claude-big"]


def test_an_entry_is_its_targets_and_says_so() -> None:
    big = models()["big"]
    assert big["description"] == "stands for claude-big, effort high where a request sets none"
    assert (big["display_name"], big["max_input_tokens"], big["max_tokens"]) == ("big (claude-big)", 3, 7)
    assert models()["mine"]["description"] == "stands for claude-big, effort low where a request sets none"


def test_no_effort_is_told_of_a_model_that_cannot_think() -> None:
    assert models()["small"]["description"] == "stands for plain-small"
    assert models()["listed"]["description"] == "stands for claude-big"
