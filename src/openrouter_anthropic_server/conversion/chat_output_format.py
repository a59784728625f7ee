"""`output_config.format` (and the older `output_format`) as `response_format`."""

import re
from collections.abc import Mapping
from typing import Any

from openrouter_anthropic_server.conversion.chat_context import ChatContext, Json
from openrouter_anthropic_server.conversion.chat_support import chat_name
from openrouter_anthropic_server.conversion.tool_schemas import meets_strict_rules, normalise_schema
from openrouter_anthropic_server.errors import InvalidRequestError

SCHEMA_NAME = "response"
"""The name of a schema whose title is none that chat completions take."""

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")

_FIELDS = frozenset({"effort", "format", "task_budget"})


def response_format(request: Json, ctx: ChatContext) -> dict[str, Any]:
    """`{"response_format": ...}`, or nothing; an upstream that has no such parameter is an `InvalidRequestError`.

    `strict` is set where the upstream can keep it: always for Anthropic, elsewhere only if the schema already
    closes its objects and requires every property. A schema is never changed to get there.
    """
    output_config = request.get("output_config") or {}
    ctx.note_unknown(output_config, _FIELDS, "output_config")
    if output_config.get("task_budget"):
        ctx.notes.not_sent("output_config.task_budget", "this wire has no budgets for tasks")
    wanted, path = output_config.get("format"), "output_config.format"
    if wanted is None:
        wanted, path = request.get("output_format"), "output_format"
    if wanted is None:
        return {}
    if request.get("response_format") is not None:
        ctx.notes.not_sent(path, "the request has its own 'response_format'")
        return {}
    if chat_name("response_format", ctx.model, ctx.dialect, ctx.capabilities) is None:
        raise ctx.refusal(path, "requests for JSON of a schema")
    if not isinstance(wanted, Mapping) or wanted.get("type") != "json_schema":
        raise ctx.refusal(path, "formats of any type but 'json_schema'")
    schema = wanted.get("schema")
    if not isinstance(schema, Mapping):
        raise InvalidRequestError(f"{path}.schema: Field required")
    return {"response_format": {"type": "json_schema", "json_schema": _json_schema(schema, path, ctx)}}


def _json_schema(schema: Json, path: str, ctx: ChatContext) -> dict[str, Any]:
    title = schema.get("title")
    named = isinstance(title, str) and _NAME.fullmatch(title) is not None
    wanted = {
        "name": title if named else SCHEMA_NAME,
        "schema": normalise_schema(schema, vendor=ctx.vendor, root_object=False),
    }
    if ctx.anthropic or meets_strict_rules(schema):
        return wanted | {"strict": True}
    ctx.notes.converted(path, "not strict: the schema leaves properties optional or objects open")
    return wanted
