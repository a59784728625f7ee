"""Takes out of an upstream's text whatever a client must not see: keys, addresses, paths, stack traces."""

import re
from collections.abc import Iterable

LIMIT = 2000
"""The longest text that `redact` returns, in characters."""

_MARK = "[redacted]"
_PATTERN_INPUT = 4 * LIMIT
_WHOLE_WORD_BELOW = 8  # shorter secrets are replaced only as whole words: "test" must not eat "latest"

_KEY_WORDS = r"api[ _-]?key|access[ _-]?token|auth[ _-]?token|client[ _-]?secret|secret|password|authorization"
_TOP_DOMAINS = "com|net|org|ai|io|dev|cloud|internal|local|localdomain|lan|intranet"
_ROOTS = (
    "app|build|code|data|databricks|dbfs|etc|home|lib|local_disk0|mnt|opt|private|proc|root|run|srv|tmp|usr|"
    "var|workspace|Users|Volumes|Workspace"
)

_FILE_ENDINGS = "py|js|ts|mjs|go|rs|java|so|json|ya?ml|toml|env|sock|log"
_PLAIN_WORDS = r"(?:token|auth\w*|scheme|header|credentials?|key)s?\b"  # "Bearer token is missing" is no key
_HEX = "[0-9a-f]{1,4}"

# In this order: stack traces and addresses first, because they can hold anything. Repetitions are bounded,
# so that no text takes long.
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"(?s)Traceback \(most recent call last\).*", "[stack trace]"),
        (r"(?:\n\s{1,20}at [^\n]{1,300})+", "\n[stack trace]"),
        (r"(?i)\b[a-z][a-z0-9+.-]{1,20}://[^\s\"'<>)\]}`]+", "[url]"),
        (r"\b[A-Za-z]:\\[^\s\"'<>|]+", "[path]"),
        (rf"(?<![\w./~-])/(?:{_ROOTS})(?:/[^\s\"'`<>,;:)\]/]+)+/?", "[path]"),
        (rf"(?<![\w./~-])(?:/[\w.@+-]{{1,80}}){{1,20}}\.(?:{_FILE_ENDINGS})\b", "[path]"),
        (rf"(?i)\b(bearer|basic)\s+(?!{_PLAIN_WORDS})[^\s\"',;]{{4,}}", rf"\1 {_MARK}"),
        (r"\beyJ[\w-]{8,}(?:\.[\w-]+){0,2}", _MARK),
        (r"\b(?:sk|pk|rk)[-_][\w*.…•-]{4,}", _MARK),
        (r"\b(?:gsk_|hf_|ghp_|github_pat_|xai-|AIza|AKIA|ya29\.|pplx-|fw_|nvapi-)[\w*.…•-]{10,}", _MARK),
        (r"\b(?:dapi|dose)[0-9a-f]{8,}(?:-\d+)?\b", _MARK),
        (
            rf"(?i)\b((?:{_KEY_WORDS})(?: (?:provided|given|sent|is|was))?[\"']?\s{{0,3}}[:=]\s{{0,3}}[\"']?)"
            r"[^\s\"',;)}\[]{4,}",
            rf"\1{_MARK}",
        ),
        (r"[\w.-]{1,80}[*•]{3,}[\w.*•-]*|(?<![*•])[*•]{3,}[\w.-]{1,80}", _MARK),
        (r"\b(?=[A-Za-z+=]{0,64}\d)(?=\d{0,64}[A-Za-z])[A-Za-z0-9+=]{32,}", _MARK),
        (r"\b\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?\b", "[address]"),
        (
            rf"(?i)(?<![\w:])\[?(?:{_HEX}(?::{_HEX}){{7}}|(?:{_HEX}(?::{_HEX}){{0,6}})?::{_HEX}(?::{_HEX}){{0,6}})"
            r"(?:\](?::\d{1,5})?)?(?![\w:])",
            "[address]",
        ),
        (
            rf"(?i)(?<![\w.@/-])(?:[a-z0-9-]{{1,63}}\.){{1,8}}(?:{_TOP_DOMAINS})(?::\d{{1,5}})?"
            r"(?:/[^\s\"'<>)\]}`]*)?(?![\w-])",
            "[host]",
        ),
        (r"(?i)\b[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}:\d{2,5}\b", "[host]"),
        (r"(?i)\blocalhost(?::\d{1,5})?\b", "[host]"),
        (r"(?i)\b(host|to|at|from)\s+[a-z][\w-]{0,62}:\d{2,5}\b", r"\1 [host]"),
    )
)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]+")


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """The text without the given secrets and without anything that looks like a key, an address or a path.

    At most `LIMIT` characters. Model names, field names and numbers stay.
    """
    for secret in sorted(set(secrets), key=len, reverse=True):
        text = _without(text, secret)
    text = _CONTROL.sub(" ", text[:_PATTERN_INPUT])
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return _bounded(text.strip())


def _without(text: str, secret: str) -> str:
    if not secret.strip():
        return text
    if len(secret) >= _WHOLE_WORD_BELOW:
        return text.replace(secret, _MARK)
    return re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", _MARK, text)


def _bounded(text: str) -> str:
    return text if len(text) <= LIMIT else text[: LIMIT - 1].rstrip() + "…"
