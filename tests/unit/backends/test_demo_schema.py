"""Sample values of the demo model: valid against their schemas, and plausible."""

from pathlib import Path
from typing import Any

import orjson
import pytest
from jsonschema import Draft202012Validator

from openrouter_anthropic_server.backends.demo_schema import sample
from openrouter_anthropic_server.errors import InvalidRequestError

DATA = Path(__file__).parents[2] / "data" / "claude_code_tools"
TOOLS: list[dict[str, Any]] = orjson.loads((DATA / "tools_2.1.329.json").read_bytes())

TREE = {
    "$ref": "#/$defs/Node",
    "$defs": {
        "Node": {
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "children": {"type": "array", "items": {"$ref": "#/$defs/Node"}},
                "parent": {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]},
            },
            "required": ["name", "children", "parent"],
            "additionalProperties": False,
        }
    },
}

SCHEMAS: list[Any] = [
    {},
    True,
    {"type": "string"},
    {"type": "string", "minLength": 40},
    {"type": "string", "maxLength": 2},
    {"type": "string", "minLength": 3, "maxLength": 3},
    {"type": "string", "pattern": "^[A-Z]{3}-[0-9]+$"},
    {"type": "string", "pattern": r"^\d{4}-\d{2}$"},
    {"type": "string", "pattern": "^$"},
    {"type": "string", "allOf": [{"pattern": r"^[^\n]*$"}, {"pattern": "^.{0,5}$"}]},
    *({"type": "string", "format": name} for name in ("date-time", "date", "email", "uri", "ipv4", "ipv6", "uuid")),
    *({"type": "string", "format": name} for name in ("time", "duration", "hostname")),
    {"type": "integer"},
    {"type": "integer", "minimum": 10, "maximum": 12},
    {"type": "integer", "maximum": -3},
    {"type": "integer", "exclusiveMinimum": 1},
    {"type": "integer", "exclusiveMinimum": 0, "exclusiveMaximum": 2},
    {"type": "integer", "minimum": 1.5},
    {"type": "integer", "multipleOf": 7, "minimum": 8},
    {"type": "integer", "multipleOf": 7, "exclusiveMinimum": 7},
    {"type": "integer", "multipleOf": 5, "maximum": 4},
    {"type": "integer", "multipleOf": 5, "exclusiveMaximum": 0},
    {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
    {"type": "number", "exclusiveMinimum": 1},
    {"type": "number", "exclusiveMaximum": 1},
    {"type": "number", "maximum": 0.25},
    {"minimum": 5},
    {"type": "boolean"},
    {"type": "null"},
    {"type": ["null", "string"]},
    {"enum": ["b", "a"]},
    {"type": "string", "enum": [1, "one"]},
    {"const": {"a": [1]}},
    {"type": "integer", "default": 7},
    {"type": "integer", "default": None},
    {"type": "integer", "default": "seven"},
    {"type": "string", "examples": ["an example"]},
    {"type": "array", "items": {"type": "integer"}},
    {"type": "array", "items": {"type": "string"}, "minItems": 3, "uniqueItems": True},
    {"type": "array", "items": {"type": "integer"}, "minItems": 3, "uniqueItems": True},
    {"type": "array", "items": {"enum": ["a", "b", "c"]}, "minItems": 3, "uniqueItems": True},
    {"type": "array", "maxItems": 0},
    {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}], "items": False},
    {"type": "array", "contains": {"const": 5}, "minContains": 2},
    {"items": {"type": "string"}, "minItems": 2},
    {"type": "object"},
    {"type": "object", "minProperties": 2},
    {"type": "object", "minProperties": 2, "additionalProperties": {"type": "integer"}},
    {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}, "minProperties": 1},
    {"type": "object", "required": ["a"]},
    {"type": "object", "required": ["a"], "additionalProperties": {"type": "integer"}},
    {"type": "object", "properties": {"a": {"type": "string"}, "gone": False}},
    {"properties": {"a": {"type": "object", "properties": {"b": {"const": 1}}, "required": ["b"]}}, "required": ["a"]},
    {"anyOf": [{"type": "null"}, {"type": "string"}]},
    {"anyOf": [{"type": "object", "required": ["x"]}, {"type": "integer"}], "type": "integer"},
    {"oneOf": [{"const": "a"}, {"const": "b"}]},
    {"type": "object", "anyOf": [{"required": ["a"]}, {"required": ["b"]}], "properties": {"a": {"type": "integer"}}},
    {"allOf": [{"type": "number", "minimum": 3}, {"type": "integer", "minimum": 5}]},
    {"allOf": [{"type": "integer"}, {"type": "number", "maximum": 0}]},
    {"allOf": [{"enum": ["a", "b"]}, {"enum": ["b", "c"]}]},
    {
        "allOf": [
            {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
            {"properties": {"a": {"minimum": 9}, "b": {"type": "string"}}, "required": ["b"]},
        ]
    },
    {"allOf": [{"type": "array", "items": {"type": "string"}}, {"items": {"minLength": 30}, "minItems": 1}]},
    {"$ref": "#/definitions/a", "definitions": {"a": {"type": "integer", "minimum": 4}}},
    {"$ref": "#/$defs/a~1b%20c", "$defs": {"a/b c": {"const": "found"}}},
    {"type": "array", "items": {"$ref": "#/prefixItems/0"}, "minItems": 2, "prefixItems": [{"const": 2}]},
    {"$ref": "#/$defs/chain", "$defs": {"chain": {"$ref": "#/$defs/end"}, "end": {"const": 3}}},
    TREE,
    {"type": "object", "properties": {"next": {"$ref": "#"}}},
]


@pytest.mark.parametrize("optional", [False, True])
@pytest.mark.parametrize("schema", SCHEMAS, ids=str)
def test_a_sample_validates_against_its_schema(schema: Any, optional: bool) -> None:
    made = sample(schema, optional=optional)

    Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(made)


@pytest.mark.parametrize("optional", [False, True])
@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: str(tool["name"]))
def test_a_sample_validates_for_each_tool_of_claude_code(tool: dict[str, Any], optional: bool) -> None:
    made = sample(tool["input_schema"], optional=optional)

    Draft202012Validator(tool["input_schema"]).validate(made)
    assert set(tool["input_schema"].get("required", [])) <= made.keys()


def test_only_required_properties_are_made_unless_all_are_wanted() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "integer"}}, "required": ["a"]}

    assert sample(schema) == {"a": "demo a"}
    assert sample(schema, optional=True) == {"a": "demo a", "b": 1}


def test_texts_fit_the_names_of_well_known_properties() -> None:
    schema = {"type": "object", "properties": {"command": {"type": "string"}, "title": {"type": "string"}}}

    assert sample(schema, optional=True) == {"command": "echo demo", "title": "demo title"}


def test_a_default_is_preferred() -> None:
    assert sample({"type": "string", "enum": ["a", "b"], "default": "b"}) == "b"


def test_a_schema_that_demands_itself_without_end_ends() -> None:
    endless = {"type": "object", "properties": {"me": {"$ref": "#"}}, "required": ["me"]}

    assert sample(endless)["me"]["me"]


@pytest.mark.parametrize("reference", ["#/$defs/nowhere", "#/enum/7", "https://example.com/schema.json"])
def test_a_reference_that_leads_nowhere_means_anything(reference: str) -> None:
    assert sample({"type": "object", "properties": {"a": {"$ref": reference}}, "required": ["a"]}) == {"a": "demo a"}


def test_a_pattern_that_python_cannot_read_does_no_harm() -> None:
    assert sample({"type": "string", "pattern": r"^\p{L}+$"}) == "demo value"


@pytest.mark.parametrize("schema", [{"properties": [1]}, {"type": 5}, {"minimum": "a"}, {"required": 3}])
def test_a_schema_that_is_none_is_refused(schema: Any) -> None:
    with pytest.raises(InvalidRequestError, match="JSON Schema"):
        sample(schema)
