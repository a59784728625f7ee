"""The capability table: entries that say for which upstreams, wires and models they hold, and what is known there.

Pure: the texts are read by the wiring. Form and meaning of an entry: docs/10-capabilities.md.
"""

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from openrouter_anthropic_server.capabilities.globs import matches_glob
from openrouter_anthropic_server.capabilities.known_words import NAMES, WORDS
from openrouter_anthropic_server.capabilities.model_families import family_name
from openrouter_anthropic_server.capabilities.traits import Capabilities

_KEPT = 4096  # answers; the names come from clients
_LONGEST_KEPT = 256  # what a client calls a model may have any length
_ANY = "any"
_SELECTORS = ("upstreams", "wires", "models")
_BETA_FIELDS = "beta_fields"
_BETA_LIMITS = "beta_limits"
_RAISED = ("context_window", "max_output")
_MODEL_LISTS = "model_lists"


class TableError(Exception):
    """A text is no capability table; the message names the entry and the field."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: globs of where it holds (empty: everywhere), and the traits that it sets."""

    name: str
    upstreams: tuple[str, ...]
    wires: tuple[str, ...]
    models: tuple[str, ...]
    traits: Mapping[str, Any]

    def holds(self, upstream: str, wire: str, names: Sequence[str]) -> bool:
        """Whether it speaks of a model, given all its `names`, behind `upstream` on `wire`."""
        return _matches(self.upstreams, (upstream,)) and _matches(self.wires, (wire,)) and _matches(self.models, names)


@dataclass(frozen=True, slots=True)
class BetaLimit:
    """A limit of some models that a beta raises to so many tokens."""

    beta: str
    models: tuple[str, ...]
    limit: str
    tokens: int


class CapabilityTable:
    """What is known of models behind upstreams. Entries are applied in their order, trait by trait: the last wins."""

    def __init__(
        self,
        entries: Sequence[Entry],
        beta_fields: Mapping[str, tuple[str, ...]],
        model_lists: Mapping[str, tuple[str, ...]],
        beta_limits: Sequence[BetaLimit] = (),
    ) -> None:
        self._entries = tuple(entries)
        self._beta_fields = tuple(beta_fields.items())
        self._beta_limits = tuple(beta_limits)
        self._model_lists = model_lists
        self._known: dict[tuple[str, str, str], Capabilities] = {}

    def of(self, upstream: str, wire: str, model: str) -> Capabilities:
        """What `model` takes behind `upstream` on `wire` ("messages" or "chat")."""
        key = (upstream, wire, model)
        known = self._known.get(key)
        if known is None:
            known = self._look_up(upstream, wire, model)
            if len(self._known) >= _KEPT:
                self._known.clear()
            if len(model) <= _LONGEST_KEPT:
                self._known[key] = known
        return known

    def models_of(self, upstream: str) -> Sequence[str]:
        """A few current models of an upstream, for where it lists none itself."""
        return self._model_lists.get(upstream, ())

    def _look_up(self, upstream: str, wire: str, model: str) -> Capabilities:
        names = (family_name(model), model.lower())
        raised = [row for row in self._beta_limits if _matches(row.models, names)]
        limits = tuple((row.beta, row.limit, row.tokens) for row in raised)
        traits: dict[str, Any] = {"beta_fields": self._beta_fields, "beta_limits": limits}
        for entry in self._entries:
            if entry.holds(upstream, wire, names):
                traits |= entry.traits
        known = Capabilities(**traits)
        if known.betas is None:
            return known
        return replace(known, refused_fields=known.refused_fields | self._locked(known.betas))

    def _locked(self, betas: Sequence[str]) -> frozenset[str]:
        """The fields that only betas unlock which are not among `betas`."""
        if not betas:
            return frozenset(path for _, paths in self._beta_fields for path in paths)
        unlocked = {path for beta, paths in self._beta_fields for path in paths if _matches(betas, (beta,))}
        return frozenset(path for _, paths in self._beta_fields for path in paths) - unlocked


def parse_table(*texts: str) -> CapabilityTable:
    """The table of TOML texts; later ones win. Raises `TableError`.

    An entry of a later text that has the name of an earlier one holds for the same models unless it says otherwise,
    and stands right behind it: the more special entries that follow still win.
    """
    entries: list[Entry] = []
    latest: dict[str, Entry] = {}
    beta_fields: dict[str, tuple[str, ...]] = {}
    beta_limits: dict[str, list[BetaLimit]] = {}
    model_lists: dict[str, tuple[str, ...]] = {}
    for text in texts:
        for name, fields in _tables(text).items():
            if name == _BETA_FIELDS:
                beta_fields |= {beta: _texts(name, beta, paths) for beta, paths in fields.items()}
            elif name == _BETA_LIMITS:
                beta_limits |= {beta: _raised(beta, limits) for beta, limits in fields.items()}
            elif name == _MODEL_LISTS:
                model_lists |= {upstream: _texts(name, upstream, models) for upstream, models in fields.items()}
            else:
                former = latest.get(name)
                latest[name] = _entry(name, fields, former)
                entries.insert(len(entries) if former is None else entries.index(former) + 1, latest[name])
    return CapabilityTable(entries, beta_fields, model_lists, [row for rows in beta_limits.values() for row in rows])


def _raised(beta: str, limits: object) -> list[BetaLimit]:
    if not isinstance(limits, dict) or not limits.keys() <= {"models", *_RAISED}:
        raise TableError(f"entry '{_BETA_LIMITS}': field '{beta}' must have models and some of {', '.join(_RAISED)}")
    models = _lowered(_texts(_BETA_LIMITS, f"{beta}.models", limits.get("models", [])))
    return [
        BetaLimit(beta, models, limit, _tokens(_BETA_LIMITS, f"{beta}.{limit}", limits[limit]))
        for limit in _RAISED
        if limit in limits
    ]


def _tables(text: str) -> dict[str, dict[str, Any]]:
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise TableError(f"is not TOML: {error}") from None
    for name, fields in tables.items():
        if not isinstance(fields, dict):
            raise TableError(f"'{name}' stands outside of an entry such as [my-models]")
    return tables


def _entry(name: str, fields: Mapping[str, Any], former: Entry | None) -> Entry:
    selectors: dict[str, tuple[str, ...]] = {
        selector: _texts(name, selector, fields[selector])
        if selector in fields
        else (getattr(former, selector) if former else ())
        for selector in _SELECTORS
    }
    if not any(selectors.values()):
        raise TableError(f"entry '{name}': needs at least one of {', '.join(_SELECTORS)}")
    for selector, known in NAMES.items():
        for glob in _lowered(selectors[selector]):
            if not any(matches_glob(word, glob) for word in known):
                raise TableError(f"entry '{name}': field '{selector}': '{glob}' is none of {', '.join(known)}")
    traits = {field: _trait(name, field, value) for field, value in fields.items() if field not in _SELECTORS}
    return Entry(name, **{selector: _lowered(globs) for selector, globs in selectors.items()}, traits=traits)


def _trait(name: str, field: str, value: object) -> object:
    reader = _READERS.get(field)
    if reader is None:
        raise TableError(f"entry '{name}': unknown field '{field}'")
    if value == _ANY:
        return _DEFAULTS[field]
    found = reader(name, field, value)
    for word in value if isinstance(value, list) else ():
        if word not in WORDS.get(field, (word,)):
            raise TableError(f"entry '{name}': field '{field}': '{word}' is none of {', '.join(WORDS[field])}")
    return found


def _texts(name: str, field: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise TableError(f"entry '{name}': field '{field}' must be a list of texts")
    return tuple(value)


def _set(name: str, field: str, value: object) -> frozenset[str]:
    return frozenset(_texts(name, field, value))


def _tokens(name: str, field: str, value: object) -> int:
    if type(value) is not int or value < 1:
        raise TableError(f"entry '{name}': field '{field}' must be a whole number above 0")
    return value


def _flag(name: str, field: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise TableError(f"entry '{name}': field '{field}' must be true or false")
    return value


_READERS: Final[Mapping[str, Callable[[str, str, object], object]]] = {
    **dict.fromkeys(("fields", "refused_fields", "sampling", "thinking"), _set),
    **dict.fromkeys(("betas", "server_tools", "efforts"), _texts),
    **dict.fromkeys(("context_window", "max_input", "max_output", "max_tools", "max_stop_sequences"), _tokens),
    **dict.fromkeys(("tools", "parallel_tools", "images", "pdfs", "structured_output"), _flag),
    **dict.fromkeys(("prefill", "system_messages"), _flag),
}
_DEFAULTS: Final[Mapping[str, object]] = {field: getattr(Capabilities(), field) for field in _READERS}
"""What "any" stands for: no limit known."""


def _lowered(globs: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(glob.lower() for glob in globs)


def _matches(globs: Sequence[str], names: Sequence[str]) -> bool:
    return not globs or any(matches_glob(name, glob) for glob in globs for name in names)
