"""All settings together: read once, at the edge, from the environment and a `.env` in the working directory."""

import logging
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsError

from openrouter_anthropic_server.settings.capabilities import CapabilitySettings
from openrouter_anthropic_server.settings.databricks import DatabricksSettings
from openrouter_anthropic_server.settings.models import ModelSettings
from openrouter_anthropic_server.settings.parameters import OpenAiParameters, OpenRouterParameters
from openrouter_anthropic_server.settings.providers import BedrockSettings, ProviderSettings
from openrouter_anthropic_server.settings.recording import PrefectSettings, RecordingSettings
from openrouter_anthropic_server.settings.security import SecuritySettings
from openrouter_anthropic_server.settings.server import LogSettings, ServerSettings
from openrouter_anthropic_server.settings.upstream import (
    AnthropicUpstreamSettings,
    OpenRouterSettings,
    UpstreamSettings,
)

_CLASSES: tuple[type[BaseSettings], ...] = (
    UpstreamSettings,
    OpenRouterSettings,
    AnthropicUpstreamSettings,
    DatabricksSettings,
    ProviderSettings,
    BedrockSettings,
    ModelSettings,
    OpenRouterParameters,
    OpenAiParameters,
    CapabilitySettings,
    ServerSettings,
    LogSettings,
    SecuritySettings,
    RecordingSettings,
    PrefectSettings,
)


class SettingError(Exception):
    """A setting has a bad value; the text is one line that names it and never holds a secret."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting, by concern."""

    upstream: UpstreamSettings
    openrouter: OpenRouterSettings
    anthropic: AnthropicUpstreamSettings
    databricks: DatabricksSettings
    providers: ProviderSettings
    bedrock: BedrockSettings
    models: ModelSettings
    openrouter_parameters: OpenRouterParameters
    openai_parameters: OpenAiParameters
    capabilities: CapabilitySettings
    server: ServerSettings
    log: LogSettings
    security: SecuritySettings
    recording: RecordingSettings
    prefect: PrefectSettings


def load_settings(env_file: Path | None = Path(".env"), **overrides: Any) -> Settings:
    """Read the settings; `overrides` are values by lower-case setting name (from the command line)."""
    logging.getLogger("dotenv").setLevel(logging.ERROR)  # it would repeat each bad line once per settings class
    try:
        settings = Settings(
            upstream=UpstreamSettings(_env_file=env_file, **_of(UpstreamSettings, overrides)),
            openrouter=OpenRouterSettings(_env_file=env_file),
            anthropic=AnthropicUpstreamSettings(_env_file=env_file),
            databricks=DatabricksSettings(_env_file=env_file),
            providers=ProviderSettings(_env_file=env_file),
            bedrock=BedrockSettings(_env_file=env_file),
            models=ModelSettings(_env_file=env_file),
            openrouter_parameters=OpenRouterParameters(_env_file=env_file),
            openai_parameters=OpenAiParameters(_env_file=env_file),
            capabilities=CapabilitySettings(_env_file=env_file),
            server=ServerSettings(_env_file=env_file, **_of(ServerSettings, overrides)),
            log=LogSettings(_env_file=env_file),
            security=SecuritySettings(_env_file=env_file),
            recording=RecordingSettings(_env_file=env_file),
            prefect=PrefectSettings(_env_file=env_file),
        )
    except ValidationError as error:
        raise SettingError(_one_line(error)) from None
    except SettingsError as error:
        raise SettingError(_not_json(error)) from None
    except UnicodeDecodeError:
        raise SettingError(f"{env_file}: is not UTF-8 text") from None
    _check_together(settings)
    return settings


def all_settings_names() -> list[str]:
    """The environment name of every setting, e.g. `OPENROUTER_API_KEY`."""
    return [name for name, _ in described_settings()]


def described_settings() -> Iterator[tuple[str, str]]:
    """Environment name and description of every setting, in the order of the documentation."""
    for cls in _CLASSES:
        for field, info in cls.model_fields.items():
            yield _environment_name(cls, field), info.description or ""


def unknown_names(env_file: Path = Path(".env")) -> list[str]:
    """Names in `env_file` that are no setting: probably misspelt, so worth a warning.

    A line without `=` is not repeated, only counted: it may be a key somebody pasted.
    """
    if not env_file.is_file():
        return []
    known = set(all_settings_names())
    names = dotenv_values(env_file)
    unknown = [name for name, value in names.items() if value is not None and name.upper() not in known]
    nameless = sum(value is None for value in names.values())
    return unknown + ([f"{nameless} line(s) without `=`"] if nameless else [])


def _check_together(settings: Settings) -> None:
    """Refuse values that are valid alone but not together."""
    backend = settings.upstream.proxy_backend
    if backend in ("OPENROUTER", "LITELLM_OPENROUTER") and settings.openrouter.api_key is None:
        raise SettingError(f"OPENROUTER_API_KEY: must be set when PROXY_BACKEND is {backend}")
    if settings.upstream.proxy_backend == "AZURE_DATABRICKS" and settings.databricks.missing is not None:
        other = " (or DATABRICKS_CLIENT_ID and _SECRET)" if settings.databricks.missing == "DATABRICKS_TOKEN" else ""
        raise SettingError(f"{settings.databricks.missing}: must be set when PROXY_BACKEND is AZURE_DATABRICKS{other}")
    security = settings.security
    if not _is_loopback(settings.server.host) and not security.server_api_keys and not security.allow_unauthenticated:
        raise SettingError(
            f"SERVER_API_KEYS: must be set to listen on {settings.server.host} (or ALLOW_UNAUTHENTICATED=true,"
            " and then anybody who reaches the port can use it)"
        )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _environment_name(cls: type[BaseSettings], field: str) -> str:
    return f"{cls.model_config.get('env_prefix', '')}{field}".upper()


def client_address(host: str, port: int) -> str:
    """The base URL under which clients on this machine reach a server that listens on `host`."""
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://{f'[{reachable}]' if ':' in reachable else reachable}:{port}"


def _of(cls: type[BaseSettings], overrides: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in overrides.items() if name in cls.model_fields and value is not None}


def _one_line(error: ValidationError) -> str:
    first = error.errors(include_input=False, include_url=False)[0]
    cls = next(cls for cls in _CLASSES if cls.__name__ == error.title)
    field = str(first["loc"][0]) if first["loc"] else "settings"
    return f"{_environment_name(cls, field)}: {first['msg'].removeprefix('Value error, ')}"


def _not_json(error: SettingsError) -> str:
    field = str(error).split('"')[1] if '"' in str(error) else str(error)
    for cls in _CLASSES:
        if field in cls.model_fields:
            return f"{_environment_name(cls, field)}: not valid JSON"
    return str(error)


def export_overrides(settings: Settings, port: int) -> None:
    """Put what the command line overrode into the environment, for worker processes and the recorder to read."""
    os.environ["HOST"] = settings.server.host
    os.environ["PORT"] = str(port)
    if settings.upstream.proxy_backend is not None:
        os.environ["PROXY_BACKEND"] = settings.upstream.proxy_backend


def environment_without_settings() -> dict[str, str]:
    """The environment of a child process that needs none of our settings: no keys reach it."""
    own = set(all_settings_names())
    return {name: value for name, value in os.environ.items() if name.upper() not in own}
