"""Names of models on Databricks, and its list of them."""

import pytest

from openrouter_anthropic_server.conversion.databricks_models import known_models, models_from_endpoints
from openrouter_anthropic_server.conversion.databricks_names import databricks_name
from openrouter_anthropic_server.errors import UpstreamError


@pytest.mark.parametrize(
    ("name", "endpoint", "service"),
    [
        ("claude-sonnet-4-5-20250929", "databricks-claude-sonnet-4-5", "system.ai.claude-sonnet-4-5"),
        ("anthropic/claude-sonnet-4.5", "databricks-claude-sonnet-4-5", "system.ai.claude-sonnet-4-5"),
        ("~anthropic/claude-opus-5", "databricks-claude-opus-5", "system.ai.claude-opus-5"),
        ("claude-opus-5-5[1m]", "databricks-claude-opus-5-5", "system.ai.claude-opus-5-5"),
        ("claude-sonnet-4-20250514", "databricks-claude-sonnet-4", "system.ai.claude-sonnet-4"),
        ("claude-opus-4-0", "databricks-claude-opus-4", "system.ai.claude-opus-4"),
        ("anthropic/claude-3.7-sonnet", "databricks-claude-3-7-sonnet", "system.ai.claude-3-7-sonnet"),
        ("claude-3-7-sonnet-latest", "databricks-claude-3-7-sonnet", "system.ai.claude-3-7-sonnet"),
        ("databricks/claude-opus-4-8", "databricks-claude-opus-4-8", "system.ai.claude-opus-4-8"),
        ("databricks:our-own", "our-own", "our-own"),
        ("databricks-claude-sonnet-4-5", "databricks-claude-sonnet-4-5", "databricks-claude-sonnet-4-5"),
        ("system.ai.gpt-5", "system.ai.gpt-5", "system.ai.gpt-5"),
        ("claude-via-databricks-gpt-oss-120b", "databricks-gpt-oss-120b", "databricks-gpt-oss-120b"),
        ("my-endpoint", "my-endpoint", "my-endpoint"),
    ],
)
def test_names_become_those_of_databricks(name: str, endpoint: str, service: str) -> None:
    assert databricks_name(name, "serving-endpoints") == endpoint
    assert databricks_name(name, "ai-gateway") == service


def test_known_models_are_named_as_the_api_wants_it() -> None:
    assert all(model["id"].startswith("databricks-claude-") for model in known_models("serving-endpoints"))
    assert all(model["id"].startswith("system.ai.claude-") for model in known_models("ai-gateway"))
    opus = next(model for model in known_models("ai-gateway") if model["id"] == "system.ai.claude-opus-5-5")
    assert (opus["line"], opus["display_name"]) == ("opus", "Claude Opus 5.5")
    assert {"databricks-claude-opus-4-1", "databricks-claude-sonnet-4"} <= {
        model["id"] for model in known_models("serving-endpoints")
    }


def test_chat_endpoints_that_are_ready_become_models() -> None:
    ready = {"ready": "READY", "config_update": "NOT_UPDATING"}
    endpoints = [
        {"name": "databricks-claude-sonnet-4-5", "state": ready, "task": "llm/v1/chat"},
        {"name": "ours", "task": "llm/v1/chat", "creation_timestamp": 1763670000000},
        {"name": "our-opus-claude-opus-5", "state": ready, "task": "llm/v1/chat", "creation_timestamp": "soon"},
        {"name": "embeddings", "state": ready, "task": "llm/v1/embeddings"},
        {"name": "forest", "state": ready},
        {"name": "starting", "state": {"ready": "NOT_READY"}, "task": "llm/v1/chat"},
        {"name": "", "task": "llm/v1/chat"},
        {"task": "llm/v1/chat"},
        "noise",
    ]

    models = models_from_endpoints({"endpoints": endpoints})

    assert [model["id"] for model in models] == [
        "databricks-claude-sonnet-4-5",
        "ours",
        "claude-via-ours",
        "our-opus-claude-opus-5",
    ]
    assert models[0]["display_name"] == "Claude Sonnet 4.5"
    assert models[1]["created_at"] == "2025-11-20T20:20:00Z"
    assert models[3]["line"] == "opus"


@pytest.mark.parametrize("answer", [None, [], {}, {"endpoints": None}, {"endpoints": {}}])
def test_what_is_no_list_of_endpoints_is_the_upstreams_failure(answer: object) -> None:
    with pytest.raises(UpstreamError, match="no list of serving endpoints"):
        models_from_endpoints(answer)
