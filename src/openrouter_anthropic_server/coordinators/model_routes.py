"""Decides where a model's requests go: aliases, `big` and `small`, the upstream, then that upstream's own rules."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from openrouter_anthropic_server.capabilities.traits import UNLIMITED, Capabilities
from openrouter_anthropic_server.conversion.model_names import (
    VIA_PREFIX,
    from_via_alias,
    match_alias,
    openrouter_name,
    strip_context_suffix,
)
from openrouter_anthropic_server.errors import InvalidRequestError
from openrouter_anthropic_server.ports.chat_backend import ChatBackend
from openrouter_anthropic_server.ports.messages_backend import MessagesBackend
from openrouter_anthropic_server.ports.model_routes import (
    NO_DEFAULTS,
    ChatRoute,
    MessagesRoute,
    ModelDefaults,
    Route,
    Upstream,
    UpstreamRoutes,
)

_ANTHROPIC_AUTHORS = ("anthropic/", "~anthropic/")
_BEGINNINGS = frozenset({"", "claude-", VIA_PREFIX})
"""What names begin with and what is no name alone."""

_KEPT = 1_024  # routes by name
_LONGEST_KEPT = 256  # what a client calls a model may have any length

CapabilitiesOf = Callable[[str], Capabilities]
"""What an upstream's model can do, by its name there."""


def unlimited(_model: str) -> Capabilities:
    """Nothing is known of any model."""
    return UNLIMITED


@dataclass(frozen=True, slots=True)
class AliasTarget:
    """What an alias stands for: a model, and what its requests get that say nothing of it."""

    model: str
    defaults: ModelDefaults = NO_DEFAULTS


@dataclass(frozen=True, slots=True)
class ModelAliases:
    """Names of the operator's own, and what `big` and `small` mean."""

    big: AliasTarget
    small: AliasTarget
    aliases: Mapping[str, AliasTarget] = field(default_factory=dict)

    def expand(self, name: str) -> AliasTarget:
        """`name` without a context suffix and with one alias replaced; aliases win over `big` and `small`.

        An alias for `big` or `small` has that one's defaults unless it has its own.
        """
        name = strip_context_suffix(name)
        target = match_alias(name, self.aliases) or AliasTarget(name)
        built_in = {"big": self.big, "small": self.small}.get(target.model)
        if built_in is None:
            return target
        return built_in if target.defaults == NO_DEFAULTS else replace(built_in, defaults=target.defaults)


@dataclass(frozen=True, slots=True)
class AllRoutes:
    """Every upstream that is open: one takes all names but those that begin with the prefix of another.

    `by_prefix` is looked through in its order; a prefix is cut off before the upstream sees the name. Nothing, or
    only the beginning of a name, is an `InvalidRequestError`. The routes of the names asked for last are kept:
    nothing that they depend on changes.
    """

    names: ModelAliases
    default: UpstreamRoutes
    by_prefix: Mapping[str, UpstreamRoutes] = field(default_factory=dict)
    fallbacks: Sequence[str] = ()
    _known: dict[str, Route] = field(default_factory=dict, compare=False, repr=False)

    def resolve(self, model: str) -> Route:
        """The route of `model`, whoever serves it."""
        route = self._known.get(model)
        if route is None:
            route = self._find(model)
            if len(self._known) >= _KEPT:
                self._known.clear()
            if len(model) <= _LONGEST_KEPT:
                self._known[model] = route
        return route

    def _find(self, model: str) -> Route:
        target = self.names.expand(model)
        route = self._route(target.model)
        return route if target.defaults == NO_DEFAULTS else replace(route, defaults=target.defaults)

    def _route(self, name: str) -> Route:
        plain = from_via_alias(name) or name
        for prefix, routes in self.by_prefix.items():
            if plain.startswith(prefix):
                rest = plain[len(prefix) :]
                if rest.strip() in _BEGINNINGS:
                    raise InvalidRequestError(f"model: '{plain}' is followed by no model name")
                return routes.route(rest)
        if plain.strip() in _BEGINNINGS:
            raise InvalidRequestError(f"model: '{plain}' names no model")
        return self.default.route(name)


@dataclass(frozen=True, slots=True)
class PrefixedRoutes:
    """The routes of an upstream that wants to see a prefix which was cut off."""

    prefix: str
    routes: UpstreamRoutes

    def route(self, name: str) -> Route:
        """The route of the model under its whole name."""
        return self.routes.route(self.prefix + name)


@dataclass(frozen=True, slots=True)
class RenamedRoutes:
    """The routes of an upstream under names that `naming` puts into its terms."""

    naming: Callable[[str], str]
    routes: UpstreamRoutes

    def route(self, name: str) -> Route:
        """The route of the model under the upstream's name for it."""
        return self.routes.route(self.naming(name))


@dataclass(frozen=True, slots=True)
class MissingUpstream:
    """An upstream that is not configured; `needs` says as a clause what to set."""

    upstream: str
    needs: str

    def route(self, _name: str) -> Route:
        """No route: an `InvalidRequestError` that says what to set."""
        raise InvalidRequestError(f"model: the upstream '{self.upstream}' is not configured: {self.needs}")


@dataclass(frozen=True, slots=True)
class OpenRouterRoutes:
    """Routes to OpenRouter: with `wire` auto, Anthropic's models take the messages wire, others the chat wire."""

    messages: MessagesBackend
    chat: ChatBackend
    wire: Literal["auto", "messages", "chat"] = "auto"
    messages_capabilities: CapabilitiesOf = unlimited
    chat_capabilities: CapabilitiesOf = unlimited

    def route(self, name: str) -> Route:
        """The route of the model under OpenRouter's name for it."""
        name = openrouter_name(name)
        if name.endswith("/"):
            raise InvalidRequestError(f"model: '{name}' is followed by no model name")
        if self.wire == "messages" or (self.wire == "auto" and name.startswith(_ANTHROPIC_AUTHORS)):
            return MessagesRoute(name, self.messages, "openrouter", self.messages_capabilities(name))
        return ChatRoute(name, self.chat, capabilities=self.chat_capabilities(name))


@dataclass(frozen=True, slots=True)
class PassThroughRoutes:
    """Every model goes to one backend on the messages wire; `naming` may put foreign names into its terms."""

    messages: MessagesBackend
    dialect: Upstream = "anthropic"
    capabilities_of: CapabilitiesOf = unlimited
    naming: Callable[[str], str] = str

    def route(self, name: str) -> Route:
        """The route of the model under the backend's name for it."""
        asked, name = name, self.naming(name)
        if not name:
            raise InvalidRequestError(f"model: '{asked}' is followed by no model name")
        return MessagesRoute(name, self.messages, self.dialect, self.capabilities_of(name))
