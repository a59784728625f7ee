"""The models of a Databricks workspace in Anthropic's form: from its list of serving endpoints, or those known."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from openrouter_anthropic_server.conversion.claude_models import CLAUDE_MODELS
from openrouter_anthropic_server.conversion.databricks_names import DatabricksApi, databricks_name
from openrouter_anthropic_server.conversion.model_list import UNKNOWN_DATE, ModelInfo, alias_entry
from openrouter_anthropic_server.conversion.model_names import is_claude
from openrouter_anthropic_server.conversion.model_support import plain_entry
from openrouter_anthropic_server.errors import UpstreamError

_LINES: Final = ("haiku", "sonnet", "opus", "fable")
_CHAT_TASK: Final = "llm/v1/chat"
_MAX_ENDPOINTS = 5_000

# What Databricks documents as served by itself.
_KNOWN: Final = (
    *("claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5", "claude-fable-5-1", "claude-opus-5"),
    *("claude-sonnet-5", "claude-opus-4-8", "claude-opus-4-7", "claude-opus-4-6", "claude-sonnet-4-6"),
    *("claude-opus-4-5", "claude-sonnet-4-5", "claude-haiku-4-5", "claude-opus-4-1", "claude-sonnet-4"),
)


def known_models(api: DatabricksApi) -> list[ModelInfo]:
    """The Claude models that Databricks is known to serve, under the names of `api`."""
    listed = {model["id"]: model for model in CLAUDE_MODELS}
    return [_named(listed.get(name) or _entry(name), databricks_name(name, api)) for name in _KNOWN]


def models_from_endpoints(answer: object) -> list[ModelInfo]:
    """The chat models of `GET /api/2.0/serving-endpoints`, each foreign one followed by its `claude-via-…` alias.

    Endpoints that are not ready, and those for other tasks, are left out; an answer that is no list of endpoints
    raises `UpstreamError`.
    """
    endpoints = answer.get("endpoints") if isinstance(answer, Mapping) else None
    if not isinstance(endpoints, list):
        raise UpstreamError("the upstream's answer is no list of serving endpoints")
    known = {model["id"]: model for model in known_models("serving-endpoints")}
    models: list[ModelInfo] = []
    for endpoint in _usable(endpoints):
        name = endpoint["name"]
        model = known.get(name) or _of_endpoint(endpoint)
        models.append(model)
        if not is_claude(name):
            models.append(alias_entry(model))
    return models


def _usable(endpoints: list[Any]) -> Iterator[Mapping[str, Any]]:
    for endpoint in endpoints[:_MAX_ENDPOINTS]:
        if not isinstance(endpoint, Mapping) or not isinstance(endpoint.get("name"), str) or not endpoint["name"]:
            continue
        state = endpoint.get("state")
        ready = state.get("ready", "READY") if isinstance(state, Mapping) else "READY"
        # Endpoints of users' own models have no task: they take other requests than chats.
        if ready == "READY" and endpoint.get("task") == _CHAT_TASK:
            yield endpoint


def _of_endpoint(endpoint: Mapping[str, Any]) -> ModelInfo:
    entry = _entry(endpoint["name"])
    return {**entry, "created_at": _moment(endpoint.get("creation_timestamp"))}


def _entry(name: str) -> ModelInfo:
    line = next((line for line in _LINES if f"-{line}-" in name), None)
    return {**plain_entry(name), "line": line if is_claude(name) else None}


def _named(model: ModelInfo, name: str) -> ModelInfo:
    return {**model, "id": name, "description": f"{model['display_name']} on Databricks"}


def _moment(milliseconds: object) -> str:
    if not isinstance(milliseconds, int | float) or isinstance(milliseconds, bool) or not 0 < milliseconds < 1e14:
        return UNKNOWN_DATE
    return datetime.fromtimestamp(int(milliseconds / 1000), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
