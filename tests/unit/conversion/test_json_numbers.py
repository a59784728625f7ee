"""Whole numbers keep all their digits, on the way in and out."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openrouter_anthropic_server.conversion.json_text import (
    dump_json,
    has_long_number,
    parse_json,
    parse_lenient,
    with_exact_numbers,
)


@given(before=st.text("ab1 ,", max_size=40), digits=st.integers(1, 60), after=st.text("ab1 ,", max_size=40))
def test_long_numbers_are_found_wherever_they_stand(before: str, digits: int, after: str) -> None:
    text = f"{before}x{'7' * digits}x{after}".encode()

    assert has_long_number(text) is (digits >= 19)


@pytest.mark.parametrize("number", [2**53 + 1, 2**64 - 1, -(2**63), 2**64, -(2**63) - 1, 12345678901234567890123])
def test_whole_numbers_of_any_size_come_through(number: int) -> None:
    body = b'{"input":{"a":%d}}' % number

    parsed = with_exact_numbers(parse_json(body), body)

    assert parsed["input"]["a"] == number
    assert isinstance(parsed["input"]["a"], int)
    assert dump_json(parsed) == body


def test_nesting_that_orjson_does_not_write_is_written() -> None:
    value: object = 1
    for _ in range(400):
        value = [value]

    assert orjson.loads(dump_json(value)) == value


def test_half_surrogate_pairs_of_an_upstream_are_replaced_not_refused() -> None:
    assert parse_lenient(rb'{"a":"x\ud83d","b":"\ud83d\ude00"}') == {"a": "x\ufffd", "b": "\U0001f600"}


@pytest.mark.parametrize("text", [b"{", b'{"a":1e400}', b"", b"nothing"])
def test_what_is_no_json_is_a_value_error(text: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - any kind: callers say what was not JSON
        parse_lenient(text)
