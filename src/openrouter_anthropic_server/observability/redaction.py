"""API keys never reach a log line."""

import re

_KEY = re.compile(
    rb"(?:\b|(?<=\\[nrtbf]))(?:sk|pk|rk)-[A-Za-z0-9_*-]{6,}"  # in JSON a key can follow an escape such as \n
    rb"|dapi[0-9a-f]{16,}|AIza[\w-]{20,}|(?<=[Bb]earer )[\w.~+/*-]{6,}=*"
)


def redact_keys(line: bytes) -> bytes:
    """`line` with everything that looks like an API key replaced by `[redacted]`."""
    # Six searches for short literals cost a tenth of the pattern, and most lines have none of them. Written out,
    # because a loop over them costs three times the searches.
    if b"sk-" in line or b"pk-" in line or b"rk-" in line or b"dapi" in line or b"AIza" in line or b"earer " in line:
        return _KEY.sub(b"[redacted]", line)
    return line
