"""What is recorded of each request, where it waits, and which Prefect gets it."""

from base64 import b64encode
from pathlib import Path
from typing import Annotated

from platformdirs import user_data_path
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from openrouter_anthropic_server.settings.fields import (
    OnOff,
    OptionalHttpAddress,
    OptionalSecret,
    OptionalUserAndPassword,
    empty_is_unset,
)

_SHORTEST_DAYS = 1 / 24
_LONGEST_DAYS = 36_500


def _data_dir() -> Path:
    return user_data_path("openrouter-anthropic-server", appauthor=False)


def _retention(days: float) -> float:
    if not _SHORTEST_DAYS <= days <= _LONGEST_DAYS:  # "not a number" is refused too
        raise ValueError(f"must be between 0.042 (one hour) and {_LONGEST_DAYS} days")
    return days


def prefect_headers(api_key: str | None, auth_string: str | None) -> dict[str, str]:
    """What a Prefect server wants to see: a key (bearer) or `user:password` (basic), if anything."""
    if api_key is not None:
        return {"authorization": f"Bearer {api_key}"}
    if auth_string is not None:
        return {"authorization": f"Basic {b64encode(auth_string.encode()).decode()}"}
    return {}


def _revealed(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()


OptionalPath = Annotated[Path | None, BeforeValidator(empty_is_unset)]


class RecordingSettings(BaseSettings):
    """Recording of requests as runs."""

    model_config = SettingsConfigDict(extra="ignore")

    recording: OnOff = Field(True, description="on: every request becomes a run in Prefect; off: none.")
    record_content: bool = Field(
        False, description="Keep prompts and answers in the runs too; everybody who can open Prefect can read them."
    )
    data_dir: OptionalPath = Field(
        None, description="Directory of the server's own files; unset: the user's data directory."
    )
    spool_dir: OptionalPath = Field(
        None, description="Directory where run records wait for Prefect; unset: spool in DATA_DIR."
    )
    spool_max_mb: float = Field(
        256.0,
        ge=1,
        allow_inf_nan=False,
        description="Most that waits there, in megabytes (2**20 bytes); beyond it new records are dropped and counted.",
    )

    @property
    def data_path(self) -> Path:
        """The directory of the server's own files."""
        return self.data_dir or _data_dir()

    @property
    def spool_path(self) -> Path:
        """The directory where run records wait."""
        return self.spool_dir or self.data_path / "spool"

    @property
    def prefect_path(self) -> Path:
        """The directory of the Prefect server started here; absolute, because that works in another directory."""
        return (self.data_path / "prefect").absolute()


class PrefectSettings(BaseSettings):
    """The Prefect server that shows the runs."""

    model_config = SettingsConfigDict(extra="ignore", env_prefix="PREFECT_")

    api_url: OptionalHttpAddress = Field(
        None,
        description="API of your Prefect server, ending in /api, without user and password"
        " (PREFECT_API_AUTH_STRING); unset: one is started with the server.",
    )
    api_key: OptionalSecret = Field(None, description="Its API key, if it wants one (bearer).")
    api_auth_string: OptionalUserAndPassword = Field(None, description="Its user:password, if it wants that (basic).")
    ui_url: OptionalHttpAddress = Field(
        None, description="Its UI as people open it, also of the one started here; unset: its API without /api."
    )
    port: int = Field(
        4200, ge=1, le=65535, description="Port of the Prefect server started here; the next free one if it is taken."
    )
    retention_days: Annotated[float, AfterValidator(_retention)] = Field(
        7.0, description="Days for which that server keeps runs: an hour (0.042) to 36500."
    )

    @property
    def ui_address(self) -> str | None:
        """Where people open the UI, without a slash at the end; None if only a server started here will tell."""
        if self.ui_url is not None:
            return self.ui_url.rstrip("/")
        return None if self.api_url is None else self.api_url.rstrip("/").removesuffix("/api")

    @property
    def headers(self) -> dict[str, str]:
        """What goes with every request to the Prefect server, so that it knows who asks."""
        return prefect_headers(_revealed(self.api_key), _revealed(self.api_auth_string))
