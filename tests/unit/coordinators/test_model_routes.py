"""Which backend, wire and name a model gets."""

from collections.abc import Mapping

import pytest

from openrouter_anthropic_server.backends.chat_http import HttpChatBackend
from openrouter_anthropic_server.backends.demo import DemoBackend
from openrouter_anthropic_server.backends.http_upstream import HttpUpstream
from openrouter_anthropic_server.conversion.model_names import anthropic_name
from openrouter_anthropic_server.coordinators.model_routes import (
    AliasTarget,
    AllRoutes,
    MissingUpstream,
    ModelAliases,
    OpenRouterRoutes,
    PassThroughRoutes,
    PrefixedRoutes,
)
from openrouter_anthropic_server.errors import InvalidRequestError
from openrouter_anthropic_server.ports.model_routes import ChatRoute, MessagesRoute, ModelDefaults

NAMES = ModelAliases(
    AliasTarget("anthropic/claude-sonnet-4", ModelDefaults("high")),
    AliasTarget("openai/gpt-5-mini"),
    {
        "mine": AliasTarget("openai/gpt-5"),
        "team-*": AliasTarget("big"),
        "calm": AliasTarget("big", ModelDefaults("low")),
    },
)


def _openrouter(wire: str = "auto", names: ModelAliases = NAMES) -> AllRoutes:
    upstream = HttpUpstream("http://127.0.0.1:1", headers={}, secrets=[], timeout_seconds=1, idle_seconds=1)
    chat = HttpChatBackend("openrouter", upstream, path="/c")
    return AllRoutes(names, OpenRouterRoutes(DemoBackend(), chat, wire))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("asked", "model", "kind"),
    [
        ("big", "anthropic/claude-sonnet-4", MessagesRoute),
        ("small", "openai/gpt-5-mini", ChatRoute),
        ("claude-sonnet-4-5-20250929", "anthropic/claude-sonnet-4.5", MessagesRoute),
        ("claude-opus-5-5[1m]", "anthropic/claude-opus-5.5", MessagesRoute),
        ("openrouter/anthropic/claude-sonnet-4.5", "anthropic/claude-sonnet-4.5", MessagesRoute),
        ("openrouter/google/gemini-2.5-pro", "google/gemini-2.5-pro", ChatRoute),
        ("~anthropic/claude-opus-latest", "~anthropic/claude-opus-latest", MessagesRoute),
        ("mine", "openai/gpt-5", ChatRoute),
        ("team-red", "anthropic/claude-sonnet-4", MessagesRoute),
        ("claude-via-openai--gpt-5", "openai/gpt-5", ChatRoute),
        ("anything at all", "anything at all", ChatRoute),
    ],
)
def test_openrouter_routes_by_name(asked: str, model: str, kind: type) -> None:
    route = _openrouter().resolve(asked)

    assert (route.model, type(route)) == (model, kind)


@pytest.mark.parametrize(("wire", "kind"), [("messages", MessagesRoute), ("chat", ChatRoute)])
def test_the_wire_can_be_set_for_every_model(wire: str, kind: type) -> None:
    routes = _openrouter(wire)

    assert type(routes.resolve("claude-opus-5-5")) is kind
    assert type(routes.resolve("openai/gpt-5")) is kind


def test_an_alias_of_the_operator_wins_over_big() -> None:
    aliases: Mapping[str, AliasTarget] = {"big": AliasTarget("x-ai/grok-4")}
    names = ModelAliases(AliasTarget("a/b"), AliasTarget("c/d"), aliases)

    assert _openrouter(names=names).resolve("big").model == "x-ai/grok-4"


def test_pass_through_keeps_the_name_that_the_client_wrote() -> None:
    routes = AllRoutes(NAMES, PassThroughRoutes(DemoBackend()))

    assert routes.resolve("claude-sonnet-4-5-20250929").model == "claude-sonnet-4-5-20250929"
    assert routes.resolve("big").model == "anthropic/claude-sonnet-4"


@pytest.mark.parametrize(
    ("asked", "effort"), [("big", "high"), ("small", None), ("team-red", "high"), ("calm", "low"), ("mine", None)]
)
def test_an_alias_of_big_has_its_defaults_unless_it_has_its_own(asked: str, effort: str | None) -> None:
    assert _openrouter().resolve(asked).defaults.effort == effort


@pytest.mark.parametrize(
    ("asked", "backend", "model"),
    [
        ("openrouter:openai/gpt-5", "openrouter", "openai/gpt-5"),
        ("openrouter/auto", "openrouter", "openrouter/auto"),
        ("openrouter/google/gemini-2.5-pro", "openrouter", "google/gemini-2.5-pro"),
        ("claude-via-openrouter--openai--gpt-5", "openrouter", "openai/gpt-5"),
        ("openai/gpt-5", "demo", "openai/gpt-5"),
        ("claude-via-openai--gpt-5", "demo", "claude-via-openai--gpt-5"),
    ],
)
def test_a_prefix_leads_to_an_upstream_beside_the_configured_one(asked: str, backend: str, model: str) -> None:
    openrouter = _openrouter().default
    routes = AllRoutes(
        NAMES,
        PassThroughRoutes(DemoBackend()),
        {"openrouter:": openrouter, "openrouter/": PrefixedRoutes("openrouter/", openrouter)},
    )

    route = routes.resolve(asked)

    assert (route.backend.name, route.model) == (backend, model)


def test_a_prefix_alone_is_no_model() -> None:
    routes = AllRoutes(NAMES, PassThroughRoutes(DemoBackend()), {"openrouter:": _openrouter().default})

    with pytest.raises(InvalidRequestError, match="^model: 'openrouter:' is followed by no model name$"):
        routes.resolve("openrouter:")


@pytest.mark.parametrize(
    "name",
    ["", "[1m]", " [1m]", "openrouter/", "openrouter:[1m]", "openrouter:claude-", "claude-", "claude-via-", "openai/"],
)
def test_the_beginning_of_a_name_is_no_model(name: str) -> None:
    openrouter = _openrouter().default
    beside = AllRoutes(NAMES, PassThroughRoutes(DemoBackend()), {"openrouter:": openrouter})
    routes = beside if name.startswith("openrouter:") else AllRoutes(NAMES, openrouter)

    with pytest.raises(InvalidRequestError, match="^model: '.*' (names no model|is followed by no model name)$"):
        routes.resolve(name)


def test_a_prefix_of_an_upstream_that_is_not_configured_says_what_to_set() -> None:
    routes = AllRoutes(NAMES, PassThroughRoutes(DemoBackend()), {"theirs:": MissingUpstream("theirs", "set THEIR_KEY")})

    with pytest.raises(InvalidRequestError, match="^model: the upstream 'theirs' is not configured: set THEIR_KEY$"):
        routes.resolve("theirs:gpt-5")


def test_pass_through_renames_foreign_names() -> None:
    routes = PassThroughRoutes(DemoBackend(), naming=anthropic_name)

    assert routes.route("anthropic/claude-sonnet-4.5").model == "claude-sonnet-4-5"
    with pytest.raises(InvalidRequestError, match="^model: 'anthropic/' is followed by no model name$"):
        routes.route("anthropic/")
