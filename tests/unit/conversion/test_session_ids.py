"""Session and user in the forms of `metadata.user_id` that versions of Claude Code have sent."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openrouter_anthropic_server.conversion.session_ids import session_id_of, user_of

UUID = "394dec49-9d6f-45f0-ad24-d47c7b776fea"
HASH = "bf2bb5ac933d9ca424f1698e0f446fedb79d3f0573bb6a1777ec0bb5ba0c7056"


@pytest.mark.parametrize(
    ("user_id", "session"),
    [
        (f'{{"device_id":"{HASH}","account_uuid":"","session_id":"{UUID}"}}', UUID),
        (f"user_{HASH}_account__session_{UUID}", UUID),
        (f"user_{HASH}_account_{UUID}_session_1-2", "1-2"),
        (HASH, None),
        ("someone@example.com", None),
        ("", None),
        ("{", None),
        ("[]", None),
        ('{"session_id":5}', None),
        ('{"session_id":""}', None),
        ('{"session_id":"' + "x" * 257 + '"}', None),
    ],
)
def test_the_session_is_found_in_every_form(user_id: str, session: str | None) -> None:
    assert session_id_of(user_id) == session


@pytest.mark.parametrize(
    ("user_id", "user"),
    [
        ("someone", "someone"),
        ("x" * 128, "x" * 128),
        ("x" * 129, sha256(b"x" * 129).hexdigest()),
        (f"user_{HASH}_account__session_{UUID}", f"user_{HASH}_account_"),
    ],
)
def test_the_user_is_the_id_without_the_session(user_id: str, user: str) -> None:
    assert user_of(user_id) == user


def test_the_user_stays_the_same_over_sessions_and_orders_of_keys() -> None:
    first = user_of('{"device_id":"d","account_uuid":"a","session_id":"1"}')

    assert first == user_of('{"session_id":"2","account_uuid":"a","device_id":"d"}')
    assert first != user_of('{"device_id":"e","account_uuid":"a","session_id":"1"}')


@given(st.text())
def test_any_text_has_a_user_of_bounded_length(user_id: str) -> None:
    assert len(user_of(user_id)) <= 128
    assert (session_id_of(user_id) or "") in user_id
