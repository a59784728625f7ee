"""The upstreams that answer requests."""

from typing import Annotated, Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from openrouter_anthropic_server.settings.fields import HttpAddress, OptionalSecret, lower_case, upper_case

BackendName = Literal["OPENROUTER", "LITELLM_OPENROUTER", "ANTHROPIC", "AZURE_DATABRICKS", "DEMO"]


class UpstreamSettings(BaseSettings):
    """Which upstream answers, and how long it may take."""

    model_config = SettingsConfigDict(extra="ignore")

    proxy_backend: Annotated[BackendName | None, upper_case] = Field(
        None,
        description="Upstream: OPENROUTER, LITELLM_OPENROUTER, ANTHROPIC, AZURE_DATABRICKS or DEMO;"
        " unset: the first whose key is set, else DEMO.",
    )
    upstream_timeout_seconds: float = Field(
        600.0,
        gt=0,
        allow_inf_nan=False,
        description="Longest wait for an answer that is not streamed, in seconds.",
    )
    stream_idle_seconds: float = Field(
        300.0,
        gt=0,
        allow_inf_nan=False,
        description="Longest silence before or inside an upstream's stream, in seconds; then it fails.",
    )


class OpenRouterSettings(BaseSettings):
    """Access to OpenRouter."""

    model_config = SettingsConfigDict(extra="ignore", env_prefix="OPENROUTER_")

    api_key: OptionalSecret = Field(None, description="OpenRouter API key.")
    base_url: HttpAddress = Field("https://openrouter.ai/api/v1", description="Base of OpenRouter's API.")
    wire: Annotated[Literal["auto", "messages", "chat"], lower_case] = Field(
        "auto", description="messages: Anthropic form; chat: chat completions; auto: messages for anthropic/* models."
    )
    app_url: str = Field("", description="Your application's address, for OpenRouter's attribution.")
    app_title: str = Field("OpenRouter Anthropic Server", description="Its name, for OpenRouter's attribution.")


class AnthropicUpstreamSettings(BaseSettings):
    """Access to an upstream that speaks the Anthropic API.

    Never `ANTHROPIC_BASE_URL`: in the shell of a Claude Code user that is this server itself.
    """

    model_config = SettingsConfigDict(extra="ignore", env_prefix="ANTHROPIC_UPSTREAM_")

    api_key: OptionalSecret = Field(None, description="Key for the Anthropic-format upstream.")
    base_url: HttpAddress = Field("https://api.anthropic.com", description="Its base; /v1/messages is appended.")
