"""The thinking of earlier turns that a model may see again: its vendor's own, as it was handed out, and no other.

Anthropic's models refuse thinking that somebody else signed or nobody did, and other vendors do the same with
their encrypted reasoning. So foreign blocks are left out; what is left is not touched, and nothing is signed here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from openrouter_anthropic_server.conversion.chat_context import NoteBook
from openrouter_anthropic_server.conversion.notes import Note
from openrouter_anthropic_server.conversion.reasoning_envelope import ENVELOPE_PREFIX
from openrouter_anthropic_server.conversion.thinking_origins import Origin, Target, looks_like_anthropics
from openrouter_anthropic_server.conversion.vendors import ANTHROPIC
from openrouter_anthropic_server.errors import InvalidRequestError

Block = dict[str, Any]
Message = dict[str, Any]
Body = dict[str, Any]

_KINDS = frozenset({"thinking", "redacted_thinking"})
_PLAIN = frozenset({"role", "content"})
_NEEDS_THINKING = "clear_thinking_20251015"

_UNSIGNED = "thinking without a signature"
_FOREIGN = "thinking of another vendor's model"
_UNKNOWN = "thinking whose signature is not this vendor's"
_PACKED = "reasoning of another wire"
_REFUSED = "thinking that the upstream has refused before"
_REFUSED_NOW = "the upstream refused the thinking of earlier turns"


@dataclass(frozen=True, slots=True)
class OwnHistory:
    """A request whose history holds only thinking that its target may see, and what was left out for that."""

    body: Body
    notes: tuple[Note, ...]


def thinking_blocks(messages: list[Message]) -> list[Block]:
    """All thinking in the assistant turns of a valid request, redacted or not."""
    return [
        block
        for message in messages
        if message["role"] == "assistant" and type(message["content"]) is list
        for block in message["content"]
        if block["type"] in _KINDS
    ]


def holds_thinking(messages: list[Message]) -> bool:
    """Whether there is any thinking in the assistant turns, newest first: it is mostly in the last one."""
    for message in reversed(messages):
        if message["role"] == "assistant" and type(content := message["content"]) is list:
            for block in content:
                if block["type"] in _KINDS:
                    return True
    return False


def last_assistant_turn(messages: list[Message]) -> list[Message]:
    """The assistant's last messages that stand in a row."""
    groups = [list(group) for ours, group in groupby(messages, key=_is_assistants) if ours]
    return groups[-1] if groups else []


def signature_of(block: Block) -> str:
    """What the vendor of a thinking block knows it by; "" for a block that nobody signed."""
    return block.get("signature" if block["type"] == "thinking" else "data") or ""


def may_see(signature: str, target: Target, origins: Mapping[str, Origin]) -> bool:
    """Whether `target` may see thinking with this signature; `origins` holds what is known of signatures."""
    return _objection(signature, target, origins) is None


def own_history(
    body: Body, target: Target, origins: Mapping[str, Origin], *, budget_is_ours: bool = False
) -> OwnHistory:
    """The request with the thinking that `target` may see. `body` is a valid request and is not changed.

    Where the tool loop that is going on loses the thinking at its head, and the model would insist on that, thinking
    is switched off. `budget_is_ours`: the client asked for another kind of thinking, which can do without.
    """
    history = _without(body, lambda block: _objection(signature_of(block), target, origins))
    if (budget_is_ours or _is_led(body, target)) and not _is_led(history.body, target):
        return _switched_off(history, target)
    return history


def without_thinking(body: Body, target: Target) -> OwnHistory | None:
    """The request without any thinking of earlier turns, after the upstream refused it; None if it holds none.

    Where thinking has to stand at the head of the tool loop that is going on, it is switched off.
    """
    history = _without(body, lambda _block: _REFUSED_NOW)
    if not _is_led(history.body, target):
        return _switched_off(history, target)
    return history if history.notes else None


# ---------------------------------------------------------------- which blocks


def _objection(signature: str, target: Target, origins: Mapping[str, Origin]) -> str | None:
    """Why `target` may not see the thinking with this signature; None if it may."""
    if not signature:
        return _UNSIGNED if target.vendor == ANTHROPIC else None
    packed = signature.startswith(ENVELOPE_PREFIX)
    if packed and not target.packed:
        return _PACKED
    origin = origins.get(signature)
    if origin is not None and target.upstream in origin.refused_by:
        return _REFUSED
    if origin is not None and origin.vendor:
        return None if origin.vendor == target.vendor else _FOREIGN
    # An envelope names the vendor of each of its parts: the conversion looks at them one by one.
    return None if packed or _may_be_own(signature, target) else _UNKNOWN


def _may_be_own(signature: str, target: Target) -> bool:
    if target.vendor == ANTHROPIC:
        return looks_like_anthropics(signature)
    # The chat wire cannot carry it: there the conversion leaves the signature out, and the text in.
    return target.packed or not looks_like_anthropics(signature)


# ---------------------------------------------------------------- leaving out


def _without(body: Body, objection: Callable[[Block], str | None]) -> OwnHistory:
    notes = NoteBook()
    messages: list[Message] = []
    gap = False
    for number, message in enumerate(body["messages"]):
        kept = _kept(message, f"messages.{number}", objection, notes)
        if kept is None:
            gap = True
            continue
        if gap and _are_one_turn(messages, kept):
            messages[-1] = _joined(messages[-1], kept)
        else:
            messages.append(kept)
        gap = False
    if not messages:
        raise InvalidRequestError("messages: they hold nothing but thinking that this model may not see")
    return OwnHistory({**body, "messages": messages}, notes.notes())


def _kept(message: Message, path: str, objection: Callable[[Block], str | None], notes: NoteBook) -> Message | None:
    """The message without the blocks that there is an objection to; None if they are all that it holds."""
    content = message["content"]
    if message["role"] != "assistant" or type(content) is not list:
        return message
    kept = []
    for place, block in enumerate(content):
        reason = objection(block) if block["type"] in _KINDS else None
        if reason is None:
            kept.append(block)
        else:
            notes.not_sent(f"{path}.content.{place}", reason)
    if len(kept) == len(content):
        return message
    return {**message, "content": kept} if kept else None


def _are_one_turn(messages: list[Message], following: Message) -> bool:
    """Whether both turns beside one that is gone are the user's, and hold nothing but content."""
    return bool(messages) and all(
        message["role"] == "user" and message.keys() == _PLAIN for message in (messages[-1], following)
    )


def _joined(first: Message, second: Message) -> Message:
    return {"role": "user", "content": [*_blocks(first["content"]), *_blocks(second["content"])]}


def _blocks(content: str | list[Block]) -> list[Block]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    return content


# ---------------------------------------------------------------- thinking that has to be there


def has_budget(body: Body, kinds: frozenset[str] | None) -> bool:
    """Whether a model that takes these kinds of thinking will be asked to think within a budget."""
    thinking = body.get("thinking")
    kind = thinking.get("type") if thinking is not None else None
    if kind is None or kinds is None or kind in kinds:
        return kind == "enabled"
    return kind != "disabled" and "enabled" in kinds


def _is_led(body: Body, target: Target) -> bool:
    """Whether the tool loop at the end of the conversation begins with thinking, or need not.

    Anthropic's models insist on it where they think within a budget.
    """
    if target.vendor != ANTHROPIC or not has_budget(body, target.kinds):
        return True
    head = _head_of_loop(body["messages"])
    return head is None or (bool(head) and head[0]["type"] in _KINDS)


def _head_of_loop(messages: list[Message]) -> list[Block] | None:
    """What the assistant began to say in the tool loop that is going on; None if there is no loop.

    Turns of one role in a row are one turn, and system messages belong to the user's.
    """
    turns = [list(turn) for _, turn in groupby(messages, key=_is_assistants)]
    head = None
    while len(turns) >= 2 and any(map(_holds_result, turns[-1])):
        head = _blocks(turns[-2][0]["content"])
        del turns[-2:]
    return head


def _is_assistants(message: Message) -> bool:
    return bool(message["role"] == "assistant")


def _holds_result(message: Message) -> bool:
    content = message["content"]
    return type(content) is list and any(block["type"] == "tool_result" for block in content)


def _switched_off(history: OwnHistory, target: Target) -> OwnHistory:
    body = {name: value for name, value in history.body.items() if name != "thinking"}
    if target.kinds is None or "disabled" in target.kinds:
        body["thinking"] = {"type": "disabled"}
    notes = NoteBook()
    notes.converted("thinking", "off for this request: the tool calls before it have no thinking of this model")
    management = body.get("context_management") or {}
    edits = management.get("edits") or []
    kept = [edit for edit in edits if edit.get("type") != _NEEDS_THINKING]
    if len(kept) < len(edits):
        notes.not_sent("context_management.edits", "there is no thinking to clear")
        body["context_management"] = {**management, "edits": kept}
    return OwnHistory(body, (*history.notes, *notes.notes()))
