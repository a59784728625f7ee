"""Decides where a model's requests go: aliases, `big` and `small`, then the backend's own rules."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from openrouter_anthropic_server.conversion.model_names import match_alias, openrouter_name, strip_context_suffix
from openrouter_anthropic_server.ports.chat_backend import ChatBackend
from openrouter_anthropic_server.ports.messages_backend import MessagesBackend
from openrouter_anthropic_server.ports.model_routes import ChatRoute, MessagesRoute, Route, Upstream

_ANTHROPIC_AUTHORS = ("anthropic/", "~anthropic/")


@dataclass(frozen=True, slots=True)
class ModelAliases:
    """Names of the operator's own, and what `big` and `small` mean."""

    big: str
    small: str
    aliases: Mapping[str, str] = field(default_factory=dict)

    def expand(self, name: str) -> str:
        """`name` without a context suffix and with one alias replaced; aliases win over `big` and `small`."""
        name = strip_context_suffix(name)
        name = match_alias(name, self.aliases) or name
        return {"big": self.big, "small": self.small}.get(name, name)


@dataclass(frozen=True, slots=True)
class OpenRouterRoutes:
    """Routes to OpenRouter: with `wire` auto, Anthropic's models take the messages wire, others the chat wire."""

    names: ModelAliases
    messages: MessagesBackend
    chat: ChatBackend
    wire: Literal["auto", "messages", "chat"] = "auto"

    def resolve(self, model: str) -> Route:
        """The route of `model` under OpenRouter's name for it."""
        name = openrouter_name(self.names.expand(model))
        if self.wire == "messages" or (self.wire == "auto" and name.startswith(_ANTHROPIC_AUTHORS)):
            return MessagesRoute(name, self.messages, "openrouter")
        return ChatRoute(name, self.chat)


@dataclass(frozen=True, slots=True)
class PassThroughRoutes:
    """Every model goes to one backend on the messages wire, under the name the client wrote."""

    names: ModelAliases
    messages: MessagesBackend
    dialect: Upstream = "anthropic"

    def resolve(self, model: str) -> Route:
        """The route of `model`; only the operator's aliases, `big` and `small` change its name."""
        return MessagesRoute(self.names.expand(model), self.messages, self.dialect)
