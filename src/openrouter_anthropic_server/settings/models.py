"""What model names mean."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class ModelSettings(BaseSettings):
    """The names `big` and `small`, and aliases of the operator's own."""

    model_config = SettingsConfigDict(extra="ignore", protected_namespaces=())

    big_model: str = Field("anthropic/claude-sonnet-4", min_length=1, description="Model behind the name `big`.")
    small_model: str = Field("anthropic/claude-3.7-sonnet", min_length=1, description="Model behind the name `small`.")
    model_aliases: dict[str, str] = Field(
        default_factory=dict,
        description='JSON object: model name or glob -> backend model, e.g. {"claude-*": "openai/gpt-5"}.',
    )
