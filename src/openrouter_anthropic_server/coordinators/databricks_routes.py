"""Decides which wire of Databricks a model takes, and under which name."""

from dataclasses import dataclass
from typing import Literal

from openrouter_anthropic_server.conversion.chat_dialects import ChatDialect
from openrouter_anthropic_server.conversion.databricks_names import NO_MODELS, DatabricksApi, databricks_name
from openrouter_anthropic_server.conversion.model_names import is_claude
from openrouter_anthropic_server.coordinators.model_routes import CapabilitiesOf, unlimited
from openrouter_anthropic_server.errors import InvalidRequestError
from openrouter_anthropic_server.ports.chat_backend import ChatBackend
from openrouter_anthropic_server.ports.messages_backend import MessagesBackend
from openrouter_anthropic_server.ports.model_routes import ChatRoute, MessagesRoute, Route

DATABRICKS = ChatDialect(
    "databricks",
    "databricks",
    parameters=frozenset(
        {
            *("temperature", "top_p", "top_k", "max_tokens", "stop", "tools", "tool_choice", "response_format"),
            *("logprobs", "top_logprobs", "reasoning_effort", "thinking", "output_config"),
        }
    ),
)
"""Databricks' chat completions: the parameters of its REST reference, and what it takes for Claude besides."""


@dataclass(frozen=True, slots=True)
class DatabricksRoutes:
    """Routes to a workspace: with `wire` auto, Claude models take the messages wire, others the chat wire."""

    messages: MessagesBackend
    chat: ChatBackend
    wire: Literal["auto", "messages", "chat"] = "auto"
    api: DatabricksApi = "serving-endpoints"
    messages_capabilities: CapabilitiesOf = unlimited
    chat_capabilities: CapabilitiesOf = unlimited

    def route(self, name: str) -> Route:
        """The route of the model under Databricks' name for it."""
        model = databricks_name(name, self.api)
        if model in NO_MODELS:
            raise InvalidRequestError(f"model: '{name}' names no model of Databricks")
        if self.wire == "messages" or (self.wire == "auto" and is_claude(model)):
            return MessagesRoute(model, self.messages, "databricks", self.messages_capabilities(model))
        return ChatRoute(model, self.chat, DATABRICKS, self.chat_capabilities(model))
