"""Which wire of Databricks a model takes."""

from typing import Any, cast

import pytest

from openrouter_anthropic_server.capabilities.traits import Capabilities
from openrouter_anthropic_server.conversion.databricks_names import DatabricksApi
from openrouter_anthropic_server.coordinators.databricks_routes import DATABRICKS, DatabricksRoutes
from openrouter_anthropic_server.errors import InvalidRequestError
from openrouter_anthropic_server.ports.model_routes import ChatRoute, MessagesRoute

ANY: Any = object()


def routes(wire: str = "auto", api: DatabricksApi = "serving-endpoints") -> DatabricksRoutes:
    """Routes whose capabilities tell the wire for which they were asked."""
    return DatabricksRoutes(
        ANY,
        ANY,
        cast(Any, wire),
        api,
        messages_capabilities=lambda _: Capabilities(max_output=1),
        chat_capabilities=lambda _: Capabilities(max_output=2),
    )


@pytest.mark.parametrize(
    ("wire", "name", "kind"),
    [
        ("auto", "claude-opus-5-5", MessagesRoute),
        ("auto", "our-claude", MessagesRoute),
        ("auto", "databricks-gpt-oss-120b", ChatRoute),
        ("auto", "our-own", ChatRoute),
        ("chat", "claude-opus-5-5", ChatRoute),
        ("messages", "our-own", MessagesRoute),
    ],
)
def test_claude_takes_the_messages_wire_unless_told_otherwise(wire: str, name: str, kind: type) -> None:
    route = routes(wire).route(name)

    assert type(route) is kind
    assert route.dialect == (DATABRICKS if kind is ChatRoute else "databricks")
    assert route.capabilities.max_output == (2 if kind is ChatRoute else 1)


def test_the_form_of_the_api_decides_about_the_name() -> None:
    assert routes().route("claude-opus-5-5").model == "databricks-claude-opus-5-5"
    assert routes(api="ai-gateway").route("claude-opus-5-5").model == "system.ai.claude-opus-5-5"


@pytest.mark.parametrize(
    "name",
    ["databricks:", "databricks/", "databricks-", "system.ai.", "claude-", "databricks:claude-", "anthropic/claude-"],
)
def test_a_prefix_alone_is_no_model(name: str) -> None:
    with pytest.raises(InvalidRequestError, match=f"^model: '{name}' names no model of Databricks$"):
        routes().route(name)
