"""Base64 is judged as a decoder would judge it, without decoding; objects are checked by their kind."""

import base64
import binascii
from typing import Annotated, Any

import pytest
from annotated_types import MinLen
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict

from openrouter_anthropic_server.anthropic_types.blocks import check_base64
from openrouter_anthropic_server.anthropic_types.kinds import Items, Kinds, TextOr


class Round(TypedDict):
    radius: int


class Shape(TypedDict):
    type: Annotated[str, MinLen(1)]


SHAPE: TypeAdapter[Any] = TypeAdapter(
    Annotated[dict[str, Any], Kinds({"circle": Round}, other=Shape, untyped="circle")]
)


@given(st.binary(min_size=1))
def test_what_an_encoder_writes_is_valid_base64(data: bytes) -> None:
    text = base64.b64encode(data).decode()

    assert check_base64(text) is text


@given(st.text(alphabet="Aa0+/=- \n\u00e9", min_size=1, max_size=12))
def test_base64_is_refused_exactly_where_a_strict_decoder_refuses_it(text: str) -> None:
    try:
        binascii.a2b_base64(text.encode("ascii"), strict_mode=True)
        decodes = len(text) % 4 == 0  # Python 3.11 takes one "=" too many after a whole group
    except (binascii.Error, UnicodeEncodeError):
        decodes = False

    try:
        check_base64(text)
        accepted = True
    except PydanticCustomError:
        accepted = False

    assert accepted == decodes


def test_empty_base64_is_refused() -> None:
    with pytest.raises(PydanticCustomError):
        check_base64("")


@pytest.mark.parametrize("value", [{"type": "circle", "radius": 1}, {"radius": 1}, {"type": None, "radius": 1}])
def test_a_known_kind_is_checked_as_its_shape(value: dict[str, Any]) -> None:
    SHAPE.validate_python(value, strict=True)
    with pytest.raises(ValidationError, match="radius"):
        SHAPE.validate_python({**value, "radius": "1"}, strict=True)


def test_an_unknown_kind_needs_no_more_than_a_type() -> None:
    SHAPE.validate_python({"type": "cube", "radius": "any"}, strict=True)


@pytest.mark.parametrize(
    "value", [{"type": ""}, {"type": 3}, {"type": ["circle"]}, {"type": {}}, [], "circle", None, 1]
)
def test_what_has_no_proper_kind_is_refused(value: object) -> None:
    with pytest.raises(ValidationError):
        SHAPE.validate_python(value, strict=True)


def test_of_many_wrong_items_only_the_first_is_reported() -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(Annotated[str | list[int], TextOr(Items[int])])

    with pytest.raises(ValidationError) as caught:
        adapter.validate_python([1, "2", "3"], strict=True)

    assert [error["loc"][-1] for error in caught.value.errors()] == [1]
