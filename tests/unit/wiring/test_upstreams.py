"""Which upstream serves which name, with one upstream configured and the keys of all others set."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs

from openrouter_anthropic_server.errors import InvalidRequestError, UpstreamTimeoutError
from openrouter_anthropic_server.ports.messages_backend import MessagesCall
from openrouter_anthropic_server.ports.model_routes import ModelRoutes
from openrouter_anthropic_server.ports.providers import Providers
from openrouter_anthropic_server.settings import all_settings_names, load_settings
from openrouter_anthropic_server.wiring.capability_table import capability_table
from openrouter_anthropic_server.wiring.upstreams import open_upstreams
from tests.upstreams.databricks import CLIENT_ID, CLIENT_SECRET, FakeDatabricks
from tests.upstreams.script import Script

NOBODY = "http://127.0.0.1:1"
KEYS: Mapping[str, Mapping[str, str]] = {
    "OPENROUTER": {"OPENROUTER_API_KEY": "x", "OPENROUTER_BASE_URL": NOBODY},
    "LITELLM_OPENROUTER": {"OPENROUTER_API_KEY": "x", "OPENROUTER_BASE_URL": NOBODY},
    "ANTHROPIC": {"ANTHROPIC_UPSTREAM_API_KEY": "x", "ANTHROPIC_UPSTREAM_BASE_URL": NOBODY},
    "AZURE_DATABRICKS": {"DATABRICKS_HOST": NOBODY, "DATABRICKS_TOKEN": "x"},
    "DEMO": {},
}
PROVIDERS = {
    **{f"{name}_API_KEY": "x" for name in ("OPENAI", "GEMINI", "COHERE", "MISTRAL", "AZURE")},
    "AZURE_API_BASE": NOBODY,
    "AWS_REGION": "eu-central-1",
    "AWS_BEARER_TOKEN_BEDROCK": "x",
}
EVERYTHING = {name: value for keys in (*KEYS.values(), PROVIDERS) for name, value in keys.items()}
SERVED = {
    "OPENROUTER": ("openrouter", "anthropic/claude-sonnet-4", "anthropic/claude-3.7-sonnet"),
    "LITELLM_OPENROUTER": ("litellm_openrouter", "anthropic/claude-sonnet-4", "anthropic/claude-3.7-sonnet"),
    "ANTHROPIC": ("anthropic", "claude-sonnet-4", "claude-3-7-sonnet"),
    "AZURE_DATABRICKS": ("databricks", "databricks-claude-sonnet-4", "databricks-claude-3-7-sonnet"),
    "DEMO": ("demo", "anthropic/claude-sonnet-4", "anthropic/claude-3.7-sonnet"),
}


@pytest.fixture(autouse=True)
def _no_settings_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in all_settings_names():
        monkeypatch.delenv(name, raising=False)


@asynccontextmanager
async def opened(
    monkeypatch: pytest.MonkeyPatch, backend: str, env: Mapping[str, str]
) -> AsyncIterator[tuple[ModelRoutes, Providers]]:
    """The routes with `backend` configured; nobody is asked anything."""
    for name, value in {**KEYS[backend], **env, "PROXY_BACKEND": backend}.items():
        monkeypatch.setenv(name, value)
    settings = load_settings(None)
    await asyncio.to_thread(capability_table, settings)
    async with open_upstreams(settings) as (routes, providers, _catalog):
        yield routes, providers


def _place(routes: ModelRoutes, name: str) -> tuple[str, str]:
    route = routes.resolve(name)
    return route.backend.name, route.model


@pytest.mark.parametrize("env", [{}, EVERYTHING], ids=["alone", "beside all others"])
@pytest.mark.parametrize("backend", KEYS)
async def test_big_and_small_stay_with_the_configured_upstream(
    monkeypatch: pytest.MonkeyPatch, backend: str, env: Mapping[str, str]
) -> None:
    served_by, big, small = SERVED[backend]

    async with opened(monkeypatch, backend, env) as (routes, _):
        assert _place(routes, "big") == (served_by, big)
        assert _place(routes, "small") == (served_by, small)
        assert routes.resolve("anthropic/claude-sonnet-4.5").backend.name == served_by
        assert routes.resolve("claude-via-anthropic--claude-sonnet-4.5").backend.name == served_by


async def test_big_has_the_name_that_the_gateway_of_databricks_wants(monkeypatch: pytest.MonkeyPatch) -> None:
    env = {**EVERYTHING, "DATABRICKS_API": "ai-gateway"}
    async with opened(monkeypatch, "AZURE_DATABRICKS", env) as (routes, _):
        assert _place(routes, "big") == ("databricks", "system.ai.claude-sonnet-4")


@pytest.mark.parametrize("backend", KEYS)
async def test_a_colon_leads_to_every_upstream_the_configured_one_too(
    monkeypatch: pytest.MonkeyPatch, backend: str
) -> None:
    openrouter = "litellm_openrouter" if backend == "LITELLM_OPENROUTER" else "openrouter"

    async with opened(monkeypatch, backend, EVERYTHING) as (routes, _):
        assert _place(routes, "openrouter:openai/gpt-5") == (openrouter, "openai/gpt-5")
        assert _place(routes, "databricks:our-claude") == ("databricks", "our-claude")
        assert _place(routes, "anthropic:claude-haiku-4-5") == ("anthropic", "claude-haiku-4-5")


@pytest.mark.parametrize(
    ("backend", "name", "wanted"),
    [
        ("OPENROUTER", "databricks:our-claude", "DATABRICKS_HOST, and DATABRICKS_TOKEN or DATABRICKS_CLIENT_ID"),
        ("OPENROUTER", "anthropic:claude-haiku-4-5", "ANTHROPIC_UPSTREAM_API_KEY"),
        ("DEMO", "openrouter:openai/gpt-5", "OPENROUTER_API_KEY"),
        ("AZURE_DATABRICKS", "claude-via-openrouter:openai--gpt-5", "OPENROUTER_API_KEY"),
    ],
)
async def test_a_colon_behind_an_upstream_without_its_settings_names_them(
    monkeypatch: pytest.MonkeyPatch, backend: str, name: str, wanted: str
) -> None:
    async with opened(monkeypatch, backend, {}) as (routes, _):
        with pytest.raises(InvalidRequestError, match=f"is not configured: set {wanted}"):
            routes.resolve(name)


@pytest.mark.parametrize(
    ("backend", "name", "model"),
    [
        ("OPENROUTER", "anthropic:anthropic/claude-haiku-4.5", "claude-haiku-4-5"),
        ("OPENROUTER", "anthropic:claude-haiku-4.5", "claude-haiku-4-5"),
        ("ANTHROPIC", "anthropic/claude-sonnet-4.5", "claude-sonnet-4-5"),
        ("ANTHROPIC", "claude-via-anthropic--claude-sonnet-4.5", "claude-sonnet-4-5"),
        ("ANTHROPIC", "claude-sonnet-4-5-20250929", "claude-sonnet-4-5-20250929"),
        ("ANTHROPIC", "claude-house-1.2", "claude-house-1.2"),
    ],
)
async def test_anthropic_gets_its_own_names(
    monkeypatch: pytest.MonkeyPatch, backend: str, name: str, model: str
) -> None:
    async with opened(monkeypatch, backend, KEYS["ANTHROPIC"]) as (routes, providers):
        assert _place(routes, name) == ("anthropic", model)
        assert providers.route("anthropic", "claude-haiku-4.5").model == "claude-haiku-4-5"


async def test_a_fallback_that_leads_nowhere_is_told_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    env = {"FALLBACK_MODELS": "databricks:our-claude, openai/gpt-5, mistral:x"}
    with capture_logs() as lines:
        async with opened(monkeypatch, "OPENROUTER", env):
            pass

    told = [(line["log_level"], line["event"], line["model"]) for line in lines]
    assert told == [("warning", "fallback_model_unusable", name) for name in ("databricks:our-claude", "mistral:x")]
    assert "DATABRICKS_HOST" in lines[0]["problem"]


async def test_a_login_at_databricks_may_not_take_longer_than_a_request(monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = FakeDatabricks().start()
    workspace.token_reply = Script(200, {}, (), before_headers=2.0)
    env = {
        "DATABRICKS_HOST": workspace.base_url,
        "DATABRICKS_TOKEN": "",
        "DATABRICKS_CLIENT_ID": CLIENT_ID,
        "DATABRICKS_CLIENT_SECRET": CLIENT_SECRET,
        "UPSTREAM_TIMEOUT_SECONDS": "0.2",
    }
    try:
        async with opened(monkeypatch, "AZURE_DATABRICKS", env) as (routes, _):
            route = routes.resolve("claude-sonnet-4-5")
            assert route.wire == "messages"
            with pytest.raises(UpstreamTimeoutError, match="no token from Databricks"):
                await route.backend.send(MessagesCall(b"{}"))
    finally:
        await asyncio.to_thread(workspace.stop)
