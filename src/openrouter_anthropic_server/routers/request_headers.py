"""The headers of a request as a dictionary, made once."""

from starlette.types import Scope


def request_headers(scope: Scope) -> dict[str, str]:
    """Values by lower-case name; repeated ones are joined by commas, as HTTP allows."""
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        key = name.decode("latin-1")
        text = value.decode("latin-1")
        headers[key] = f"{headers[key]},{text}" if key in headers else text
    return headers
