"""Where a model's requests go."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from openrouter_anthropic_server.capabilities.traits import UNLIMITED, Capabilities
from openrouter_anthropic_server.conversion.chat_dialects import OPENROUTER, ChatDialect
from openrouter_anthropic_server.ports.chat_backend import ChatBackend
from openrouter_anthropic_server.ports.messages_backend import MessagesBackend

Upstream = Literal["openrouter", "anthropic", "databricks", "demo"]


@dataclass(frozen=True, slots=True)
class ModelDefaults:
    """What a request gets that says nothing of it: `effort` is a level of `output_config.effort`."""

    effort: str | None = None


NO_DEFAULTS = ModelDefaults()


@dataclass(frozen=True, slots=True)
class MessagesRoute:
    """A model behind an upstream on the messages wire; `dialect` says whose Messages API it is."""

    model: str
    backend: MessagesBackend
    dialect: Upstream
    capabilities: Capabilities = UNLIMITED
    defaults: ModelDefaults = NO_DEFAULTS
    wire: Literal["messages"] = "messages"


@dataclass(frozen=True, slots=True)
class ChatRoute:
    """A model behind an upstream on the chat wire; `dialect` says whose chat completions these are."""

    model: str
    backend: ChatBackend
    dialect: ChatDialect = OPENROUTER
    capabilities: Capabilities = UNLIMITED
    defaults: ModelDefaults = NO_DEFAULTS
    wire: Literal["chat"] = "chat"


Route = MessagesRoute | ChatRoute


class ModelRoutes(Protocol):
    """Finds the route for a model name as a client wrote it."""

    def resolve(self, model: str) -> Route:
        """The route of `model`: an alias, `big`, `small`, a Claude name or any upstream name."""
        ...

    @property
    def fallbacks(self) -> Sequence[str]:
        """Models, as a client would write them, that answer in this order where another cannot."""
        ...


class UpstreamRoutes(Protocol):
    """The routes to one upstream."""

    def route(self, name: str) -> Route:
        """The route of the model called `name`, free of aliases and of prefixes that name this upstream.

        Raises `InvalidRequestError` where the upstream cannot be used (a key that is not set).
        """
        ...
