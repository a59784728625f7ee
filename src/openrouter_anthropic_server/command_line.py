"""What the commands share: reading the settings, and ending with an error in one line."""

import sys
from typing import Any, NoReturn

import typer

from openrouter_anthropic_server.settings import SettingError, Settings, load_settings, unknown_names


def settings_or_exit(*, warn: bool = True, **overrides: Any) -> Settings:
    """The settings; a bad one ends the command. `warn`: say which names in `.env` are no settings."""
    try:
        settings = load_settings(**overrides)
    except SettingError as error:
        fail(str(error))
    for name in unknown_names() if warn else ():
        print(f"warning: {name} in .env is not a setting of this server", file=sys.stderr)  # noqa: T201
    return settings


def fail(message: str) -> NoReturn:
    """Say what is wrong, and end the command with exit code 1."""
    print(f"error: {message}", file=sys.stderr)  # noqa: T201
    raise typer.Exit(1)
