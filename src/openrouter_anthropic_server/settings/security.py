"""Who may use the server."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from openrouter_anthropic_server.settings.fields import CommaList, SecretCommaList


class SecuritySettings(BaseSettings):
    """Keys that clients must present, and browsers' cross-origin access."""

    model_config = SettingsConfigDict(extra="ignore")

    server_api_keys: SecretCommaList = Field(
        default=(), description="Comma list of keys that clients may use; empty: any key, on loopback only."
    )
    allow_unauthenticated: bool = Field(
        False, description="Listen beyond loopback without SERVER_API_KEYS: anybody who reaches the port spends money."
    )
    cors_origins: CommaList = Field(
        default=(), description="Comma list of origins that browsers may call from; empty: none."
    )
