"""Sample values that validate against a JSON Schema (2020-12), for tool inputs and structured output.

Deterministic and without a validator. Not understood: `not`, `if`/`then`/`else`, `patternProperties`,
remote `$ref`; a `pattern` is served from a list of likely texts.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from openrouter_anthropic_server.backends.demo_schema_rules import merge_all, resolve_reference
from openrouter_anthropic_server.backends.demo_schema_scalars import SCALARS
from openrouter_anthropic_server.errors import InvalidRequestError

OPTIONAL_DEPTH = 3
"""Below this depth only what a schema demands is made, so that recursive schemas end."""

MAX_DEPTH = 16
"""Below this depth nothing is made: such a schema demands itself without end."""

_TYPE_CHECKS: Mapping[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
    "null": lambda value: value is None,
}

_KEYS_OF_TYPE: Mapping[str, frozenset[str]] = {
    "object": frozenset({"properties", "required", "additionalProperties", "minProperties"}),
    "array": frozenset({"items", "prefixItems", "minItems", "contains"}),
    "number": frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}),
}


def sample(schema: Any, *, optional: bool = False) -> Any:
    """A value that validates against `schema`; `optional`: with the optional properties too.

    Raises `InvalidRequestError` where `schema` is no JSON Schema.
    """
    try:
        return _Sampler(schema, optional=optional).value(schema, "value", 0)
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise InvalidRequestError("The demo model can make no sense of a JSON Schema in this request.") from error


class _Sampler:
    def __init__(self, root: Any, *, optional: bool) -> None:
        self._root = root
        self._optional = optional

    def value(self, schema: Any, name: str, depth: int) -> Any:
        """A value for `schema`, the property `name`, `depth` levels below the root."""
        if depth > MAX_DEPTH:
            return None
        rules = self._flatten(schema, depth)
        given = _given_value(rules)
        if given:
            return given[0]
        kind = _type_of(rules)
        if kind == "object":
            return self._object(rules, depth)
        if kind == "array":
            return self._array(rules, name, depth)
        return SCALARS[kind](rules, name)

    def _flatten(self, schema: Any, depth: int) -> dict[str, Any]:
        """One schema without `$ref`, `allOf`, `anyOf` and `oneOf`; `True` is the empty schema."""
        rules = merge_all([schema])
        for _ in range(MAX_DEPTH):
            parts = self._parts(rules, depth)
            if not parts:
                break
            kept = {key: rule for key, rule in rules.items() if key not in {"$ref", "allOf", "anyOf", "oneOf"}}
            rules = merge_all([kept, *parts])
        return rules

    def _parts(self, rules: Mapping[str, Any], depth: int) -> list[Any]:
        parts: list[Any] = []
        if isinstance(rules.get("$ref"), str):
            parts.append(resolve_reference(self._root, rules["$ref"]))
        parts.extend(rules.get("allOf") or [])
        for key in ("anyOf", "oneOf"):
            if rules.get(key):
                parts.append(_branch(rules, rules[key], depth))
        return parts

    def _object(self, rules: Mapping[str, Any], depth: int) -> dict[str, Any]:
        properties: Mapping[str, Any] = rules.get("properties") or {}
        made = {
            name: self.value(properties.get(name, rules.get("additionalProperties")), name, depth + 1)
            for name in self._names(rules, properties, depth)
        }
        more = rules.get("additionalProperties")
        for number in range(len(made), rules.get("minProperties", 0)):
            made[f"demo_{number + 1}"] = self.value(more, "value", depth + 1)
        return made

    def _names(self, rules: Mapping[str, Any], properties: Mapping[str, Any], depth: int) -> list[str]:
        required: list[str] = list(rules.get("required") or [])
        optional = [name for name in properties if name not in required and properties[name] is not False]
        if self._optional and depth < OPTIONAL_DEPTH:
            return [name for name in properties if name in required or name in optional] + [
                name for name in required if name not in properties
            ]
        missing = max(0, rules.get("minProperties", 0) - len(required))
        return required + optional[:missing]

    def _array(self, rules: Mapping[str, Any], name: str, depth: int) -> list[Any]:
        fixed: Sequence[Any] = rules.get("prefixItems") or []
        items = rules.get("items", {})
        made = [self.value(item, name, depth + 1) for item in fixed]
        if "contains" in rules:
            made.extend(self.value(rules["contains"], name, depth + 1) for _ in range(rules.get("minContains", 1)))
        wanted = max(rules.get("minItems", 0), 1 if depth < OPTIONAL_DEPTH and items is not False else 0)
        for number in range(len(made), min(wanted, rules.get("maxItems", wanted))):
            made.append(self._item(items, name, depth, number if rules.get("uniqueItems") else 0))
        return made

    def _item(self, items: Any, name: str, depth: int, number: int) -> Any:
        """The item of an array; with `number`, one that differs from those before it."""
        item = self.value(items, name, depth + 1)
        if not number:
            return item
        choices = self._flatten(items, depth).get("enum")
        if choices:
            return choices[number % len(choices)]
        return f"{item} {number + 1}" if isinstance(item, str) else _next_number(item, number)


def _next_number(item: Any, number: int) -> Any:
    return item + number if _TYPE_CHECKS["number"](item) else item


def _given_value(rules: Mapping[str, Any]) -> list[Any]:
    """The value that the schema itself names, as a list of one; empty where it names none."""
    if "const" in rules:
        return [rules["const"]]
    candidates = [rules["default"]] if "default" in rules else []
    choices = rules.get("enum")
    if choices:
        return [value for value in [*candidates, *choices] if value in choices and _has_type(rules, value)][:1]
    candidates += rules.get("examples") or []
    return [value for value in candidates if value is not None and _has_type(rules, value)][:1]


def _has_type(rules: Mapping[str, Any], value: Any) -> bool:
    types = _types_of(rules)
    return not types or any(_TYPE_CHECKS[kind](value) for kind in types if kind in _TYPE_CHECKS)


def _types_of(rules: Mapping[str, Any]) -> list[str]:
    types = rules.get("type")
    return [types] if isinstance(types, str) else list(types or [])


def _type_of(rules: Mapping[str, Any]) -> str:
    """The type to make: the first that is not null; without `type`, what the other keys speak of."""
    types = _types_of(rules)
    for kind in types:
        if kind != "null" and kind in _TYPE_CHECKS:
            return kind
    if "null" in types:
        return "null"
    return next((kind for kind, keys in _KEYS_OF_TYPE.items() if keys & rules.keys()), "string")


def _branch(rules: Mapping[str, Any], branches: Sequence[Any], depth: int) -> Any:
    """The branch of an `anyOf` or `oneOf` to follow: the first that fits; far down, the simplest."""
    fitting = [branch for branch in branches if _agrees(rules, branch)] or list(branches)
    if depth < OPTIONAL_DEPTH:
        return next((branch for branch in fitting if not _is_null(branch)), fitting[0])
    return min(fitting, key=lambda branch: len(str(branch)) + (1000 if _is_reference(branch) else 0))


def _agrees(rules: Mapping[str, Any], branch: Any) -> bool:
    ours, theirs = _types_of(rules), _types_of(branch) if isinstance(branch, dict) else []
    return branch is not False and (not ours or not theirs or bool(set(ours) & set(theirs)))


def _is_null(branch: Any) -> bool:
    return isinstance(branch, dict) and branch.get("type") == "null"


def _is_reference(branch: Any) -> bool:
    return isinstance(branch, dict) and "$ref" in branch
