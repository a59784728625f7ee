"""Objects of Gemini's API, whose fields come in two spellings: `inlineData` from most clients, `inline_data` too."""

import re
from collections.abc import Mapping
from typing import Any

from openrouter_anthropic_server.conversion.chat_context import NoteBook
from openrouter_anthropic_server.conversion.request_shapes import object_at, objects_at
from openrouter_anthropic_server.errors import InvalidRequestError

_LETTER_AFTER_BAR = re.compile(r"_([a-z0-9])")


def fields_of(value: object, path: str) -> dict[str, Any]:
    """The object with its own field names (not those inside) in camel case and without null values."""
    given = {name: item for name, item in object_at(value, path).items() if item is not None}
    fields = {camel(name): item for name, item in given.items()}
    if len(fields) < len(given):
        twice = next(name for name in given if "_" in name and camel(name) in given)
        raise InvalidRequestError(f"{path}.{twice}: stands there as '{camel(twice)}' too: send one of them")
    return fields


def all_fields_of(value: object, path: str) -> list[dict[str, Any]]:
    """The same for a list of objects."""
    return [fields_of(item, f"{path}.{number}") for number, item in enumerate(objects_at(value, path))]


def camel(name: str) -> str:
    """`inline_data` as `inlineData`."""
    return _LETTER_AFTER_BAR.sub(lambda found: found[1].upper(), name) if "_" in name else name


def json_schema(schema: Any, path: str, notes: NoteBook) -> Any:
    """A schema of Gemini's form (a subset of OpenAPI 3.0, types in capitals) as JSON Schema."""
    if not isinstance(schema, Mapping):
        return schema
    converted: dict[str, Any] = {}
    for name, value in schema.items():
        key = camel(name)
        if key in _NOT_SENT:
            notes.not_sent(f"{path}.{key}", "schemas have no such field elsewhere")
        elif key != "nullable":
            converted[key] = _schema_value(key, value, path, notes)
    return _typed(converted, nullable=schema.get("nullable") is True)


def _schema_value(key: str, value: Any, path: str, notes: NoteBook) -> Any:
    if key in _SCHEMA_MAPS and isinstance(value, Mapping):
        return {field: json_schema(inner, path, notes) for field, inner in value.items()}
    if key in _SCHEMA_LISTS and isinstance(value, list):
        return [json_schema(inner, path, notes) for inner in value]
    if key in _SCHEMAS:
        return json_schema(value, path, notes)
    if key in _COUNTS and isinstance(value, str) and value.isdigit():
        return int(value)  # Google writes 64-bit numbers as strings
    return value


_SCHEMA_MAPS = frozenset({"properties", "$defs", "defs"})
_SCHEMA_LISTS = frozenset({"anyOf", "oneOf", "allOf", "prefixItems"})
_SCHEMAS = frozenset({"items", "additionalProperties"})
_COUNTS = frozenset({"minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"})
_NOT_SENT = frozenset({"propertyOrdering", "example"})


def _typed(schema: dict[str, Any], *, nullable: bool) -> dict[str, Any]:
    kind = schema.get("type")
    if isinstance(kind, str):
        kind = kind.lower()
        if kind == "type_unspecified":
            del schema["type"]
        else:
            schema["type"] = [kind, "null"] if nullable else kind
    elif nullable and isinstance(schema.get("anyOf"), list):
        schema["anyOf"] = [*schema["anyOf"], {"type": "null"}]
    if nullable and isinstance(schema.get("enum"), list) and None not in schema["enum"]:
        schema["enum"] = [*schema["enum"], None]
    return schema
