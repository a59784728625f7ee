"""Which provider answers a request of the universal endpoint, and which may answer in its place."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from openrouter_anthropic_server.conversion.provider_names import (
    PREFIXES,
    PROVIDERS,
    choose_provider,
    provider_of,
    split_provider,
)
from openrouter_anthropic_server.conversion.universal_forms import UniversalOptions
from openrouter_anthropic_server.errors import InvalidRequestError

Target = tuple[str, str]
"""A provider, or the server's own backend by its name, and the name of a model there."""

CLAUDE = ("claude-sonnet-5-5", "claude-opus-5-5", "claude-haiku-5-5", "claude-sonnet-4-5")
"""A few of Anthropic's models; the capability table lists those of the others."""

_DEMO = "demo"  # a server without any key answers every name, as it does to messages
_PREFIX = re.compile(r"([A-Za-z_]+):")
_FINE_TUNED = "ft"  # OpenAI's fine-tuned models: ft:gpt-4.1:...


@dataclass(frozen=True, slots=True)
class Known:
    """What the choice depends on: the providers that can be used, the server's own backend, and some models of each."""

    configured: Sequence[str]
    backend: str
    models_of: Callable[[str], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Choice:
    """Where a request goes: `targets` by the names under which they are asked for, `model` first, then `fallbacks`."""

    provider: str
    model: str
    fallbacks: tuple[str, ...]
    targets: Mapping[str, Target]


def choose(options: UniversalOptions, known: Known) -> Choice:
    """The choice for a request. Raises `InvalidRequestError` for a provider that nobody knows.

    `provider` decides, then a prefix of the model's name, then the look of the name, then the order of preference
    among the configured providers, and without any the server's own backend. The demo takes all names.
    """
    if options.provider is not None:
        target = _named(options.provider, options.model, known)
    else:
        target = target_of(options.model, "model", known)
    targets = _fallbacks(options.fallback, target[0], known)
    return Choice(target[0], options.model, tuple(targets), {**targets, options.model: target})


def default_models(known: Known) -> dict[str, str]:
    """The model that answers for each configured provider where another fails: the first one that is known of it.

    Azure has none unless the operator's capability table lists some: its models are deployments of the account's own.
    """
    return {provider: models[0] for provider in known.configured if (models := known.models_of(provider))}


def target_of(name: str, path: str, known: Known) -> Target:
    """Whom a name alone means; `path` is where it stands in the request."""
    prefix = _PREFIX.match(name)
    if prefix is not None and prefix[1].lower() == known.backend and known.backend not in PROVIDERS:
        return known.backend, name[prefix.end() :]
    if prefix is not None and prefix[1].lower() == _FINE_TUNED:
        return "openai", name
    if prefix is not None and prefix[1].lower() not in PREFIXES and provider_of(name) is None:
        raise InvalidRequestError(f"{path}: '{prefix[1]}' is no provider: {_choices(known)}")
    if prefix is None and known.backend == _DEMO and not known.configured:
        return _DEMO, name
    return choose_provider(name, known.configured) or (known.backend, name)


def _named(provider: str, model: str, known: Known) -> Target:
    """The provider asked for by name; a prefix of the model's that says the same again is cut off."""
    if provider == known.backend and provider not in PROVIDERS:
        return provider, model.removeprefix(f"{provider}:")
    name = PREFIXES.get(provider)
    if name is None:
        raise InvalidRequestError(f"provider: '{provider}' is no provider: {_choices(known)}")
    split = split_provider(model)
    return (name, split[1]) if split is not None and split[0] == name else (name, model)


def _fallbacks(wanted: bool | tuple[str, ...], provider: str, known: Known) -> dict[str, Target]:
    if wanted is False:
        return {}
    if wanted is True:
        others = {name: model for name, model in default_models(known).items() if name != provider}
        return {f"{name}:{model}": (name, model) for name, model in others.items()}
    return {name: target_of(name, f"fallback.{number}", known) for number, name in enumerate(wanted)}


def _choices(known: Known) -> str:
    own = () if known.backend in PROVIDERS else (known.backend,)
    return f"choose one of {', '.join((*PROVIDERS, *own))}"
