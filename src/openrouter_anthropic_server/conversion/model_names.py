"""Rules for model names: Anthropic's, OpenRouter's, aliases of the operator and `claude-via-…` names.

Pure text; which backend gets which name is decided elsewhere.
"""

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import TypeVar

Target = TypeVar("Target")

VIA_PREFIX = "claude-via-"
OPENROUTER_PREFIX = "openrouter/"

_CONTEXT_SUFFIX = re.compile(r"\[\d+[km]\]$", re.IGNORECASE)
_CLAUDE = re.compile(r"(?:^|[^a-z0-9])claude(?:[-.]|$)", re.IGNORECASE)
_DATE = re.compile(r"[-@]\d{8}(?=[-:]|$)")
_LATEST = re.compile(r"-latest(?=:|$)")
_VERSION = re.compile(r"(?<=-)(\d{1,2})-(\d{1,2})(?=[-:]|$)")
_GLOB_CHARACTERS = frozenset("*?[")
_ANTHROPIC_AUTHORS = frozenset({"anthropic", "~anthropic"})

# In a via alias "--" stands for the slash, so a dash next to a dash or slash needs the escape, as does
# every character that is not safe in a URL path, and the escape character "=" itself.
_VIA_UNSAFE = re.compile(r"-(?=[-/])|(?<=[-/])-|[^A-Za-z0-9._:/-]")
_VIA_ESCAPES = re.compile(r"(?:=[0-9A-F]{2})+")


def strip_context_suffix(name: str) -> str:
    """`claude-opus-5-5[1m]` -> `claude-opus-5-5`: Claude Code's mark for a context window, no model has it."""
    return _CONTEXT_SUFFIX.sub("", name)


def is_claude(name: str) -> bool:
    """Whether a name means a Claude model, whoever hosts it; `claude-via-…` names mean others."""
    if name.startswith(VIA_PREFIX):
        return False
    return _CLAUDE.search(name.rpartition("/")[2]) is not None


def openrouter_name(name: str) -> str:
    """The name as OpenRouter knows it.

    `claude-sonnet-4-5-20250929` -> `anthropic/claude-sonnet-4.5`; `claude-via-openai--gpt-5` and
    `openrouter/openai/gpt-5` -> `openai/gpt-5`. Names with an author and bare foreign names pass.
    """
    name = strip_context_suffix(name)
    name = _without_openrouter_prefix(from_via_alias(name) or name)
    if "/" in name or not name.startswith("claude-"):
        return name
    return _anthropic_name(name)


def _without_openrouter_prefix(name: str) -> str:
    rest = name.removeprefix(OPENROUTER_PREFIX)
    # `openrouter/auto` and its like are models of OpenRouter's own: there the prefix is the author.
    return rest if "/" in rest or rest.startswith("claude-") else name


def _anthropic_name(name: str) -> str:
    undated = _DATE.sub("", name)
    versioned = _LATEST.sub("", undated)
    if versioned != undated and not any(map(str.isdigit, versioned)):
        return f"~anthropic/{undated}"  # `claude-opus-latest`: OpenRouter's own moving alias
    return "anthropic/" + _VERSION.sub(_dotted, versioned)


def _dotted(version: re.Match[str]) -> str:
    major, minor = version.groups()
    # `claude-opus-4-0` is Anthropic's alias of the model that OpenRouter calls `claude-opus-4`.
    return major if minor == "0" else f"{major}.{minor}"


def via_alias(model_id: str) -> str:
    """`openai/gpt-5` -> `claude-via-openai--gpt-5`: a name that Claude Code's model discovery keeps.

    Lossless: `from_via_alias` gives any id back; unusual characters become `=` and two hex digits.
    """
    escaped = _VIA_UNSAFE.sub(_escape, model_id)
    return VIA_PREFIX + escaped.replace("/", "--")


def from_via_alias(name: str) -> str | None:
    """The model id behind a `claude-via-…` name; None for any other name and for a broken escape."""
    body = name.removeprefix(VIA_PREFIX)
    if body == name or not body:
        return None
    try:
        model_id = _VIA_ESCAPES.sub(_unescape, body.replace("--", "/"))
    except UnicodeDecodeError:
        return None
    # A stray "=" is no escape of ours, so this is not a name that `via_alias` made.
    return None if "=" in _VIA_ESCAPES.sub("", body) else model_id


def _escape(match: re.Match[str]) -> str:
    return "".join(f"={byte:02X}" for byte in match[0].encode("utf-8", "surrogatepass"))


def _unescape(match: re.Match[str]) -> str:
    return bytes.fromhex(match[0].replace("=", "")).decode("utf-8", "surrogatepass")


def match_alias(name: str, aliases: Mapping[str, Target]) -> Target | None:
    """What the operator's aliases say about a name: an exact key first, then globs in their order."""
    exact = aliases.get(name)
    if exact is not None:
        return exact
    globs = (pattern for pattern in aliases if not _GLOB_CHARACTERS.isdisjoint(pattern))
    return next((aliases[pattern] for pattern in globs if fnmatchcase(name, pattern)), None)


def anthropic_name(name: str) -> str:
    """Anthropic's own name for its model at OpenRouter: `anthropic/claude-sonnet-4.5` is `claude-sonnet-4-5`.

    A name without that author is taken for Anthropic's own and passes as it is written.
    """
    author, slash, slug = (from_via_alias(name) or name).partition("/")
    return slug.replace(".", "-") if slash and author in _ANTHROPIC_AUTHORS else name


def anthropic_name_behind_prefix(name: str) -> str:
    """As `anthropic_name`, where a prefix was cut off that can have been the author: `claude-sonnet-4.5` too."""
    name = anthropic_name(name)
    return name.replace(".", "-") if name.startswith("claude-") else name
