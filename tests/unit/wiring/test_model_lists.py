"""The models list holds the names of the operator, the configured upstream's models, and those of all others."""

import asyncio

import pytest

from openrouter_anthropic_server.conversion.model_list import ModelInfo
from openrouter_anthropic_server.ports.model_routes import ModelRoutes
from openrouter_anthropic_server.settings import load_settings
from openrouter_anthropic_server.wiring.capability_table import capability_table
from openrouter_anthropic_server.wiring.upstreams import open_upstreams

NOBODY = "http://127.0.0.1:1"


@pytest.fixture
def _several_upstreams(monkeypatch: pytest.MonkeyPatch) -> None:
    """None of them answers: their lists are those known without them."""
    values = {
        "OPENROUTER_API_KEY": "x",
        "OPENROUTER_BASE_URL": NOBODY,
        "ANTHROPIC_UPSTREAM_API_KEY": "x",
        "ANTHROPIC_UPSTREAM_BASE_URL": NOBODY,
        "OPENAI_API_KEY": "x",
        "MODEL_ALIASES": '{"nowhere": "mistral:x", "mine": {"model": "openai:gpt-5", "effort": "low"}}',
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)


async def listed() -> tuple[dict[str, ModelInfo], ModelRoutes]:
    settings = load_settings(None)
    await asyncio.to_thread(capability_table, settings)
    async with open_upstreams(settings) as (routes, _providers, catalog):
        models = await catalog.list_models()
        assert await catalog.list_models() is models
    assert len({model["id"] for model in models}) == len(models)
    return {model["id"]: model for model in models}, routes


@pytest.mark.usefixtures("_several_upstreams")
async def test_every_upstream_is_listed_under_the_names_that_lead_to_it() -> None:
    models, routes = await listed()
    assert list(models)[:3] == ["big", "small", "mine"]
    assert "nowhere" not in models
    for name, backend in (
        ("claude-opus-5-5", "openrouter"),
        ("anthropic:claude-opus-5-5", "anthropic"),
        ("openai:gpt-5", "openai"),
        ("claude-via-openai:gpt-5", "openai"),
    ):
        assert name in models
        assert routes.resolve(name).backend.name == backend


@pytest.mark.usefixtures("_several_upstreams")
async def test_windows_limits_and_abilities_come_from_the_table() -> None:
    models, _ = await listed()
    for name in ("claude-opus-5-5", "anthropic:claude-opus-5-5"):
        assert (models[name]["max_input_tokens"], models[name]["max_tokens"]) == (1_000_000, 128_000)
    assert models["openai:gpt-5"]["max_input_tokens"] == 272_000
    assert all(model["capabilities"] for model in models.values())
    assert models["mine"].get("description") == "stands for openai:gpt-5, effort low where a request sets none"


async def test_the_demo_lists_what_anthropics_models_are_known_for() -> None:
    models, _ = await listed()
    assert models["claude-haiku-4-5"]["max_tokens"] == 64_000
    assert models["big"]["max_tokens"] is None  # the demo takes everything
