"""What a request gets that a client did not set: the operator's parameters, and the effort of a model's name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from openrouter_anthropic_server.capabilities.traits import Capabilities
from openrouter_anthropic_server.conversion.chat_context import Json, NoteBook
from openrouter_anthropic_server.conversion.own_parameters import clamped_temperature
from openrouter_anthropic_server.conversion.own_reasoning import ALL_PARAMETERS
from openrouter_anthropic_server.conversion.thinking_kinds import EFFORTS, MIN_BUDGET, budget_for, can_think
from openrouter_anthropic_server.conversion.turn_efforts import has_turn_effort
from openrouter_anthropic_server.conversion.vendors import ANTHROPIC, vendor_of

_ROOM_FOR_THE_ANSWER: Final = 4_096
_FORCING: Final = frozenset({"any", "tool"})
_OPENROUTERS: Final = frozenset({"transforms", "temperature_range"})
"""Defaults that are not sent as they are, and mean something to OpenRouter only."""

Takes = Callable[[str], bool]
"""Whether an upstream's model takes a parameter."""


@dataclass(frozen=True, slots=True)
class ParameterDefaults:
    """The operator's values by parameter; each keeps the parameter's own rule."""

    values: Mapping[str, Any] = field(default_factory=dict)

    def apply(self, body: dict[str, Any], upstream: str, takes: Takes, notes: NoteBook) -> dict[str, Any]:
        """`body` with the values that it lacks and the model takes; the same object if there are none."""
        if not self.values:
            return body
        missing = {name: value for name, value in self.values.items() if body.get(name) is None}
        if "user" in missing and (body.get("metadata") or {}).get("user_id"):
            del missing["user"]
        added = {
            name: value
            for name, value in missing.items()
            if (upstream == "openrouter" if name in _OPENROUTERS else takes(name))
        }
        limits = added.pop("temperature_range", None)
        for name in added:
            notes.default(name, "set by the server's settings")
        if limits is not None:
            added |= clamped_temperature(body, limits, notes)
        return body | added if added else body


def with_default_effort(
    body: dict[str, Any], effort: str, model: str, capabilities: Capabilities, notes: NoteBook
) -> dict[str, Any]:
    """`body` with an effort, if it says nothing of thinking and its `model` is known to think; else the same object.

    A model that knows no efforts gets a budget for thinking, as far as this leaves room for the answer and the
    request is one that may think. For others than Claude an effort is thinking too, and needs the same room.
    """
    if _asks_itself(body) or not can_think(capabilities):
        return body
    max_tokens = body.get("max_tokens") or 0
    if capabilities.efforts:
        if max_tokens < _ROOM_FOR_THE_ANSWER + MIN_BUDGET and vendor_of(model) != ANTHROPIC:
            return body
        level = _nearest(effort, capabilities.efforts)
        notes.default("output_config.effort", level)
        return body | {"output_config": {**(body.get("output_config") or {}), "effort": level}}
    budget = min(budget_for(effort, max_tokens) or 0, max_tokens - _ROOM_FOR_THE_ANSWER)
    if "enabled" not in (capabilities.thinking or ()) or budget < MIN_BUDGET or not _may_think(body):
        return body
    notes.default("thinking.budget_tokens", f"{budget}, for the effort {effort}")
    return body | {"thinking": {"type": "enabled", "budget_tokens": budget}}


def effort_of(body: Json) -> str | None:
    """The level of effort that a request asks for, in whichever way."""
    config = body.get("output_config") or {}
    reasoning = body.get("reasoning") or {}
    asked = (body.get("verbosity"), reasoning.get("effort"), body.get("reasoning_effort"), config.get("effort"))
    return next((effort for effort in asked if isinstance(effort, str)), None)


def _asks_itself(body: Json) -> bool:
    if body.get("thinking") is not None or (body.get("output_config") or {}).get("effort") is not None:
        return True
    if any(body.get(name) is not None for name in ALL_PARAMETERS):
        return True
    return has_turn_effort(body["messages"])


def _nearest(effort: str, known: tuple[str, ...]) -> str:
    """The level itself, else the highest known one below it, else the lowest."""
    if effort in known:
        return effort
    lower = [level for level in known if level in EFFORTS and EFFORTS.index(level) < EFFORTS.index(effort)]
    return max(lower, key=EFFORTS.index, default=known[0])


def _may_think(body: Json) -> bool:
    """Whether thinking breaks no rule of Anthropic's: sampling, forced tools, prefills, tool calls without thoughts."""
    if body.get("top_k") is not None or body.get("temperature", 1) != 1 or body.get("top_p", 1) < 0.95:
        return False
    if (body.get("tool_choice") or {}).get("type") in _FORCING:
        return False
    messages = body["messages"]
    return messages[-1]["role"] == "user" and not _answers_tools(messages[-1]["content"])


def _answers_tools(content: object) -> bool:
    return isinstance(content, list) and any(block["type"] == "tool_result" for block in content)
