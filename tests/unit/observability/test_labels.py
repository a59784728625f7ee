"""Foreign text in tags and facts."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openrouter_anthropic_server.conversion.session_ids import MAX_SESSION_ID
from openrouter_anthropic_server.observability.labels import label, session_tag


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("openai/gpt-5", "openai/gpt-5"),
        ("modèle 模型", "modèle 模型"),
        ("a\nb\x00c\td", "a b c d"),
        ("half \ud800 a pair", "half   a pair"),
        ("\u202egnp.exe", " gnp.exe"),
        ("", ""),
        ("x" * 300, "x" * 200),
    ],
)
def test_a_label_is_short_and_printable(text: str, shown: str) -> None:
    assert label(text) == shown


@given(st.text(st.characters(codec=None, exclude_categories=()), max_size=50), st.integers(0, 60))
def test_every_label_can_be_written_as_json_and_is_not_too_long(text: str, limit: int) -> None:
    found = label(text, limit)

    assert len(orjson.loads(orjson.dumps(found))) <= limit
    assert "\n" not in found


def test_no_two_session_ids_that_a_request_may_have_share_a_tag() -> None:
    longest = "s" * MAX_SESSION_ID

    assert session_tag(longest) == f"session:{longest}"
    assert session_tag("s" * 1000) == f"session:{longest}"


def test_a_key_in_a_label_is_redacted() -> None:
    assert label("model sk-ant-api03-secretsecret of mine") == "model [redacted] of mine"
