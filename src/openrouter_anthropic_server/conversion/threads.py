"""Message threads: conversations that Anthropic's own API keeps, and no other upstream does."""

from collections.abc import Mapping
from typing import Any

from openrouter_anthropic_server.errors import InvalidRequestError


def refuse_thread(request: Mapping[str, Any]) -> None:
    """Refuse a request that leaves its history to the server: the model would answer without it.

    The SDK's tool runner knows this error code and goes on by sending the whole history.
    """
    if request.get("thread") is not None:
        raise InvalidRequestError(
            "thread: this backend keeps no conversations; send the whole history in messages",
            error_code="thread_unsupported_request",
        )
