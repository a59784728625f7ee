"""A request of any form as the body of a Messages request."""

from typing import Any

from openrouter_anthropic_server.conversion.chat_context import NoteBook
from openrouter_anthropic_server.conversion.from_gemini import from_gemini
from openrouter_anthropic_server.conversion.from_openai_chat import from_openai_chat
from openrouter_anthropic_server.conversion.universal_forms import UniversalOptions
from openrouter_anthropic_server.errors import InvalidRequestError


def messages_body(options: UniversalOptions, max_tokens: int, notes: NoteBook) -> dict[str, Any]:
    """The body for the Messages API; `max_tokens` is for a form in which a client may leave the limit out.

    Raises `InvalidRequestError` naming what cannot be carried.
    """
    if options.input_form == "anthropic_messages":
        body = options.body
    else:
        body = _read(options, notes)
        if body.get("max_tokens") is None:
            notes.converted("max_tokens", f"the request sets no limit: {max_tokens}")
            body["max_tokens"] = max_tokens
        _make_room_for_thinking(body, notes)
    return {**body, "model": options.model, "stream": options.stream}


def _read(options: UniversalOptions, notes: NoteBook) -> dict[str, Any]:
    read = from_gemini if options.input_form == "google_gemini" else from_openai_chat
    try:
        return read(options.body, notes)
    except RecursionError:
        raise InvalidRequestError("The request is nested too deeply to be passed on") from None


def _make_room_for_thinking(body: dict[str, Any], notes: NoteBook) -> None:
    """The Messages API counts thinking as output: there must be room for both."""
    budget = (body.get("thinking") or {}).get("budget_tokens")
    limit = body["max_tokens"]
    if isinstance(budget, int) and isinstance(limit, int) and limit <= budget:
        notes.converted("max_tokens", f"{limit} leaves no room beside {budget} tokens of thinking: {limit + budget}")
        body["max_tokens"] = limit + budget
