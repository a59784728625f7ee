"""Access to the providers that are reached through LiteLLM. A provider is in use when its key is set.

Addresses are for proxies and tests. They are never named as the providers' own SDKs name theirs
(`OPENAI_BASE_URL`): in the shell of somebody who uses this server, that can be this server itself.
"""

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from openrouter_anthropic_server.settings.fields import HttpAddress, OptionalHttpAddress, OptionalSecret


class ProviderSettings(BaseSettings):
    """Keys and addresses of OpenAI, Google, Cohere, Mistral and Azure."""

    model_config = SettingsConfigDict(extra="ignore")

    openai_api_key: OptionalSecret = Field(None, description="OpenAI's key, for models such as openai:gpt-5.")
    openai_upstream_base_url: HttpAddress = Field(
        "https://api.openai.com/v1", description="Base of OpenAI's API; /chat/completions is appended."
    )
    gemini_api_key: OptionalSecret = Field(None, description="Google's key, for models such as google:gemini-2.5-pro.")
    google_api_key: OptionalSecret = Field(None, description="The same; GEMINI_API_KEY wins.")
    gemini_upstream_base_url: HttpAddress = Field(
        "https://generativelanguage.googleapis.com/v1beta",
        description="Base of Gemini's API; /models/<model>:generateContent is appended.",
    )
    cohere_api_key: OptionalSecret = Field(
        None, description="Cohere's key, for models such as cohere:command-a-03-2025."
    )
    cohere_upstream_base_url: HttpAddress = Field(
        "https://api.cohere.com", description="Base of Cohere's API; /v2/chat is appended."
    )
    mistral_api_key: OptionalSecret = Field(
        None, description="Mistral's key, for models such as mistral:mistral-large-latest."
    )
    mistral_upstream_base_url: HttpAddress = Field(
        "https://api.mistral.ai/v1", description="Base of Mistral's API; /chat/completions is appended."
    )
    azure_api_key: OptionalSecret = Field(None, description="Azure OpenAI's key, for models azure:<deployment>.")
    azure_openai_api_key: OptionalSecret = Field(None, description="The same; AZURE_API_KEY wins.")
    azure_api_base: OptionalHttpAddress = Field(
        None, description="Your Azure OpenAI resource, e.g. https://mine.openai.azure.com."
    )
    azure_api_version: str = Field("2025-04-01-preview", min_length=1, description="Version of Azure OpenAI's API.")

    @property
    def google_key(self) -> SecretStr | None:
        """Google's key, under either name."""
        return self.gemini_api_key or self.google_api_key

    @property
    def azure_key(self) -> SecretStr | None:
        """Azure OpenAI's key, under either name."""
        return self.azure_api_key or self.azure_openai_api_key


class BedrockSettings(BaseSettings):
    """Access to AWS Bedrock: a bearer token, or an access key that signs."""

    model_config = SettingsConfigDict(extra="ignore")

    aws_bearer_token_bedrock: OptionalSecret = Field(None, description="Bedrock's own API key (a bearer token).")
    aws_access_key_id: OptionalSecret = Field(None, description="Access key of AWS, where there is no bearer token.")
    aws_secret_access_key: OptionalSecret = Field(None, description="The secret of that key.")
    aws_session_token: OptionalSecret = Field(None, description="Its session token, if it is a temporary key.")
    aws_region: str = Field("", description="Region of Bedrock, e.g. eu-central-1.")
    bedrock_upstream_base_url: OptionalHttpAddress = Field(
        None, description="Address of Bedrock's runtime; unset: the region's own."
    )
