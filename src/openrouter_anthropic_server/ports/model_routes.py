"""Where a model's requests go."""

from dataclasses import dataclass
from typing import Literal, Protocol

from openrouter_anthropic_server.ports.chat_backend import ChatBackend
from openrouter_anthropic_server.ports.messages_backend import MessagesBackend

Upstream = Literal["openrouter", "anthropic", "demo"]


@dataclass(frozen=True, slots=True)
class MessagesRoute:
    """A model behind an upstream on the messages wire; `dialect` says whose Messages API it is."""

    model: str
    backend: MessagesBackend
    dialect: Upstream
    wire: Literal["messages"] = "messages"


@dataclass(frozen=True, slots=True)
class ChatRoute:
    """A model behind an upstream on the chat wire."""

    model: str
    backend: ChatBackend
    wire: Literal["chat"] = "chat"


Route = MessagesRoute | ChatRoute


class ModelRoutes(Protocol):
    """Finds the route for a model name as a client wrote it."""

    def resolve(self, model: str) -> Route:
        """The route of `model`: an alias, `big`, `small`, a Claude name or any upstream name."""
        ...
