"""Efforts that turns of a conversation set, for models that take one effort for the whole request."""

from typing import Any, Final

from openrouter_anthropic_server.conversion.chat_context import NoteBook

_FIELD: Final = "output_config"


def has_turn_effort(messages: list[dict[str, Any]]) -> bool:
    """Whether a turn sets an effort."""
    for message in messages:  # noqa: SIM110 - a generator costs more than the loop
        if _FIELD in message and _effort_of(message) is not None:
            return True
    return False


def with_one_effort(body: dict[str, Any], notes: NoteBook) -> dict[str, Any]:
    """`body` with the effort of the last turn that sets one as the request's; the same object if none does."""
    if not has_turn_effort(body["messages"]):
        return body
    last = path = ""
    messages: list[dict[str, Any]] = []
    for number, message in enumerate(body["messages"]):
        effort = _effort_of(message)
        if effort is None:
            messages.append(message)
            continue
        if path:
            notes.not_sent(path, "the effort of a later turn holds for the whole request")
        last, path = effort, f"messages.{number}.{_FIELD}.effort"
        messages.append(_without_effort(message))
    notes.converted(path, "sent as output_config.effort, for the whole request")
    return {**body, "messages": messages, _FIELD: {**(body.get(_FIELD) or {}), "effort": last}}


def _effort_of(message: dict[str, Any]) -> str | None:
    config = message.get(_FIELD)
    effort = config.get("effort") if isinstance(config, dict) else None
    return effort if isinstance(effort, str) else None


def _without_effort(message: dict[str, Any]) -> dict[str, Any]:
    rest = {name: value for name, value in message[_FIELD].items() if name != "effort"}
    kept = {name: value for name, value in message.items() if name != _FIELD}
    return {**kept, _FIELD: rest} if rest else kept
