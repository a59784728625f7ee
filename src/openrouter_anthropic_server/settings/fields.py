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
    """Files of secrets end with a line feed; nothing else that HTTP cannot carry is forgiven."""
    if not isinstance(value, str):
        return value
    return value.strip() or None


def _sendable(secret: SecretStr | None) -> SecretStr | None:
    if secret is not None and not (secret.get_secret_value().isascii() and secret.get_secret_value().isprintable()):
        raise ValueError("must be printable ASCII, because it travels in an HTTP header")
    return secret


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _upper_or_unset(value: object) -> object:
    return (value.upper() or None) if isinstance(value, str) else value


lower_case = BeforeValidator(_lower)
"""Words that may be written in any case."""

upper_case = BeforeValidator(_upper_or_unset)
"""The same for names in capitals; an empty one counts as not set."""


def _http_address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be an address such as https://host/path")
    return value


HttpAddress = Annotated[str, AfterValidator(_http_address)]
"""An http or https URL."""

CommaList = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_commas)]
"""A comma-separated list."""

SecretCommaList = Annotated[
    tuple[Annotated[SecretStr, AfterValidator(_sendable)], ...], NoDecode, BeforeValidator(_split_commas)
]
"""A comma-separated list of secrets; never printed."""

OptionalSecret = Annotated[SecretStr | None, BeforeValidator(_empty_is_unset), AfterValidator(_sendable)]
"""A secret; an empty value counts as not set."""
