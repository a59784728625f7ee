"""Rules for the names of models on Databricks. Pure text.

Names as in Databricks' documentation: `databricks-claude-sonnet-4-5` at its serving endpoints, behind its AI gateway
`system.ai.claude-sonnet-4-5`. Endpoints of the user's own may be called anything.
"""

import re
from typing import Literal

from openrouter_anthropic_server.conversion.model_names import from_via_alias, strip_context_suffix

DatabricksApi = Literal["serving-endpoints", "ai-gateway"]

PREFIXES = ("databricks/", "databricks:")
"""What may stand before any name to say that Databricks serves it."""

_SERVED_AS: dict[DatabricksApi, str] = {"serving-endpoints": "databricks-", "ai-gateway": "system.ai."}
_CLAUDE = "claude-"
NO_MODELS = frozenset({"", *_SERVED_AS.values(), *(prefix + _CLAUDE for prefix in _SERVED_AS.values())})
"""What is left of a name that is only a beginning."""

_AUTHORS = ("~anthropic/", "anthropic/")
_DATE = re.compile(r"[-@]\d{8}$")
_LATEST = re.compile(r"(?<=\d)(-[a-z]+)?-latest$")
_FIRST = re.compile(r"^(claude-[a-z]+-\d+)-0$")


def databricks_name(name: str, api: DatabricksApi) -> str:
    """The name as Databricks knows it.

    `claude-sonnet-4-5-20250929` and `anthropic/claude-sonnet-4.5` -> `databricks-claude-sonnet-4-5`, behind the
    gateway `system.ai.claude-sonnet-4-5`; every other name passes, without a prefix that means Databricks.
    """
    name = strip_context_suffix(name)
    name = _without(PREFIXES, from_via_alias(name) or name)
    slug = _without(_AUTHORS, name)
    return _SERVED_AS[api] + _undated(slug) if slug.startswith(_CLAUDE) else name


def _undated(slug: str) -> str:
    """Databricks has one name for each version, without date; `claude-opus-4-0` is Anthropic's other name of 4."""
    slug = _LATEST.sub(r"\1", _DATE.sub("", slug)).replace(".", "-")
    return _FIRST.sub(r"\1", slug)


def _without(prefixes: tuple[str, ...], name: str) -> str:
    return next((name[len(prefix) :] for prefix in prefixes if name.startswith(prefix)), name)
