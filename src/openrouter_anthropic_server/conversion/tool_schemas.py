"""JSON schemas in the form that a vendor's models take: widened where a keyword is refused, never narrowed.

No property is ever made required and the input is never changed. What comes back is shared: nobody changes it either.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

import orjson

from openrouter_anthropic_server.conversion.gemini_schemas import gemini_schema
from openrouter_anthropic_server.conversion.vendors import ANTHROPIC, GOOGLE, OPENAI

Schema = Mapping[str, Any]

_MAPS = frozenset({"properties", "$defs", "definitions", "patternProperties", "dependentSchemas"})
_LISTS = frozenset({"anyOf", "oneOf", "allOf", "prefixItems"})
_SINGLES = frozenset({"items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames"})
_MAX_DEPTH = 64
_MAX_CACHED_BYTES = 16_384
_COSTLY = (GOOGLE, OPENAI)


def normalise_schema(schema: Schema, *, vendor: str, root_object: bool = True) -> Schema:
    """The schema for a model of `vendor`. With `root_object` (tools) the root gets a type and properties.

    Anthropic: unchanged. Google: only the keywords of Gemini's schema form. OpenAI: arrays get the `items` it
    demands. All but Anthropic: without `$schema`.
    """
    if vendor == ANTHROPIC:
        return schema
    if vendor not in _COSTLY:
        return _normalised(schema, vendor, root_object)
    try:
        text = orjson.dumps(schema)
    except TypeError:  # nested too deeply to be a key
        text = b""
    # Claude Code sends the same tools in each request: 25 of them take 0.3 ms to walk and 0.03 ms to recognise.
    if 0 < len(text) <= _MAX_CACHED_BYTES:
        return _normalised_text(text, vendor, root_object)
    return _normalised(schema, vendor, root_object)


@lru_cache(maxsize=1_024)
def _normalised_text(text: bytes, vendor: str, root_object: bool) -> Schema:
    return _normalised(orjson.loads(text), vendor, root_object)


def _normalised(schema: Schema, vendor: str, root_object: bool) -> Schema:
    if vendor == GOOGLE:
        return gemini_schema(schema, root_object=root_object)
    if "$schema" in schema:
        schema = {name: value for name, value in schema.items() if name != "$schema"}
    if root_object:
        schema = _with_root(schema)
    return _with_items(schema, 0) if vendor == OPENAI else schema


def meets_strict_rules(schema: Any, depth: int = 0) -> bool:
    """Whether OpenAI's strict mode takes the schema as it is: closed objects, every property required."""
    if not isinstance(schema, Mapping):
        return isinstance(schema, bool)
    if depth > _MAX_DEPTH:
        return False
    is_object = schema.get("type") == "object" or "properties" in schema
    if is_object and not _closed_and_required(schema):
        return False
    return all(meets_strict_rules(inner, depth + 1) for inner in _inner_schemas(schema))


def _closed_and_required(schema: Schema) -> bool:
    properties, required = schema.get("properties", {}), schema.get("required", [])
    if schema.get("additionalProperties") is not False or not isinstance(required, list):
        return False
    return isinstance(properties, Mapping) and all(name in required for name in properties)


def _with_root(schema: Schema) -> Schema:
    if schema.get("type") is not None and schema.get("properties") is not None:
        return schema
    return {**schema, "type": schema.get("type") or "object", "properties": schema.get("properties") or {}}


def _inner_schemas(schema: Schema) -> Iterator[Any]:
    for name, value in schema.items():
        if name in _SINGLES:
            yield value
        elif name in _MAPS and isinstance(value, Mapping):
            yield from value.values()
        elif name in _LISTS and isinstance(value, list):
            yield from value


def _with_items(schema: Any, depth: int) -> Any:
    """OpenAI refuses arrays without `items`; `{}` allows what the absent keyword allowed. Copies only what changes."""
    if not isinstance(schema, Mapping) or depth > _MAX_DEPTH:
        return schema

    def inner(value: Any) -> Any:
        return _with_items(value, depth + 1)

    changed = {name: new for name, old in schema.items() if (new := _map_schemas(name, old, inner)) is not old}
    if schema.get("type") == "array" and "items" not in schema:
        changed["items"] = {}
    return {**schema, **changed} if changed else schema


def _map_schemas(name: str, value: Any, change: Callable[[Any], Any]) -> Any:
    """The keyword's value with `change` applied to the schemas in it; the same object if nothing changed."""
    if name in _SINGLES:
        return change(value)
    if name in _MAPS and isinstance(value, Mapping):
        changed = {key: new for key, old in value.items() if (new := change(old)) is not old}
        return {**value, **changed} if changed else value
    if name in _LISTS and isinstance(value, list):
        new_list = [change(old) for old in value]
        return new_list if any(new is not old for new, old in zip(new_list, value, strict=True)) else value
    return value
