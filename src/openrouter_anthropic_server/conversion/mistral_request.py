"""The last step of a conversion for Mistral: chat completions with rules of their own.

Refused there with 400 or 422, as its users report: ids of tool calls that are not nine letters and digits, a user's
message right after the result of a tool, an answer to continue without its mark, unknown fields.
"""

import re
import string
from collections.abc import Iterator
from hashlib import sha256
from typing import Any, Final

from openrouter_anthropic_server.conversion.chat_context import ChatContext
from openrouter_anthropic_server.conversion.litellm_history import unmarked_messages
from openrouter_anthropic_server.openai_types.chat import ChatRequest

Message = dict[str, Any]

_ID: Final = re.compile(r"[a-zA-Z0-9]{9}")
_ID_LETTERS: Final = string.ascii_letters + string.digits
_WITH_EFFORT: Final = re.compile(
    r"mistral-(?:small-(?:latest|26)|medium(?:$|-latest|-26|-3[.-]5)|large-4|vibe)", re.IGNORECASE
)
"""Models that think only if they are told to, by `reasoning_effort` "high" or "none"; Magistral always thinks."""


def fit_mistral(body: ChatRequest, ctx: ChatContext) -> ChatRequest:
    """`body` as Mistral takes it."""
    messages = unmarked_messages(body["messages"], ctx)
    fitted = {**body, "messages": list(_in_order(map(_with_short_ids, messages), ctx))}
    if fitted["messages"][-1]["role"] == "assistant":
        fitted["messages"][-1] = {**fitted["messages"][-1], "prefix": True}
    if "seed" in fitted:
        fitted["random_seed"] = fitted.pop("seed")
    effort = fitted.pop("reasoning_effort", None)
    if effort is not None:
        fitted |= _effort(effort, ctx)
    return fitted


def _effort(effort: str, ctx: ChatContext) -> dict[str, Any]:
    if not _WITH_EFFORT.match(ctx.model):
        ctx.notes.not_sent("reasoning_effort", f"{ctx.model} takes no effort")
        return {}
    sent = "none" if effort == "none" else "high"
    if sent != effort:
        ctx.notes.converted("reasoning_effort", f"sent as '{sent}': {ctx.model} knows that and 'none'")
    return {"reasoning_effort": sent}


def _with_short_ids(message: Message) -> Message:
    if "tool_call_id" in message:
        return {**message, "tool_call_id": short_id(message["tool_call_id"])}
    calls = message.get("tool_calls")
    return message if not calls else {**message, "tool_calls": [{**call, "id": short_id(call["id"])} for call in calls]}


def short_id(call_id: str) -> str:
    """Nine letters and digits that stand for the id of a tool call: always the same ones, its own if it is such."""
    if _ID.fullmatch(call_id):
        return call_id
    digest = sha256(call_id.encode("utf-8", "surrogatepass")).digest()
    return "".join(_ID_LETTERS[byte % len(_ID_LETTERS)] for byte in digest[:9])


def _in_order(messages: Iterator[Message], ctx: ChatContext) -> Iterator[Message]:
    """The messages; what a user says right after results of tools goes into the last of them."""
    last: Message | None = None
    for message in messages:
        if last is not None and last["role"] == "tool" and message["role"] == "user":
            ctx.notes.converted("messages", "text after a tool_result is sent as a part of the result")
            last = {**last, "content": [*_parts(last), *_parts(message)]}
            continue
        if last is not None:
            yield last
        last = message
    if last is not None:
        yield last


def _parts(message: Message) -> list[dict[str, Any]]:
    content = message["content"]
    return [{"type": "text", "text": content}] if isinstance(content, str) else list(content)
