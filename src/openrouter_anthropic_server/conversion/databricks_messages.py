"""Chat messages as Databricks takes them. Reads its input, never changes it.

From its REST reference: the role system only once and first; content that is a list only for Claude and for images;
a tool result is text. From reports of its users: empty texts are refused, and models other than Claude want each tool
result directly behind an assistant message with just its call.
"""

from collections.abc import Callable, Mapping
from typing import Any

from openrouter_anthropic_server.conversion.chat_context import ChatContext, Part

ChatMessage = dict[str, Any]

NO_OUTPUT = "(no output)"
"""Content of a tool result that has none."""

_REMINDER = "<system-reminder>\n{}\n</system-reminder>"
"""Around a system message inside the conversation: Claude Code's own form for models that take none."""

_FILE = "file"
_IMAGE = "image_url"


def fit_messages(messages: list[ChatMessage], ctx: ChatContext) -> list[ChatMessage]:
    """The messages in the order and form that the model takes at Databricks."""
    fitted: list[ChatMessage] = []
    for message in messages:
        for made in _RULES[message["role"]](message, not fitted, ctx):
            _append(fitted, made)
    if ctx.anthropic:
        return fitted
    return _one_call_at_a_time([_plain(message, ctx) for message in fitted], ctx)


def _system(message: ChatMessage, first: bool, ctx: ChatContext) -> list[ChatMessage]:
    if first:
        return [message]
    ctx.notes.converted("messages.role", "a system message inside the conversation became a reminder by the user")
    return [{"role": "user", "content": _REMINDER.format(_text(_parts(message["content"])))}]


def _user(message: ChatMessage, _first: bool, ctx: ChatContext) -> list[ChatMessage]:
    _refuse_files(message["content"], ctx)
    return [message]


def _assistant(message: ChatMessage, _first: bool, _ctx: ChatContext) -> list[ChatMessage]:
    if message.get("content"):
        return [message]
    return [{name: value for name, value in message.items() if name != "content"}]


def _tool(message: ChatMessage, _first: bool, ctx: ChatContext) -> list[ChatMessage]:
    content = message["content"]
    if type(content) is str and content.strip():
        return [message]
    _refuse_files(content, ctx)
    parts = _parts(content)
    texts = [part for part in parts if part["type"] == "text" and part["text"].strip()]
    images = [part for part in parts if part["type"] == _IMAGE]
    made = [{**message, "content": _tool_text(texts, bool(images), ctx)}]
    if images:
        ctx.notes.converted("messages.content", "images of a tool result stand in a message of the user behind it")
        label: Part = {"type": "text", "text": f"Images in the result of tool call {message['tool_call_id']}:"}
        made.append({"role": "user", "content": [label, *images]})
    return made


_RULES: Mapping[str, Callable[[ChatMessage, bool, ChatContext], list[ChatMessage]]] = {
    "system": _system,
    "user": _user,
    "assistant": _assistant,
    "tool": _tool,
}


def _tool_text(texts: list[Part], has_images: bool, ctx: ChatContext) -> Any:
    """Claude takes the parts, so that a cache marker stays where it is; the others a string."""
    if not texts:
        ctx.notes.converted("messages.content", "a tool result without text got a line that says so")
        return "(see the images below)" if has_images else NO_OUTPUT
    return texts if ctx.anthropic else _text(texts)


def _append(messages: list[ChatMessage], message: ChatMessage) -> None:
    """Add a message: behind tool results a user's message waits for the last of them, two of a user become one."""
    if message["role"] == "tool" and messages and messages[-1]["role"] == "user":
        messages.insert(len(messages) - 1, message)
    elif message["role"] == "user" and messages and messages[-1]["role"] == "user":
        content = [*_parts(messages[-1]["content"]), *_parts(message["content"])]
        messages[-1] = {"role": "user", "content": content}
    else:
        messages.append(message)


def _plain(message: ChatMessage, ctx: ChatContext) -> ChatMessage:
    """Content as a string where it is all text; no cache markers."""
    content = message.get("content")
    if not isinstance(content, list):
        return message
    if any("cache_control" in part for part in content):
        ctx.notes.not_sent("messages.cache_control", "only Claude models have prompt caches to mark")
    if all(part["type"] == "text" for part in content):
        return {**message, "content": _text(content)}
    unmarked = [{name: value for name, value in part.items() if name != "cache_control"} for part in content]
    return {**message, "content": unmarked}


def _one_call_at_a_time(messages: list[ChatMessage], ctx: ChatContext) -> list[ChatMessage]:
    """Turns with several calls, all of them answered, as one assistant message and one result for each call."""
    split: list[ChatMessage] = []
    position = 0
    while position < len(messages):
        message = messages[position]
        calls = message.get("tool_calls") or ()
        results = messages[position + 1 : position + 1 + len(calls)]
        by_call = {result.get("tool_call_id"): result for result in results if result["role"] == "tool"}
        if len(calls) < 2 or by_call.keys() != {call["id"] for call in calls}:
            split.append(message)
            position += 1
            continue
        ctx.notes.converted("messages.tool_calls", "parallel calls are shown one after the other")
        for number, call in enumerate(calls):
            turn = message if number == 0 else {"role": "assistant"}
            split += [{**turn, "tool_calls": [call]}, by_call[call["id"]]]
        position += 1 + len(calls)
    return split


def _refuse_files(content: Any, ctx: ChatContext) -> None:
    if isinstance(content, list) and any(part["type"] == _FILE for part in content):
        raise ctx.refusal("messages", "PDF documents, which Databricks takes on the messages wire only,")


def _parts(content: Any) -> list[Part]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    return list(content)


def _text(parts: list[Part]) -> str:
    return "\n\n".join(part["text"] for part in parts)
