"""What is known of models and upstreams, beside the table that comes with the server."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from openrouter_anthropic_server.settings.recording import OptionalPath


class CapabilitySettings(BaseSettings):
    """The operator's own capability table."""

    model_config = SettingsConfigDict(extra="ignore")

    capabilities_file: OptionalPath = Field(
        None, description="TOML file with what models and upstreams take; it adds to and changes the built-in table."
    )
