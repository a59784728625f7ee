"""Reads the capability table: the built-in one, and the operator's additions."""

from functools import lru_cache, partial
from importlib.resources import files
from pathlib import Path
from typing import Literal

from openrouter_anthropic_server.capabilities.table import CapabilityTable, TableError, parse_table
from openrouter_anthropic_server.coordinators.model_routes import CapabilitiesOf
from openrouter_anthropic_server.settings import SettingError, Settings

_BUILT_IN = files("openrouter_anthropic_server.capabilities") / "table.toml"


def capability_table(settings: Settings) -> CapabilityTable:
    """The table for these settings, read once. Raises `SettingError` if the operator's file is not one."""
    return _table(settings.capabilities.capabilities_file)


def known_capabilities(settings: Settings, upstream: str, wire: Literal["messages", "chat"]) -> CapabilitiesOf:
    """What is known of an upstream's models on one of its wires."""
    return partial(capability_table(settings).of, upstream, wire)


@lru_cache(maxsize=4)
def _table(file: Path | None) -> CapabilityTable:
    built_in = _BUILT_IN.read_text(encoding="utf-8")
    if file is None:
        return parse_table(built_in)
    try:
        own = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
        raise SettingError(f"CAPABILITIES_FILE: {file}: {reason}") from None
    try:
        return parse_table(built_in, own)
    except TableError as error:
        raise SettingError(f"CAPABILITIES_FILE: {file}: {error}") from None
