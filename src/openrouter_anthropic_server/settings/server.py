"""Where and how the server listens, logs and limits requests."""

from typing import Annotated, Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from openrouter_anthropic_server.settings.fields import lower_case


class ServerSettings(BaseSettings):
    """The listening socket and the limits of a request."""

    model_config = SettingsConfigDict(extra="ignore")

    host: str = Field(
        "127.0.0.1", min_length=1, description="Address to listen on; wider than loopback needs SERVER_API_KEYS."
    )
    port: int = Field(4000, ge=0, le=65535, description="TCP port to listen on.")
    environment: Annotated[Literal["development", "production"], lower_case] = Field(
        "development", description="Kind of installation."
    )
    max_request_mb: float = Field(
        32.0, gt=0, allow_inf_nan=False, description="Largest request body, in megabytes (2**20 bytes)."
    )
    ping_interval_seconds: float = Field(
        10.0,
        gt=0,
        allow_inf_nan=False,
        description="Silence of an upstream after which a stream sends a ping, in seconds.",
    )


class LogSettings(BaseSettings):
    """What is logged, and how."""

    model_config = SettingsConfigDict(extra="ignore", env_prefix="LOG_")

    level: Annotated[Literal["debug", "info", "warning", "error"], lower_case] = Field(
        "info", description="Least severe level that is logged."
    )
    format: Annotated[Literal["json", "console"], lower_case] = Field(
        "json", description="One JSON object a line, or text for a person."
    )
