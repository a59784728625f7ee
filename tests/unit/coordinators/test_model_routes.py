"""Which backend, wire and name a model gets."""

from collections.abc import Mapping

import pytest

from openrouter_anthropic_server.backends.chat_http import HttpChatBackend
from openrouter_anthropic_server.backends.demo import DemoBackend
from openrouter_anthropic_server.backends.http_upstream import HttpUpstream
from openrouter_anthropic_server.coordinators.model_routes import ModelAliases, OpenRouterRoutes, PassThroughRoutes
from openrouter_anthropic_server.ports.model_routes import ChatRoute, MessagesRoute

NAMES = ModelAliases("anthropic/claude-sonnet-4", "openai/gpt-5-mini", {"mine": "openai/gpt-5", "team-*": "big"})


def _openrouter(wire: str = "auto", names: ModelAliases = NAMES) -> OpenRouterRoutes:
    upstream = HttpUpstream("http://127.0.0.1:1", headers={}, secrets=[], timeout_seconds=1, idle_seconds=1)
    return OpenRouterRoutes(names, DemoBackend(), HttpChatBackend("openrouter", upstream, path="/c"), wire)  # type: ignore[arg-type]


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
    aliases: Mapping[str, str] = {"big": "x-ai/grok-4"}

    assert _openrouter(names=ModelAliases("a/b", "c/d", aliases)).resolve("big").model == "x-ai/grok-4"


def test_pass_through_keeps_the_name_that_the_client_wrote() -> None:
    routes = PassThroughRoutes(NAMES, DemoBackend())

    assert routes.resolve("claude-sonnet-4-5-20250929").model == "claude-sonnet-4-5-20250929"
    assert routes.resolve("big").model == "anthropic/claude-sonnet-4"
