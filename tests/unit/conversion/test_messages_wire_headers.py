"""Which of the client's headers travel to a Messages upstream."""

import pytest

from openrouter_anthropic_server.conversion.messages_wire import Upstream, forwarded_headers

SENT = {
    "Anthropic-Version": "2026-10-21",
    "anthropic-beta": "context-1m-2025-08-07,made-up-2030-01-01",
    "authorization": "Bearer secret",
    "x-api-key": "secret",
    "cookie": "a=b",
    "user-agent": "claude-cli/2.1.329",
}


def test_anthropic_gets_version_and_betas() -> None:
    assert forwarded_headers(SENT, upstream="anthropic") == {
        "anthropic-version": "2026-10-21",
        "anthropic-beta": "context-1m-2025-08-07,made-up-2030-01-01",
    }


def test_openrouter_gets_the_betas_under_its_own_name_too() -> None:
    assert forwarded_headers(SENT, upstream="openrouter") == {
        "anthropic-version": "2026-10-21",
        "anthropic-beta": "context-1m-2025-08-07,made-up-2030-01-01",
        "x-anthropic-beta": "context-1m-2025-08-07,made-up-2030-01-01",
    }


@pytest.mark.parametrize("upstream", ["anthropic", "openrouter"])
@pytest.mark.parametrize("headers", [{}, {"anthropic-version": "", "anthropic-beta": ""}], ids=["absent", "empty"])
def test_without_headers_the_old_version_is_named(headers: dict[str, str], upstream: Upstream) -> None:
    assert forwarded_headers(headers, upstream=upstream) == {"anthropic-version": "2023-06-01"}


def test_repeated_betas_are_joined() -> None:
    headers = {"anthropic-beta": "a", "Anthropic-Beta": "b,c"}

    assert forwarded_headers(headers, upstream="anthropic")["anthropic-beta"] == "a,b,c"
