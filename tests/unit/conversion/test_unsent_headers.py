"""Headers that mean something to Anthropic only are noted where they do not go on."""

import pytest

from openrouter_anthropic_server.conversion.unsent_headers import unsent_headers

PROFILE = {"anthropic-user-profile-id": "profile_01"}


def test_betas_are_noted_on_the_chat_wire_only() -> None:
    headers = {"anthropic-beta": "context-management-2025-06-27"}

    (note,) = unsent_headers(headers, wire="chat", upstream=None)

    assert (note.kind, note.path) == ("not_sent", "anthropic-beta")
    assert unsent_headers(headers, wire="messages", upstream="openrouter") == ()


@pytest.mark.parametrize("upstream", ["openrouter", "databricks", None])
def test_an_account_of_anthropics_is_noted_elsewhere(upstream: str | None) -> None:
    (note,) = unsent_headers(PROFILE, wire="messages" if upstream else "chat", upstream=upstream)

    assert note.path == "anthropic-user-profile-id"
    assert "profile_01" not in note.detail


def test_anthropic_is_told_the_account() -> None:
    assert unsent_headers(PROFILE, wire="messages", upstream="anthropic") == ()


def test_other_headers_are_nobodys_business() -> None:
    assert unsent_headers({"user-agent": "x", "anthropic-beta": ""}, wire="chat", upstream=None) == ()
