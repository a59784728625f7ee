"""Validation of objects whose `type` says what they are, open to kinds that are not known yet."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypeVar, cast

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

HIDDEN = "~"
"""Marks parts of an error's location that are no field of the request; no JSON path of ours starts so."""


class Kinds:
    """Annotation for a JSON object: checked as `known[object["type"]]`, or as `other` for any other type.

    Statically the value stays a plain object, because unknown kinds are let through. `untyped` is
    the kind of an object whose `type` is absent or null. With `in_path` the kind is a part of error
    paths (`source.base64.data`), otherwise it is hidden.
    """

    def __init__(
        self, known: Mapping[str, Any], *, other: Any, untyped: str | None = None, in_path: bool = False
    ) -> None:
        self._known = known
        self._other = other
        self._untyped = untyped
        self._mark = "" if in_path else HIDDEN

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        choices: dict[Any, CoreSchema] = {
            self._mark + kind: handler.generate_schema(shape) for kind, shape in self._known.items()
        }
        choices[_OTHER] = handler.generate_schema(self._other)
        return core_schema.tagged_union_schema(choices, self._tagger())

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        *known, other = handler(schema)["oneOf"]
        types = [*self._known, *([] if self._untyped is None else [None])]
        return {"anyOf": [*known, {"allOf": [other, {"not": {"properties": {"type": {"enum": types}}}}]}]}

    def _tagger(self) -> Callable[[Any], str]:
        tags: dict[Any, str] = {kind: self._mark + kind for kind in self._known}
        if self._untyped is not None:
            tags[None] = self._mark + self._untyped

        def tag(value: Any) -> str:
            kind = value.get("type") if isinstance(value, dict) else _OTHER
            return tags.get(kind, _OTHER) if kind is None or isinstance(kind, str) else _OTHER

        return tag


class TextOr:
    """Annotation for a string or a list: the list is checked as `items`, anything else as a string."""

    def __init__(self, items: Any) -> None:
        self._items = items

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        choices: dict[Any, CoreSchema] = {
            TEXT_TAG: core_schema.str_schema(),
            _LIST: handler.generate_schema(self._items),
        }
        return core_schema.tagged_union_schema(choices, _text_or_list)


class _FirstMistake:
    """Annotation for a list. (Pydantic's own `FailFast` cannot be hashed, so not be part of a union.)"""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        schema: Any = handler(source)
        return cast(CoreSchema, {**schema, "fail_fast": True})


_T = TypeVar("_T")
Items = Annotated[list[_T], _FirstMistake()]
"""A list that is read up to its first mistake: a million wrong items must not become a million errors."""

TEXT_TAG = HIDDEN + "text-or-list"
_OTHER = HIDDEN + "other"
_LIST = HIDDEN + "list"


def _text_or_list(value: Any) -> str:
    return _LIST if isinstance(value, list) else TEXT_TAG
