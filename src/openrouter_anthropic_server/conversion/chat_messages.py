"""Messages in an order that chat completions accept: results directly after their calls, in the order of the calls."""

from collections.abc import Callable, Mapping
from typing import Any

from openrouter_anthropic_server.conversion.chat_assistant import AssistantDraft, add_assistant_content
from openrouter_anthropic_server.conversion.chat_content import (
    SYSTEM_RULES,
    USER_RULES,
    block_parts,
    collapsed,
    parts_of,
    plain_tool_message,
    tool_message,
)
from openrouter_anthropic_server.conversion.chat_context import ChatContext, Json, Part

BILLING_PREFIX = "x-anthropic-billing-header:"
"""Start of the line that Claude Code puts before its prompt. It changes between turns and so spoils prompt caches."""

ChatMessages = list[dict[str, Any]]

_PLAIN_MESSAGE = len(("role", "content"))
_FIELDS = frozenset({"role", "content", "output_config", "clear_at"})


def convert_messages(request: Json, ctx: ChatContext) -> ChatMessages:
    """The system prompt as the first message, then the conversation."""
    messages = _system_prompt(request.get("system"), ctx)
    transcript = Transcript(ctx)
    for position, message in enumerate(request["messages"]):
        if len(message) != _PLAIN_MESSAGE:
            _note_fields(message, f"messages.{position}", ctx)
        add = _ROLES.get(message["role"])
        if add is None:
            raise ctx.refusal(f"messages.{position}.role", f"messages with the role '{message['role']}'")
        add(transcript, message["content"], f"messages.{position}.content")
    return messages + transcript.messages()


class Transcript:
    """Builds the chat messages turn by turn.

    A segment is an assistant turn, the results of its calls and all that follows up to the next assistant turn. The
    results go directly after the turn, whatever stood before them: chat upstreams refuse anything in between.
    """

    __slots__ = ("_assistant", "_ctx", "_done", "_rest", "_results", "_user_open")

    def __init__(self, ctx: ChatContext) -> None:
        self._ctx = ctx
        self._done: ChatMessages = []
        self._assistant: AssistantDraft | None = None
        self._results: ChatMessages = []
        self._rest: ChatMessages = []
        self._user_open: list[Part] | None = None

    def messages(self) -> ChatMessages:
        """Everything so far."""
        self._close(None)
        return self._done

    def add_assistant(self, content: Any, path: str) -> None:
        """A turn of the assistant, merged with the one directly before it, as the Messages API does."""
        draft = self._assistant
        if draft is None or self._results or self._rest:
            draft = AssistantDraft(path)
            self._close(draft)
        add_assistant_content(content, path, self._ctx, draft)

    def add_user(self, content: Any, path: str) -> None:
        """A turn of the user: its results become tool messages, the rest one message."""
        if isinstance(content, str):
            if content:
                self._add_user_parts(parts_of(content, path, self._ctx, USER_RULES))
            return
        parts: list[Part] = []
        for position, block in enumerate(content):
            if not (parts or self._rest) and (plain := plain_tool_message(block)):
                self._results.append(plain)
                continue
            here = f"{path}.{position}"
            if block["type"] == "tool_result":
                if parts or self._rest:
                    self._ctx.notes.converted(here, "tool results stand directly after the calls, before other content")
                self._results.append(tool_message(block, here, self._ctx))
            else:
                parts += block_parts(block, here, self._ctx, USER_RULES)
        if parts:
            self._add_user_parts(parts)

    def add_system(self, content: Any, path: str) -> None:
        """A system message between the turns; an empty one is nothing."""
        parts = parts_of(content, path, self._ctx, SYSTEM_RULES)
        if parts:
            self._rest.append({"role": "system", "content": collapsed(parts)})
            self._user_open = None

    def _add_user_parts(self, parts: list[Part]) -> None:
        if self._user_open is not None:
            self._user_open += parts
            self._rest[-1]["content"] = collapsed(self._user_open)
            return
        self._user_open = parts
        self._rest.append({"role": "user", "content": collapsed(parts)})

    def _close(self, following: AssistantDraft | None) -> None:
        """End the segment and begin the one of the `following` turn."""
        turn, results = self._assistant, self._results
        if turn is not None:
            message = turn.message()
            if message is None:
                self._ctx.notes.not_sent(turn.path, "nothing of the turn is left to send")
            else:
                self._done.append(message)
            if len(results) > 1:
                results = _in_order_of_calls(results, turn.calls)
        self._done += results
        self._done += self._rest
        self._assistant, self._results, self._rest, self._user_open = following, [], [], None


_ROLES: Mapping[str, Callable[[Transcript, Any, str], None]] = {
    "user": Transcript.add_user,
    "assistant": Transcript.add_assistant,
    "system": Transcript.add_system,
}


def _in_order_of_calls(results: ChatMessages, calls: list[dict[str, Any]]) -> ChatMessages:
    """Results in the order of their calls; those without a call last, in their own order."""
    rank = {call["id"]: position for position, call in enumerate(calls)}
    return sorted(results, key=lambda result: rank.get(result["tool_call_id"], len(calls)))


def _system_prompt(system: Any, ctx: ChatContext) -> ChatMessages:
    content = system if ctx.anthropic else _without_billing_line(system, ctx)
    parts = parts_of(content, "system", ctx, SYSTEM_RULES)
    return [{"role": "system", "content": collapsed(parts)}] if parts else []


def _without_billing_line(system: Any, ctx: ChatContext) -> Any:
    if not system:
        return system
    first = system if isinstance(system, str) else system[0].get("text", "")
    if not first.startswith(BILLING_PREFIX):
        return system
    rest = first.partition("\n")[2]
    ctx.notes.not_sent("system" if isinstance(system, str) else "system.0", "the billing line is meant for Anthropic")
    if isinstance(system, str):
        return rest
    return [{**system[0], "text": rest}, *system[1:]] if rest else system[1:]


def _note_fields(message: Json, path: str, ctx: ChatContext) -> None:
    ctx.note_unknown(message, _FIELDS, path)
    if message.get("output_config"):
        ctx.notes.not_sent(f"{path}.output_config", "effort is set for the whole request")
    if message.get("clear_at"):
        ctx.notes.not_sent(f"{path}.clear_at", "the message stays in the conversation")
