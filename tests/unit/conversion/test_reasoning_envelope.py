"""The envelope in thinking signatures: exact, and silent about anything that is none."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openrouter_anthropic_server.conversion.reasoning_envelope import (
    ENVELOPE_PREFIX,
    malformed_details,
    pack_reasoning,
    unpack_reasoning,
)
from openrouter_anthropic_server.errors import InvalidRequestError

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
TEXTS = ("type", "text", "data", "signature", "id", "summary", "format")
DETAILS = st.lists(
    st.builds(
        lambda known, others: {**others, **known},
        st.fixed_dictionaries({}, optional=dict.fromkeys(TEXTS, st.none() | st.text())),
        st.dictionaries(st.text().filter(lambda name: name not in TEXTS), VALUES, max_size=6),
    ),
    max_size=5,
)


@given(DETAILS)
def test_details_come_back_exactly_as_they_were(details: list[dict[str, Any]]) -> None:
    assert unpack_reasoning(pack_reasoning(details)) == details


@given(DETAILS)
def test_an_envelope_is_safe_in_any_json_string_and_url(details: list[dict[str, Any]]) -> None:
    body = pack_reasoning(details).removeprefix(ENVELOPE_PREFIX)

    assert all(character.isascii() and (character.isalnum() or character in "-_") for character in body)


@given(st.text() | st.text().map(lambda text: ENVELOPE_PREFIX + text))
def test_any_other_text_is_none_and_never_raises(text: str) -> None:
    unpacked = unpack_reasoning(text)

    assert unpacked is None or text.startswith(ENVELOPE_PREFIX)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "EqQBCkYIBxgCIkA",
        ENVELOPE_PREFIX,
        ENVELOPE_PREFIX + "!!!",
        ENVELOPE_PREFIX + "é",
        ENVELOPE_PREFIX + "e30",  # {}
        ENVELOPE_PREFIX + "WzFd",  # [1]
        ENVELOPE_PREFIX + "W3t9",  # [{} without its end
        pack_reasoning([{"type": "reasoning.text"}])[:-1],
    ],
)
def test_malformed_envelopes_are_none(text: str) -> None:
    assert unpack_reasoning(text) is None


def test_numbers_beyond_64_bits_and_deep_nesting_come_back_exactly() -> None:
    deep: Any = 0
    for _ in range(300):
        deep = [deep]
    details = [{"type": "x", "n": 123456789012345678901234567890}, {"type": "x", "deep": deep}]

    assert unpack_reasoning(pack_reasoning(details)) == details


def test_nesting_that_cannot_be_written_is_the_requests_mistake() -> None:
    deep: Any = 0
    for _ in range(5000):
        deep = [deep]

    with pytest.raises(InvalidRequestError, match="nested too deeply"):
        pack_reasoning([{"deep": deep}])


@pytest.mark.parametrize("field", ["type", "text", "data", "signature", "id", "summary", "format"])
@pytest.mark.parametrize("value", [{"a": 1}, ["a"], 5, False])
def test_entries_that_nobody_handed_out_are_left_out(field: str, value: object) -> None:
    good = {"type": "reasoning.text", "text": "hm", "signature": None}
    packed = pack_reasoning([{"type": "reasoning.encrypted", field: value}, good])

    assert unpack_reasoning(packed) == [good]
    assert (malformed_details(packed), malformed_details(pack_reasoning([good])), malformed_details("x")) == (1, 0, 0)
