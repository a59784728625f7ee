"""Parameters that no upstream takes in the form in which clients send them, whatever the wire.

`temperature_range` is this server's own; `transforms` is what OpenRouter had before its plugins.
"""

from typing import Any, Final

from openrouter_anthropic_server.conversion.chat_context import Json, NoteBook

_OWN: Final = frozenset({"temperature_range", "transforms"})
_COMPRESSION: Final = "context-compression"


def without_own_parameters(body: dict[str, Any], upstream: str, notes: NoteBook) -> dict[str, Any]:
    """`body` with what these parameters mean to `upstream`; the same object if it has none of them."""
    if _OWN.isdisjoint(body):
        return body
    changed = {name: value for name, value in body.items() if name not in _OWN}
    if body.get("temperature_range") is not None:
        changed |= clamped_temperature(body, body["temperature_range"], notes)
        if "temperature" not in body:
            notes.not_sent("temperature_range", "the request has no temperature")
    if body.get("transforms") is not None:
        changed |= _plugins(body, upstream, notes)
    return changed


def clamped_temperature(body: Json, limits: list[float], notes: NoteBook) -> dict[str, Any]:
    """`{"temperature": ...}` if the request's own is outside of the range `limits`; Anthropic's ends at 1."""
    temperature = body.get("temperature")
    if temperature is None:
        return {}
    low, high = limits
    fitting = min(max(temperature, low), high, 1)
    if fitting == temperature:
        return {}
    if _thinks(body):
        notes.not_sent("temperature_range", "while it thinks, a model takes no other temperature")
        return {}
    notes.converted("temperature", f"{temperature:g} is outside of {low:g} to {high:g}: sent as {fitting:g}")
    return {"temperature": fitting}


def _thinks(body: Json) -> bool:
    """Whether a request asks for thinking, in Anthropic's terms or in those of others."""
    reasoning = body.get("reasoning") or {}
    effort = reasoning.get("effort") or body.get("reasoning_effort")
    if reasoning or effort:
        return reasoning.get("enabled") is not False and effort != "none"
    thinking = body.get("thinking") or {"type": "disabled"}
    return bool(thinking["type"] != "disabled")


def _plugins(body: Json, upstream: str, notes: NoteBook) -> dict[str, Any]:
    if upstream != "openrouter":
        notes.not_sent("transforms", f"{upstream} does not take it")
        return {}
    plugins = list(body.get("plugins") or ())
    if any(plugin.get("id") == _COMPRESSION for plugin in plugins):
        notes.not_sent("transforms", f"the request has the plugin '{_COMPRESSION}' itself")
        return {}
    wanted: dict[str, Any] = {"id": _COMPRESSION}
    wanted |= {"engine": "middle-out"} if body["transforms"] else {"enabled": False}
    notes.converted("transforms", f"sent as the plugin '{_COMPRESSION}'")
    return {"plugins": [*plugins, wanted]}
