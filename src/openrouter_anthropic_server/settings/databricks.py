"""Access to the models of a Databricks workspace."""

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from openrouter_anthropic_server.settings.fields import HttpAddress, OptionalSecret, empty_is_unset, lower_case


def _with_scheme(value: object) -> object:
    value = empty_is_unset(value)
    return f"https://{value}" if isinstance(value, str) and "://" not in value else value


def _workspace(value: str | None) -> str | None:
    """Scheme and host; browsers show `/?o=<number>` behind it, which is no part of the address."""
    if value is None:
        return None
    parts = urlsplit(value)
    if parts.path.strip("/"):
        raise ValueError("must be the workspace's address without a path, such as https://adb-1.2.azuredatabricks.net")
    return f"{parts.scheme}://{parts.netloc}"


class DatabricksSettings(BaseSettings):
    """Access to Databricks: a workspace, and a token or a service principal."""

    model_config = SettingsConfigDict(extra="ignore", env_prefix="DATABRICKS_")

    host: Annotated[HttpAddress | None, BeforeValidator(_with_scheme), AfterValidator(_workspace)] = Field(
        None, description="Address of the Databricks workspace; https:// is put before a bare name."
    )
    token: OptionalSecret = Field(None, description="Personal access token, or an OAuth token, for Databricks.")
    client_id: Annotated[str | None, BeforeValidator(empty_is_unset)] = Field(
        None, description="Service principal for Databricks (OAuth), where no DATABRICKS_TOKEN is set."
    )
    client_secret: OptionalSecret = Field(None, description="OAuth secret of that service principal.")
    wire: Annotated[Literal["auto", "messages", "chat"], lower_case] = Field(
        "auto", description="messages: Anthropic form; chat: chat completions; auto: messages for Claude models."
    )
    api: Annotated[Literal["serving-endpoints", "ai-gateway"], lower_case] = Field(
        "serving-endpoints", description="Paths of the workspace: serving-endpoints, or the newer ai-gateway."
    )

    @property
    def missing(self) -> str | None:
        """The first variable that is needed and not set; None where Databricks can be used."""
        if self.host is None:
            return "DATABRICKS_HOST"
        if self.token is not None or (self.client_id is not None and self.client_secret is not None):
            return None
        if self.client_id is not None:
            return "DATABRICKS_CLIENT_SECRET"
        return "DATABRICKS_CLIENT_ID" if self.client_secret is not None else "DATABRICKS_TOKEN"
