"""JSON schemas in Gemini's form: a subset of OpenAPI 3.0, whose parser refuses a request over any keyword it lacks.

Everything outside the subset is loosened: references are put in place, unions become `anyOf`, closed or patterned
objects become open ones. What the client's schema describes, Gemini's accepts. Two things are taken as they are meant,
not as JSON Schema would have it: a schema with `properties` but no `type` is an object (with `items`, an array), and a
property that only some members of a union describe is of that form in all of them.
"""

from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]

_KEPT = frozenset({"title", "description", "nullable"})
_KEPT_BY_TYPE: Mapping[str, frozenset[str]] = {
    "string": frozenset({"minLength", "maxLength", "pattern"}),
    "number": frozenset({"minimum", "maximum"}),
    "integer": frozenset({"minimum", "maximum"}),
    "boolean": frozenset(),
    "array": frozenset({"minItems", "maxItems"}),
    "object": frozenset(),
}
_FORMATS: Mapping[str, frozenset[str]] = {
    "string": frozenset({"enum", "date-time"}),
    "number": frozenset({"float", "double"}),
    "integer": frozenset({"int32", "int64"}),
}
_JSON_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
_UNIONS = ("anyOf", "oneOf")
_SHAPES = ("properties", "items", "enum", "const")
"""Keywords that say more about a node than the unions beside them, which are then left out."""
_ANYTHING = ("string", "number", "boolean", "object", "array")
"""Gemini wants a type everywhere; all of them stand for a schema that allows any value."""

_MAX_DEPTH = 32
_MAX_NODES = 5_000
"""Bounds for schemas whose references multiply: what lies beyond allows anything."""


def gemini_schema(schema: Schema, *, root_object: bool = True) -> dict[str, Any]:
    """The schema for Gemini; with `root_object` an object with properties, as the parameters of a function."""
    reader = _Reader(schema)
    if not root_object:
        return reader.convert(schema, (), 0)
    root, active = reader.in_place(schema, (), 0)
    converted = reader.typed(root, "object", active, 0)
    return {**converted, "properties": converted.get("properties", {})}


class _Reader:
    """Converts the nodes of one schema. Holds what they share: the root, for references, and a budget of nodes.

    `active` are the references that lead to a node: one that comes back is a circle. `depth` counts levels.
    """

    __slots__ = ("_left", "_root")

    def __init__(self, root: Schema) -> None:
        self._root = root
        self._left = _MAX_NODES

    def convert(self, node: Any, active: tuple[str, ...], depth: int) -> dict[str, Any]:
        """A node as one schema of Gemini's form."""
        node, active = self.in_place(node, active, depth)
        types, nullable = _types_of(node)
        if _has_union(node) and not any(name in node for name in _SHAPES):
            branches, null_branch = self._union(node, types, active, depth)
            nullable = nullable or null_branch
        else:
            branches = [self.typed(node, kind, active, depth) for kind in types]
        return _joined(branches or _anything(), node, nullable=nullable)

    def in_place(self, node: Any, active: tuple[str, ...], depth: int) -> tuple[dict[str, Any], tuple[str, ...]]:
        """The node with its reference and its `allOf` merged into it, and the references that lead inside."""
        self._left -= 1
        if not isinstance(node, Mapping) or depth > _MAX_DEPTH or self._left < 0:
            return {}, active
        merged = dict(node)
        reference = merged.pop("$ref", None)
        if isinstance(reference, str):
            target = _mapping(self._resolve(reference))
            if reference in active:
                return _only(target, frozenset({"type"})) | _only(merged, _KEPT), active
            target, active = self.in_place(target, (*active, reference), depth + 1)
            merged = {**target, **merged}
        for member in _list(merged.pop("allOf", None)):
            part, active = self.in_place(member, active, depth + 1)
            merged = _both(merged, part)
        return merged, active

    def _resolve(self, reference: str) -> Any:
        """What a reference inside the document (`#/$defs/Name`) points at; of any other, nothing is known."""
        if not reference.startswith("#"):
            return {}
        target: Any = self._root
        for step in reference.split("/")[1:]:
            target = _mapping(target).get(step.replace("~1", "/").replace("~0", "~"))
        return target

    def typed(self, node: Schema, kind: str, active: tuple[str, ...], depth: int) -> dict[str, Any]:
        """A node as a schema of one type."""
        out = {"type": kind} | _only(node, _KEPT | _KEPT_BY_TYPE[kind])
        wanted = node.get("format")
        if isinstance(wanted, str) and wanted in _FORMATS.get(kind, ()):
            out["format"] = wanted
        if kind in {"number", "integer"}:
            _loosen_limits(node, out)
        elif kind == "string":
            out |= _string_enum(node)
        elif kind == "array":
            out["items"] = self.convert(node.get("items"), active, depth + 1)
        elif kind == "object":
            out |= self._object(node, active, depth)
        return out

    def _object(self, node: Schema, active: tuple[str, ...], depth: int) -> dict[str, Any]:
        """Properties, those of union members too: as optional ones they tell the model what it may send."""
        found: dict[str, Any] = {}
        for member in _members(node):
            for name, inner in _mapping(self.in_place(member, active, depth + 1)[0].get("properties")).items():
                found[name] = {"anyOf": [found[name], inner]} if name in found else inner
        found |= _mapping(node.get("properties"))
        if not found:
            return {}
        properties = {name: self.convert(inner, active, depth + 1) for name, inner in found.items()}
        required = [name for name in _list(node.get("required")) if isinstance(name, str) and name in properties]
        return {"properties": properties, "required": required} if required else {"properties": properties}

    def _union(
        self, node: Schema, types: list[str], active: tuple[str, ...], depth: int
    ) -> tuple[list[dict[str, Any]], bool]:
        members = _members(node)
        real = [member for member in members if _mapping(member).get("type") != "null"]
        inherited = {"type": types} if types else {}
        branches = [self.convert({**inherited, **_mapping(member)}, active, depth + 1) for member in real]
        return [leaf for branch in branches for leaf in branch.get("anyOf", [branch])], len(real) < len(members)


def _types_of(node: Schema) -> tuple[list[str], bool]:
    """The node's types, from `type` or from what else it says, and whether null is among them."""
    declared = node.get("type")
    if declared is None and "const" in node:
        declared = _JSON_TYPES.get(type(node["const"]), "null")
    elif declared is None and "enum" in node:
        declared = list(dict.fromkeys(_JSON_TYPES.get(type(value), "null") for value in _list(node["enum"])))
    elif declared is None:
        declared = "object" if "properties" in node else "array" if "items" in node else None
    types = [declared] if isinstance(declared, str) else _list(declared)
    return [kind for kind in types if isinstance(kind, str) and kind in _KEPT_BY_TYPE], "null" in types


def _joined(branches: list[dict[str, Any]], node: Schema, *, nullable: bool) -> dict[str, Any]:
    """One branch as it is, several as `anyOf`, which must stand alone: description and null go into the branches."""
    description = node.get("description")
    for branch in branches:
        if nullable:
            branch["nullable"] = True
        if description:
            branch.setdefault("description", description)
    return branches[0] if len(branches) == 1 else {"anyOf": branches}


def _anything() -> list[dict[str, Any]]:
    *others, array = _ANYTHING
    items = [{"type": kind} for kind in others]
    return [*({"type": kind} for kind in others), {"type": array, "items": {"anyOf": items}}]


def _string_enum(node: Schema) -> dict[str, Any]:
    """An enum of non-empty strings is kept; Gemini knows no other."""
    values = [node["const"]] if "const" in node else _list(node.get("enum"))
    strings = [value for value in values if value is not None]
    return {"enum": strings} if strings and all(isinstance(value, str) and value for value in strings) else {}


def _loosen_limits(node: Schema, out: dict[str, Any]) -> None:
    for exclusive, inclusive in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        limit = node.get(exclusive)
        if inclusive not in out and isinstance(limit, int | float) and not isinstance(limit, bool):
            out[inclusive] = limit


def _both(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """Both members of an `allOf`: properties and requirements together, of the rest the first one's word."""
    both = {**second, **first}
    if "properties" in first and "properties" in second:
        both["properties"] = {**_mapping(second["properties"]), **_mapping(first["properties"])}
    if "required" in first and "required" in second:
        both["required"] = [*_list(first["required"]), *_list(second["required"])]
    return both


def _has_union(node: Schema) -> bool:
    return any(name in node for name in _UNIONS)


def _members(node: Schema) -> list[Any]:
    return [member for name in _UNIONS for member in _list(node.get(name))]


def _only(node: Schema, names: frozenset[str]) -> dict[str, Any]:
    return {name: value for name, value in node.items() if name in names}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
