"""How JSON Schemas are put together: local references and the conjunction of several schemas."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import unquote


def resolve_reference(root: Any, reference: str) -> Any:
    """What a local `$ref` (`#`, `#/$defs/Name`) points to; `{}` (anything) where it points nowhere."""
    if not reference.startswith("#"):
        return {}
    target = root
    for part in reference.lstrip("#").strip("/").split("/") if reference not in {"#", "#/"} else []:
        key = unquote(part).replace("~1", "/").replace("~0", "~")
        target = _child(target, key)
    return target


def _child(target: Any, key: str) -> Any:
    if isinstance(target, dict):
        return target.get(key, {})
    if isinstance(target, list) and key.isdecimal() and int(key) < len(target):
        return target[int(key)]
    return {}


def merge_all(schemas: Sequence[Any]) -> dict[str, Any]:
    """One schema that demands what all of `schemas` demand.

    Patterns are collected under `patterns`, which is no JSON Schema key: several must hold at once.
    """
    merged: dict[str, Any] = {}
    for schema in schemas:
        for key, rule in _with_patterns(schema).items():
            merged[key] = _MERGES.get(key, _latest)(merged[key], rule) if key in merged else rule
    return merged


def _with_patterns(schema: Any) -> dict[str, Any]:
    if not isinstance(schema, dict):
        return {}
    if "pattern" not in schema:
        return schema
    rest = {key: rule for key, rule in schema.items() if key != "pattern"}
    return {**rest, "patterns": [schema["pattern"], *schema.get("patterns", ())]}


def _latest(_old: Any, new: Any) -> Any:
    return new


def _union(old: Sequence[Any], new: Sequence[Any]) -> list[Any]:
    return [*old, *(item for item in new if item not in old)]


def _common(old: Sequence[Any], new: Sequence[Any]) -> list[Any]:
    return [item for item in old if item in new] or list(new)


def _common_types(old: Any, new: Any) -> Any:
    if old == new:
        return old
    ours, theirs = ([old] if isinstance(old, str) else old), ([new] if isinstance(new, str) else new)
    if "number" in ours and "integer" in theirs:
        ours = [*ours, "integer"]
    if "integer" in ours and "number" in theirs:
        theirs = [*theirs, "integer"]
    return _common(ours, theirs)


def _merge_properties(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    both = {name: {"allOf": [old[name], new[name]]} for name in old if name in new}
    return {**old, **new, **both}


def _both(old: Any, new: Any) -> Any:
    return {"allOf": [old, new]}


_MERGES: Mapping[str, Callable[[Any, Any], Any]] = {
    "properties": _merge_properties,
    "required": _union,
    "patterns": _union,
    "allOf": _union,
    "enum": _common,
    "type": _common_types,
    "items": _both,
    "minimum": max,
    "exclusiveMinimum": max,
    "minLength": max,
    "minItems": max,
    "minProperties": max,
    "maximum": min,
    "exclusiveMaximum": min,
    "maxLength": min,
    "maxItems": min,
}
