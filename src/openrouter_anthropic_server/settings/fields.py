"""Field types that several settings classes share."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    SecretStr,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic_settings import NoDecode


def _split_commas(value: object) -> object:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def empty_is_unset(value: object) -> object:
    """None for an empty text; files of secrets end with a line feed, which is cut off."""
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


_NO_ADDRESS = "must be an address such as https://host/path"


def _http_address(value: str) -> str:
    try:
        parts = urlsplit(value)
    except ValueError:
        raise ValueError(_NO_ADDRESS) from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(_NO_ADDRESS)
    if parts.username is not None:
        raise ValueError("no user or password in the address")
    try:
        good_port = parts.port != 0
    except ValueError:
        good_port = False
    if not good_port:
        raise ValueError("the port must be 1 to 65535")
    return value


def _user_and_password(secret: SecretStr | None) -> SecretStr | None:
    if secret is not None and ":" not in secret.get_secret_value():
        raise ValueError("must be user:password")
    return secret


def _on_or_off(value: object, as_bool: ValidatorFunctionWrapHandler) -> bool:
    try:
        return bool(as_bool(value))
    except ValidationError:
        raise ValueError("must be on or off") from None


HttpAddress = Annotated[str, AfterValidator(_http_address)]
"""An http or https URL, without user and password."""

OptionalHttpAddress = Annotated[HttpAddress | None, BeforeValidator(empty_is_unset)]
"""The same; an empty value counts as not set."""

CommaList = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_commas)]
"""A comma-separated list."""

SecretCommaList = Annotated[
    tuple[Annotated[SecretStr, AfterValidator(_sendable)], ...], NoDecode, BeforeValidator(_split_commas)
]
"""A comma-separated list of secrets; never printed."""

OptionalSecret = Annotated[SecretStr | None, BeforeValidator(empty_is_unset), AfterValidator(_sendable)]
"""A secret; an empty value counts as not set."""

OptionalUserAndPassword = Annotated[OptionalSecret, AfterValidator(_user_and_password)]
"""A secret `user:password`; an empty value counts as not set."""

OnOff = Annotated[bool, WrapValidator(_on_or_off)]
"""on or off, or another word for true or false."""
