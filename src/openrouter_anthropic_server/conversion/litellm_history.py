"""Messages of a chat request in the form in which LiteLLM brings them whole to Gemini, Cohere and Bedrock."""

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from openrouter_anthropic_server.conversion.chat_context import ChatContext, Part
from openrouter_anthropic_server.conversion.chat_parts import text_part
from openrouter_anthropic_server.conversion.gemini_calls import distinct_calls, refuse_orphans
from openrouter_anthropic_server.conversion.gemini_signatures import signatures_of

Message = dict[str, Any]
PartFit = Callable[[Part, ChatContext], Part]

_EMBEDDED: Final = "data:"
_OLD_GEMINI: Final = re.compile(r"(?:^|/)gemini-[12](?:\.|-)")
_NOTHING: Final = "(empty)"
"""The result of a tool that gave none; Cohere wants some content."""

_MOVED: Final = "content of tool results stands after them, in a message of the user"


def gemini_messages(messages: list[Message], ctx: ChatContext) -> list[Message]:
    """For Gemini: each signature on its call; before Gemini 3 a result of a tool holds nothing but text."""
    messages = _with_reminders(messages, ctx)
    if _OLD_GEMINI.search(ctx.model):
        messages = distinct_calls(_with_texts_as_results(messages, ctx), ctx)
    refuse_orphans(messages)
    return [_gemini_turn(_fitted(message, _embedded_unmarked, ctx), ctx) for message in messages]


def converse_messages(messages: list[Message], ctx: ChatContext) -> list[Message]:
    """For Bedrock: Claude gets its thinking back as it gave it."""
    reminded = _with_reminders(messages, ctx)
    return [_converse_turn(_fitted(message, _embedded, ctx), ctx) for message in reminded]


def is_redacted(message: Message) -> bool:
    """Whether a turn holds thinking of Claude's that only Claude can read."""
    return any(detail.get("data") for detail in message.get("reasoning_details") or ())


def cohere_messages(messages: list[Message], ctx: ChatContext) -> list[Message]:
    """For Cohere: text before calls is a plan; results of tools hold nothing but text."""
    texts = _with_texts_as_results(_with_reminders(messages, ctx), ctx)
    return [_cohere_turn(_fitted(message, _without_files, ctx), ctx) for message in texts]


def openai_messages(messages: list[Message], ctx: ChatContext) -> list[Message]:
    """For OpenAI and Azure: results of tools hold nothing but text."""
    texts = _with_texts_as_results(messages, ctx)
    return [_without_reasoning(_fitted(message, _embedded_file, ctx), ctx) for message in texts]


def unmarked_messages(messages: list[Message], ctx: ChatContext) -> list[Message]:
    """Without cache marks and earlier reasoning, which plain chat completions have no place for."""
    return [_without_reasoning(_fitted(message, _unmarked, ctx), ctx) for message in messages]


def _without_reasoning(message: Message, ctx: ChatContext) -> Message:
    if "reasoning_details" not in message:
        return message
    ctx.notes.not_sent("messages.thinking", f"{ctx.dialect.provider} takes no thinking back")
    return {name: value for name, value in message.items() if name != "reasoning_details"}


def _embedded_file(part: Part, ctx: ChatContext) -> Part:
    if part["type"] == "file" and not part["file"]["file_data"].startswith(_EMBEDDED):
        raise ctx.refusal("messages", "documents by URL (send them as base64)")
    return _unmarked(part, ctx)


def _with_reminders(messages: list[Message], ctx: ChatContext) -> list[Message]:
    """System messages between the turns as reminders in user turns: these providers know them only at the start."""
    turns: list[Message] = []
    for message in messages:
        if message["role"] != "system" or all(turn["role"] == "system" for turn in turns):
            turns.append(message)
            continue
        ctx.notes.converted("messages.role", "a system message between the turns is sent as a reminder in a user turn")
        reminders = [text_part(f"<system-reminder>\n{text}\n</system-reminder>") for text in _texts(message["content"])]
        if turns[-1]["role"] == "user":
            before = (
                [text_part(turns[-1]["content"])] if isinstance(turns[-1]["content"], str) else turns[-1]["content"]
            )
            turns[-1] = {"role": "user", "content": [*before, *reminders]}
        else:
            turns.append({"role": "user", "content": reminders})
    return turns


def _texts(content: Any) -> list[str]:
    return [content] if isinstance(content, str) else [part["text"] for part in content]


def _fitted(message: Message, fit: PartFit, ctx: ChatContext) -> Message:
    content = message.get("content")
    if not isinstance(content, list):
        return message
    return {**message, "content": [fit(part, ctx) for part in content]}


def _embedded(part: Part, ctx: ChatContext) -> Part:
    """The part; addresses are refused, because LiteLLM would fetch what they name from this machine."""
    kind = part["type"]
    url = part[kind]["url"] if kind == "image_url" else part[kind]["file_data"] if kind == "file" else _EMBEDDED
    if not url.startswith(_EMBEDDED):
        raise ctx.refusal("messages", "images and documents by URL (send them as base64)")
    return part


def _embedded_unmarked(part: Part, ctx: ChatContext) -> Part:
    return _unmarked(_embedded(part, ctx), ctx)


def _without_files(part: Part, ctx: ChatContext) -> Part:
    if part["type"] == "file":
        raise ctx.refusal("messages", "documents other than text")
    return _unmarked(part, ctx)


def _unmarked(part: Part, ctx: ChatContext) -> Part:
    if "cache_control" not in part:
        return part
    ctx.notes.not_sent("cache_control", f"{ctx.dialect.provider} caches by itself")
    return {name: value for name, value in part.items() if name != "cache_control"}


def _gemini_turn(message: Message, ctx: ChatContext) -> Message:
    details = message.get("reasoning_details")
    if not details:
        return message
    turn = {name: value for name, value in message.items() if name != "reasoning_details"}
    signatures = signatures_of(details)
    if len(signatures) < len(details):
        ctx.notes.not_sent("messages.thinking", "Gemini takes signatures of its own, no texts")
    if "tool_calls" in turn:
        turn["tool_calls"] = [_signed(call, signatures.get(call["id"])) for call in turn["tool_calls"]]
    called = {call["id"] for call in turn.get("tool_calls", ())}
    if any(call_id not in called for call_id in signatures if call_id is not None):
        ctx.notes.not_sent("messages.thinking", "a signature of a call that is not in the turn")
    if None in signatures and turn.get("content"):
        turn["content"] = _joined(turn["content"])
        turn["provider_specific_fields"] = {"thought_signatures": [signatures[None]]}
    return turn


def _signed(call: dict[str, Any], signature: str | None) -> dict[str, Any]:
    return call if signature is None else {**call, "provider_specific_fields": {"thought_signature": signature}}


def _joined(content: Any) -> str:
    """The text of a turn; LiteLLM puts a signature only on a text in one piece."""
    return "".join(_texts(content))


def _converse_turn(message: Message, ctx: ChatContext) -> Message:
    details = message.get("reasoning_details")
    if not details:
        return message
    turn = {name: value for name, value in message.items() if name != "reasoning_details"}
    if is_redacted(message):
        ctx.notes.not_sent(
            "messages.redacted_thinking", "LiteLLM cannot send it; the thinking beside it stays away too"
        )
        return turn
    signed = [detail for detail in details if detail.get("signature")]
    if len(signed) < len(details):
        ctx.notes.not_sent("messages.thinking", "thinking without a signature of Claude's")
    if signed:
        turn["thinking_blocks"] = [
            {"type": "thinking", "thinking": detail.get("text") or "", "signature": detail["signature"]}
            for detail in signed
        ]
    return turn


def _cohere_turn(message: Message, ctx: ChatContext) -> Message:
    if message["role"] != "assistant":
        return message if message["content"] else {**message, "content": _NOTHING}
    turn = {name: value for name, value in message.items() if name not in {"reasoning_details", "content"}}
    if "reasoning_details" in message:
        ctx.notes.not_sent("messages.thinking", "Cohere takes no thinking back")
    if message["content"]:
        if "tool_calls" in turn:
            turn["tool_plan"] = _joined(message["content"])
        else:
            turn["content"] = message["content"]
    return turn


def _with_texts_as_results(messages: list[Message], ctx: ChatContext) -> Iterator[Message]:
    """The messages, with what is not text in results of tools moved behind the last result of the turn."""
    moved: list[Part] = []
    for message in messages:
        if message["role"] != "tool":
            yield from _after_results(moved)
            moved = []
            yield message
        elif isinstance(message["content"], str):
            yield message
        else:
            others = [part for part in message["content"] if part["type"] != "text"]
            if others:
                ctx.notes.converted("messages.tool_result", _MOVED)
                moved += [{"type": "text", "text": f"Content of the result of {message['tool_call_id']}:"}, *others]
            texts = [part for part in message["content"] if part["type"] == "text"]
            yield {**message, "content": texts or "(see below)"}
    yield from _after_results(moved)


def _after_results(parts: list[Part]) -> Iterator[Message]:
    if parts:
        yield {"role": "user", "content": parts}
