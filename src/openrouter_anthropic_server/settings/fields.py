"""Field types that several settings classes share."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, SecretStr
from pydantic_settings import NoDecode


def _split_commas(value: object) -> object:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _empty_is_unset(value: object) -> object:
    return None if value == "" else value


def _http_address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be an address such as https://host/path")
    return value


HttpAddress = Annotated[str, AfterValidator(_http_address)]
"""An http or https URL."""

CommaList = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_commas)]
"""A comma-separated list."""

SecretCommaList = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_split_commas)]
"""A comma-separated list of secrets; never printed."""

OptionalSecret = Annotated[SecretStr | None, BeforeValidator(_empty_is_unset)]
"""A secret; an empty value counts as not set."""
