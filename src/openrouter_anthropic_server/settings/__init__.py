"""Settings by concern, read from the environment and `.env`; see docs/02-configuration.md."""

from openrouter_anthropic_server.settings.loading import (
    SettingError,
    Settings,
    all_settings_names,
    client_address,
    described_settings,
    environment_without_settings,
    export_overrides,
    load_settings,
    unknown_names,
)

__all__ = [
    "SettingError",
    "Settings",
    "all_settings_names",
    "client_address",
    "described_settings",
    "environment_without_settings",
    "export_overrides",
    "load_settings",
    "unknown_names",
]
