"""What must change in a request for an upstream on the messages wire that does not take all of it, and how.

Deciding costs about a microsecond where nothing has to change: sets of the few top-level names are compared.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from openrouter_anthropic_server.capabilities.globs import matches_glob
from openrouter_anthropic_server.capabilities.traits import UNLIMITED, Capabilities
from openrouter_anthropic_server.conversion.notes import Note
from openrouter_anthropic_server.conversion.system_turns import (
    has_system_turns,
    note_system_turns,
    without_system_turns,
)
from openrouter_anthropic_server.conversion.thinking_kinds import fit_thinking
from openrouter_anthropic_server.errors import InvalidRequestError

SAMPLING: Final = frozenset({"temperature", "top_p", "top_k"})

_SERVER_TOOLS: Final = (
    *("web_search_*", "web_fetch_*", "code_execution_*", "tool_search_tool_*", "advisor_*", "mcp_toolset"),
    "openrouter:*",
)
"""Types of the tools that run at an upstream, not at the client."""

_NOTHING: Final[frozenset[str]] = frozenset()
_ALWAYS: Final = frozenset({"model", "messages", "max_tokens", "stream"})
_CLEARS_THINKING: Final = "clear_thinking_20251015"
_OLDER: Final = frozenset({"output_format"})
_NEEDED: Final = frozenset({"mcp_servers", "compaction", "fallbacks"})
"""Without them the answer would be another one than the client asked for."""


@dataclass(frozen=True, slots=True)
class FieldEdits:
    """Changes of a request: top-level fields with other values, those left out, and system turns made user turns."""

    notes: tuple[Note, ...] = ()
    replaced: Mapping[str, Any] = field(default_factory=dict)
    left_out: frozenset[str] = frozenset()
    fold_system_turns: bool = False

    def apply(self, body: dict[str, Any]) -> dict[str, Any]:
        """The changed request; `body` is not changed."""
        changed = {name: value for name, value in (body | dict(self.replaced)).items() if name not in self.left_out}
        if self.fold_system_turns:
            changed["messages"] = without_system_turns(body["messages"])
        return changed


NO_EDITS: Final = FieldEdits()


def field_edits(body: Mapping[str, Any], capabilities: Capabilities, *, upstream: str) -> FieldEdits:
    """The changes that the validated `body` needs; `NO_EDITS`, the object, if it needs none.

    Raises `InvalidRequestError` for what the upstream cannot do and the answer depends on.
    """
    if capabilities is UNLIMITED:
        return NO_EDITS
    if capabilities.server_tools is not None and body.get("tools"):
        _check_server_tools(body["tools"], capabilities.server_tools, upstream)
    left_out = _left_out(body, capabilities)
    replaced: dict[str, Any] = {}
    notes: list[Note] = []
    if left_out:
        replaced |= _newer_form(body, left_out, notes)
        notes += [_note_left_out(name, body[name], upstream) for name in sorted(left_out) if name not in _OLDER]
    if capabilities.refused_fields and (parts := _parts(capabilities.refused_fields)):
        replaced |= _without_parts(body, parts, upstream, notes)
    if "thinking" in body or "output_config" in body:
        left_out |= _fit_thinking(body, capabilities, replaced, notes)
    fold = not capabilities.system_messages and has_system_turns(body["messages"])
    if fold:
        notes += note_system_turns(body["messages"])
    if not (left_out or replaced or fold):
        return NO_EDITS
    return FieldEdits(tuple(notes), replaced, left_out, fold)


def _left_out(body: Mapping[str, Any], capabilities: Capabilities) -> frozenset[str]:
    fields, sampling, refused = capabilities.fields, capabilities.sampling, capabilities.refused_fields
    unknown = _NOTHING
    if fields is not None and not fields.issuperset(body):
        unknown |= body.keys() - fields - _ALWAYS
    if sampling is not None and not SAMPLING.isdisjoint(body):
        unknown |= (body.keys() & SAMPLING) - sampling
    if refused and not refused.isdisjoint(body):
        unknown |= body.keys() & refused
    return unknown


def _newer_form(body: Mapping[str, Any], left_out: frozenset[str], notes: list[Note]) -> dict[str, Any]:
    """The `output_format` of older clients, which upstreams no longer take, as `output_config.format`."""
    wanted = body.get("output_format") if "output_format" in left_out else None
    config = body.get("output_config") or {}
    if wanted is None:
        return {}
    if config.get("format") is not None:
        notes.append(Note("not_sent", "output_format", "the request has output_config.format"))
        return {}
    notes.append(Note("converted", "output_format", "sent as output_config.format"))
    return {"output_config": {**config, "format": wanted}}


def _note_left_out(name: str, value: Any, upstream: str) -> Note:
    if name in SAMPLING:
        return Note("not_sent", name, "the model takes no sampling parameters")
    skills = name == "container" and isinstance(value, Mapping) and value.get("skills")
    if (name in _NEEDED and value) or skills:
        path = "container.skills" if skills else name
        raise InvalidRequestError(f"{path}: {upstream} does not take it: remove it or choose another backend")
    return Note("not_sent", name, f"{upstream} does not take it")


@lru_cache(maxsize=64)
def _parts(refused: frozenset[str]) -> tuple[tuple[str, str], ...]:
    """The dotted paths among the refused fields, each as field and part."""
    return tuple((name, part) for name, dot, part in (path.partition(".") for path in sorted(refused)) if dot)


def _without_parts(
    body: Mapping[str, Any], refused: tuple[tuple[str, str], ...], upstream: str, notes: list[Note]
) -> dict[str, Any]:
    """The objects in `body` that lose parts."""
    changed: dict[str, Any] = {}
    for name, part in refused:
        value = changed.get(name, body.get(name))
        if isinstance(value, Mapping) and part in value:
            changed[name] = {key: item for key, item in value.items() if key != part}
            notes.append(Note("not_sent", f"{name}.{part}", f"{upstream} does not take it"))
    return changed


def _fit_thinking(
    body: Mapping[str, Any], capabilities: Capabilities, replaced: dict[str, Any], notes: list[Note]
) -> frozenset[str]:
    """Put thinking and effort that must change into `replaced`; the names of what has to go."""
    thinking, config = (replaced.get(name, body.get(name)) for name in ("thinking", "output_config"))
    effort = (config or {}).get("effort")
    fitted = fit_thinking(thinking, effort, capabilities, max_tokens=body.get("max_tokens"))
    if not fitted.notes:
        return _NOTHING
    notes += fitted.notes
    if fitted.thinking is not None and fitted.thinking is not thinking:
        replaced["thinking"] = fitted.thinking
    gone = {"thinking"} if thinking is not None and fitted.thinking is None else set()
    if fitted.effort != effort:
        rest = {key: value for key, value in (config or {}).items() if key != "effort"}
        replaced["output_config"] = rest if fitted.effort is None else rest | {"effort": fitted.effort}
        if not replaced["output_config"]:
            gone.add("output_config")
    if "thinking" in gone:
        replaced |= _without_clearing(body, notes)
    return frozenset(gone)


def _without_clearing(body: Mapping[str, Any], notes: list[Note]) -> dict[str, Any]:
    """Context management that clears thinking is an error where there is none."""
    management = body.get("context_management") or {}
    edits = management.get("edits") or []
    kept = [edit for edit in edits if edit.get("type") != _CLEARS_THINKING]
    if len(kept) == len(edits):
        return {}
    notes.append(Note("not_sent", "context_management.edits", "there is no thinking to clear"))
    return {"context_management": {**management, "edits": kept}}


def _check_server_tools(tools: list[dict[str, Any]], taken: tuple[str, ...], upstream: str) -> None:
    for number, tool in enumerate(tools):
        kind = tool.get("type")
        if kind is None or kind == "custom":
            continue
        if _matches(kind, _SERVER_TOOLS) and not _matches(kind, taken):
            raise InvalidRequestError(
                f"tools.{number}.type: {upstream} does not run '{kind}': remove the tool or choose another backend"
            )


def _matches(kind: str, globs: tuple[str, ...]) -> bool:
    return any(matches_glob(kind, glob) for glob in globs)
