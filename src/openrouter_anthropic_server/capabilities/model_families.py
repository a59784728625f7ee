"""The one spelling under which a model of a family is known, whoever hosts it and however he writes it."""

import re
from functools import lru_cache

# Bedrock writes `eu.anthropic.claude-…`, Databricks' gateway `system.ai.claude-…`.
_HOST = re.compile(r"^(?:[a-z-]+\.){1,3}(?=[a-z])")
_DATABRICKS = "databricks-"
_VERSION_FIRST = re.compile(r"^claude-(\d+(?:-\d{1,2})?)-(opus|sonnet|haiku|fable|mythos)(?=-|$)")


@lru_cache(maxsize=1024)
def family_name(model: str) -> str:
    """`anthropic/claude-4.6-sonnet:beta`, `databricks-claude-sonnet-4-6` and so on -> `claude-sonnet-4-6`.

    Author, host, suffixes after a colon and capitals go; dots and `@` become dashes; the line of a Claude stands
    before its version. A date stays where it is.
    """
    name = model.lower().rpartition("/")[2].partition(":")[0]
    name = _HOST.sub("", name).removeprefix(_DATABRICKS)
    name = name.replace(".", "-").replace("@", "-")
    return _VERSION_FIRST.sub(r"claude-\2-\1", name)
