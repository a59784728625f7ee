"""API keys never reach a log line."""

import re

_KEY = re.compile(r"(?:sk|pk|rk)-[A-Za-z0-9_*-]{6,}|dapi[0-9a-f]{16,}|AIza[\w-]{20,}|(?<=[Bb]earer )[\w.~+/*-]{6,}=*")
_HINTS = ("sk-", "pk-", "rk-", "dapi", "AIza", "earer ")


def redact_keys(text: str) -> str:
    """`text` with everything that looks like an API key replaced by `[redacted]`."""
    if not any(hint in text for hint in _HINTS):
        return text
    return _KEY.sub("[redacted]", text)
