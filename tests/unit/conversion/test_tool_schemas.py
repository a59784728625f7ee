"""Schemas for each vendor: only widened, never changed in place, no property made required."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import jsonschema
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from openrouter_anthropic_server.conversion.gemini_schemas import gemini_schema
from openrouter_anthropic_server.conversion.tool_schemas import meets_strict_rules, normalise_schema
from tests.claude_code_requests import recorded_body, request_files

Json = dict[str, Any]

DRAFT = "https://json-schema.org/draft/2020-12/schema"
GEMINI_KEYWORDS = {
    *("type", "title", "description", "nullable", "format", "enum", "anyOf", "items", "properties", "required"),
    *("minimum", "maximum", "minLength", "maxLength", "pattern", "minItems", "maxItems"),
}


def in_gemini(schema: Json) -> Json:
    """The form of one property."""
    converted = gemini_schema({"type": "object", "properties": {"p": schema}})
    inner: Json = converted["properties"]["p"]
    return inner


def nodes(schema: Json) -> Iterator[Json]:
    yield schema
    inner = [*schema.get("properties", {}).values(), *schema.get("anyOf", [])]
    for node in [*inner, schema["items"]] if "items" in schema else inner:
        yield from nodes(node)


class TestByVendor:
    def test_claude_gets_the_very_schema(self) -> None:
        schema = {"$schema": DRAFT, "type": "object"}

        assert normalise_schema(schema, vendor="anthropic") is schema

    def test_others_get_it_without_the_draft(self) -> None:
        schema = {"$schema": DRAFT, "type": "object", "properties": {"$schema": {"const": 1}}, "propertyNames": {}}

        assert normalise_schema(schema, vendor="deepseek") == {
            "type": "object",
            "properties": {"$schema": {"const": 1}},
            "propertyNames": {},
        }

    def test_a_schema_that_fits_is_not_copied(self) -> None:
        schema = {"type": "object", "properties": {"a": {"type": "array", "items": {"type": "string"}}}}

        assert normalise_schema(schema, vendor="deepseek") is schema

    @pytest.mark.parametrize("vendor", ["openai", "google"])
    def test_the_same_schema_sent_again_is_recognised(self, vendor: str) -> None:
        first, again = ({"type": "object", "properties": {"a": {"type": "array"}}} for _ in range(2))

        assert normalise_schema(first, vendor=vendor) is normalise_schema(again, vendor=vendor)

    @pytest.mark.parametrize("vendor", ["openai", "deepseek"])
    def test_a_schema_nested_deeper_than_json_is_written_is_still_converted(self, vendor: str) -> None:
        schema: dict[str, object] = {"type": "array"}
        for _ in range(400):
            schema = {"type": "array", "items": schema}

        assert normalise_schema(schema, vendor=vendor)["type"] == "array"

    @pytest.mark.parametrize("vendor", ["deepseek", "openai", "google", ""])
    @pytest.mark.parametrize("schema", [{}, {"type": "object"}, {"type": None, "properties": None}])
    def test_the_root_is_an_object_with_properties(self, vendor: str, schema: Json) -> None:
        assert normalise_schema(schema, vendor=vendor) == {"type": "object", "properties": {}}

    def test_openai_gets_items_for_every_array(self) -> None:
        schema = {
            "type": "object",
            "properties": {"type": {"type": "array"}, "b": {"anyOf": [{"type": "array"}, {"type": "null"}]}},
            "default": {"type": "array"},
        }

        assert normalise_schema(schema, vendor="openai") == {
            "type": "object",
            "properties": {
                "type": {"type": "array", "items": {}},
                "b": {"anyOf": [{"type": "array", "items": {}}, {"type": "null"}]},
            },
            "default": {"type": "array"},
        }


class TestStrictRules:
    @pytest.mark.parametrize(
        ("schema", "expected"),
        [
            ({"type": "string"}, True),
            ({"type": "object", "properties": {}, "additionalProperties": False}, True),
            ({"type": "object", "properties": {"a": {}}, "required": ["a"], "additionalProperties": False}, True),
            ({"type": "object", "properties": {"a": {}}, "additionalProperties": False}, False),
            ({"type": "object", "properties": {"a": {}}, "required": ["a"]}, False),
            ({"type": "array", "items": {"type": "object"}}, False),
            ({"anyOf": [{"type": "object"}]}, False),
            ({"$defs": {"a": {"type": "object"}}}, False),
            ({"type": "object", "properties": [], "required": 1, "additionalProperties": False}, False),
        ],
    )
    def test_closed_objects_with_all_properties_required(self, schema: Json, expected: bool) -> None:
        assert meets_strict_rules(schema) is expected


class TestGemini:
    @pytest.mark.parametrize(
        ("schema", "expected"),
        [
            ({"type": "integer", "exclusiveMinimum": 0}, {"type": "integer", "minimum": 0}),
            ({"type": "number", "exclusiveMaximum": True, "maximum": 5}, {"type": "number", "maximum": 5}),
            ({"const": "a"}, {"type": "string", "enum": ["a"]}),
            ({"const": 5}, {"type": "integer"}),
            ({"enum": ["a", "b", None]}, {"type": "string", "enum": ["a", "b"], "nullable": True}),
            ({"type": "integer", "enum": [1, 2]}, {"type": "integer"}),
            ({"type": "string", "enum": ["", "a"]}, {"type": "string"}),
            ({"type": "string", "format": "date-time"}, {"type": "string", "format": "date-time"}),
            ({"type": "string", "format": "uri"}, {"type": "string"}),
            ({"type": ["string", "null"]}, {"type": "string", "nullable": True}),
            ({"type": ["string", "integer"]}, {"anyOf": [{"type": "string"}, {"type": "integer"}]}),
            (
                {"anyOf": [{"type": "string"}, {"type": "null"}], "description": "d"},
                {"type": "string", "nullable": True, "description": "d"},
            ),
            (
                {"oneOf": [{"type": "string"}, {"type": "integer", "description": "n"}], "description": "d"},
                {"anyOf": [{"type": "string", "description": "d"}, {"type": "integer", "description": "n"}]},
            ),
            (
                {"type": "string", "anyOf": [{"minLength": 2}, {"maxLength": 0}]},
                {"anyOf": [{"type": "string", "minLength": 2}, {"type": "string", "maxLength": 0}]},
            ),
            ({"type": "object", "additionalProperties": {"type": "string"}}, {"type": "object"}),
            (
                {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a", "gone"]},
                {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]},
            ),
            ({"allOf": [{"type": "string"}, {"minLength": 2}]}, {"type": "string", "minLength": 2}),
            ({"$ref": "#/nowhere", "type": "string"}, {"type": "string"}),
            ({"type": "string", "default": "a", "$comment": "c", "not": {}}, {"type": "string"}),
        ],
    )
    def test_keywords_it_lacks_are_loosened(self, schema: Json, expected: Json) -> None:
        assert in_gemini(schema) == expected

    @pytest.mark.parametrize("schema", [{}, True, {"type": "whatever"}, {"description": "d"}, {"$ref": "other.json"}])
    def test_a_schema_without_a_type_allows_every_type(self, schema: Any) -> None:
        assert [branch["type"] for branch in in_gemini(schema)["anyOf"]] == [
            "string",
            "number",
            "boolean",
            "object",
            "array",
        ]

    def test_an_object_that_is_one_of_several_keeps_their_properties(self) -> None:
        schema = {
            "type": "object",
            "oneOf": [
                {"properties": {"a": {"type": "string"}}, "required": ["a"]},
                {"properties": {"b": {"type": "integer"}}},
            ],
        }

        assert in_gemini(schema) == {
            "anyOf": [
                {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]},
                {"type": "object", "properties": {"b": {"type": "integer"}}},
            ]
        }

    def test_a_union_at_the_root_becomes_optional_properties(self) -> None:
        schema = {
            "anyOf": [{"properties": {"a": {"type": "string"}}, "required": ["a"]}],
            "properties": {"b": {"type": "string"}},
            "required": ["b"],
        }

        assert gemini_schema(schema) == {
            "type": "object",
            "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
            "required": ["b"],
        }

    def test_references_are_put_in_place(self) -> None:
        schema = {
            "type": "object",
            "properties": {"a": {"$ref": "#/$defs/Name", "description": "here"}},
            "$defs": {"Name": {"type": "string", "maxLength": 5}},
        }

        assert gemini_schema(schema)["properties"]["a"] == {"type": "string", "maxLength": 5, "description": "here"}

    def test_a_circle_of_references_ends_in_an_open_object(self) -> None:
        node = {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}, "value": {"type": "string"}}}
        converted = gemini_schema({"$defs": {"Node": node}, "properties": {"first": {"$ref": "#/$defs/Node"}}})

        assert converted["properties"]["first"]["properties"] == {
            "next": {"type": "object"},
            "value": {"type": "string"},
        }

    def test_references_that_multiply_are_cut_off(self) -> None:
        levels = {f"L{n}": {"allOf": [{"$ref": f"#/$defs/L{n + 1}"}] * 3} for n in range(40)}
        doubled = {
            f"P{n}": {"type": "object", "properties": {name: {"$ref": f"#/$defs/P{n + 1}"} for name in "abc"}}
            for n in range(40)
        }
        schema = {
            "properties": {"l": {"$ref": "#/$defs/L0"}, "p": {"$ref": "#/$defs/P0"}},
            "$defs": {**levels, **doubled},
        }

        assert sum(1 for _ in nodes(gemini_schema(schema))) < 50_000

    @pytest.mark.parametrize("name", request_files("/v1/messages"))
    def test_recorded_tools_fit(self, name: str) -> None:
        for offered in recorded_body(name).get("tools", []):
            if "input_schema" in offered:
                assert_fits(gemini_schema(offered["input_schema"]))


def assert_fits(schema: Json) -> None:
    for node in nodes(schema):
        assert node.keys() <= GEMINI_KEYWORDS
        assert node.keys() == {"anyOf"} or isinstance(node["type"], str)
        assert node.get("type") != "array" or "items" in node


NAMES = st.sampled_from(["a", "b"])
SCALARS = st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "abc"])
FLAT = SCALARS | st.dictionaries(NAMES, SCALARS, max_size=2)
INSTANCES = FLAT | st.lists(FLAT, max_size=2) | st.dictionaries(NAMES, FLAT, max_size=2)
TYPES = st.sampled_from(["string", "number", "integer", "boolean", "object", "array"])


def optional(**keywords: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    return st.fixed_dictionaries({}, optional=keywords)


def always(**values: Any) -> st.SearchStrategy[Json]:
    return st.just(values)


def both(first: st.SearchStrategy[Json], second: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    return st.builds(lambda one, two: {**one, **two}, first, second)


def leaves(*references: str) -> st.SearchStrategy[Any]:
    short = optional(maxLength=st.integers(0, 3), pattern=st.just("^a"), format=st.just("uri"))
    bounded = optional(exclusiveMinimum=st.integers(-3, 3), maximum=st.integers(-3, 3), multipleOf=st.just(2))
    return (
        st.booleans()
        | st.builds(lambda types: {"type": types}, TYPES | st.lists(TYPES, min_size=1, max_size=3, unique=True))
        | st.builds(lambda value: {"const": value}, SCALARS)
        | st.builds(lambda values: {"enum": values}, st.lists(SCALARS, min_size=1, max_size=3))
        | both(always(type="string"), short)
        | both(always(type="integer"), bounded)
        | st.sampled_from([{"$ref": f"#/$defs/{name}"} for name in references] or [{}])
    )


def composed(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    some = st.lists(inner, min_size=1, max_size=3)
    an_object = both(
        always(type="object"),
        optional(
            properties=st.dictionaries(NAMES, inner, max_size=2),
            required=st.lists(NAMES, max_size=2, unique=True),
            additionalProperties=inner,
            propertyNames=st.just({"pattern": "^a"}),
        ),
    )
    return (
        an_object
        | both(always(type="array"), optional(items=inner, minItems=st.integers(0, 2), contains=inner))
        | st.builds(lambda members: {"anyOf": members}, some)
        | st.builds(lambda members: {"oneOf": members}, some)
        | st.builds(lambda members: {"allOf": members}, st.lists(an_object, min_size=1, max_size=2))
    )


def schemas(*references: str) -> st.SearchStrategy[Any]:
    ends = leaves(*references)
    return ends | composed(ends) | composed(ends | composed(ends))


def as_json_schema(node: Any) -> Any:
    """Gemini's `nullable` in the words of JSON Schema."""
    plain: Json = {name: value for name, value in node.items() if name != "nullable"}
    if "properties" in plain:
        plain["properties"] = {name: as_json_schema(inner) for name, inner in plain["properties"].items()}
    if "items" in plain:
        plain["items"] = as_json_schema(plain["items"])
    if "anyOf" in plain:
        plain["anyOf"] = [as_json_schema(inner) for inner in plain["anyOf"]]
    return {"anyOf": [plain, {"type": "null"}]} if node.get("nullable") else plain


def is_valid(instance: Any, schema: Any) -> bool:
    return bool(jsonschema.Draft202012Validator(schema).is_valid(instance))


@given(schema=schemas("A", "B"), first=schemas("B"), second=schemas(), instance=INSTANCES)
def test_what_a_schema_describes_is_valid_for_gemini(schema: Any, first: Any, second: Any, instance: Any) -> None:
    whole = {"type": "object", "properties": {"p": schema}, "$defs": {"A": first, "B": second}}
    before = deepcopy(whole)
    converted = gemini_schema(whole)

    assert whole == before
    assert_fits(converted)
    assert not is_valid({"p": instance}, whole) or is_valid({"p": instance}, as_json_schema(converted))


KEYWORDS = st.sampled_from(
    sorted({*GEMINI_KEYWORDS, "$ref", "$defs", "allOf", "oneOf", "const", "exclusiveMinimum", "additionalProperties"})
)
NONSENSE = st.recursive(
    st.none() | SCALARS | st.just("#/properties"),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYWORDS, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(KEYWORDS, NONSENSE), st.sampled_from(["openai", "google", "deepseek"]), st.booleans())
@example({"format": [], "type": "string"}, "google", False)
def test_nonsense_is_never_a_crash(schema: Json, vendor: str, root_object: bool) -> None:
    before = deepcopy(schema)
    normalise_schema(schema, vendor=vendor, root_object=root_object)

    assert meets_strict_rules(schema) in {True, False}
    assert schema == before
