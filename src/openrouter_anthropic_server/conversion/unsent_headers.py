"""Headers of a request that mean something to Anthropic's own API only: what does not reach an upstream is noted."""

from collections.abc import Mapping

from openrouter_anthropic_server.conversion.notes import Note

BETA = "anthropic-beta"
_ACCOUNT: Mapping[str, str] = {
    "anthropic-workspace-id": "workspaces are Anthropic's own",
    "anthropic-user-profile-id": "profiles are Anthropic's own",
}


def unsent_headers(headers: Mapping[str, str], *, wire: str, upstream: str | None) -> tuple[Note, ...]:
    """Notes on the headers (names in lower case) that stay here; `upstream` is whose Messages API is spoken, if any.

    On the messages wire the betas are the business of the request's body, whose fields they unlock.
    """
    notes: tuple[Note, ...] = ()
    if wire == "chat" and headers.get(BETA):
        notes = (Note("not_sent", BETA, "betas belong to Anthropic's wire"),)
    if upstream != "anthropic":
        notes += tuple(Note("not_sent", name, why) for name, why in _ACCOUNT.items() if headers.get(name))
    return notes
