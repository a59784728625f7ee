"""A whole Message as one document of another form. What that has no place for stands in its `provider_metadata`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from openrouter_anthropic_server.conversion.gemini_thoughts import thought_signature
from openrouter_anthropic_server.conversion.json_text import dump_json
from openrouter_anthropic_server.conversion.openai_reasoning import detail_of_block
from openrouter_anthropic_server.conversion.universal_terms import (
    annotation_of,
    extras_of,
    gemini_reason,
    gemini_usage,
    openai_reason,
    openai_usage,
    universal_usage,
)

Block = Mapping[str, Any]
Document = dict[str, Any]

_THINKING = ("thinking", "redacted_thinking")
_REPRESENTED = ("text", "tool_use", *_THINKING)


@dataclass(frozen=True, slots=True)
class AnswerOrigin:
    """Who answered, and when (seconds since the epoch); `fallback_from` is the model that failed before.

    `include_thoughts`: whether a client of Gemini's form wants to read the thoughts.
    """

    provider: str
    created: int
    fallback_from: str | None = None
    include_thoughts: bool = True


def openai_completion(message: Mapping[str, Any], origin: AnswerOrigin) -> Document:
    """A chat completion with one choice."""
    blocks = message["content"]
    texts = [block["text"] for block in blocks if block["type"] == "text"]
    answer: Document = {"role": "assistant", "content": "".join(texts) if texts else None, "refusal": None}
    thoughts = [block for block in blocks if block["type"] in _THINKING]
    if thoughts:
        answer["reasoning_content"] = "".join([block.get("thinking", "") for block in thoughts])
        answer["reasoning_details"] = [detail_of_block(block, index) for index, block in enumerate(thoughts)]
    if calls := [openai_call(block) for block in blocks if block["type"] == "tool_use"]:
        answer["tool_calls"] = calls
    if sources := [source for block in blocks for source in _sources(block)]:
        answer["annotations"] = sources
    usage = message.get("usage") or {}
    reason = openai_reason(message.get("stop_reason"))
    return {
        "id": completion_id(message),
        "object": "chat.completion",
        "created": origin.created,
        "model": message.get("model"),
        "choices": [{"index": 0, "message": answer, "logprobs": None, "finish_reason": reason}],
        "usage": openai_usage(usage),
        "provider_metadata": _metadata(message, origin),
    }


def gemini_response(message: Mapping[str, Any], origin: AnswerOrigin) -> Document:
    """A `GenerateContentResponse` with one candidate."""
    parts = [part for block in message["content"] for part in gemini_parts(block, origin)]
    content = {"role": "model", "parts": parts}
    reason = gemini_reason(message.get("stop_reason"))
    return {
        "candidates": [{"content": content, "finishReason": reason, "index": 0}],
        "usageMetadata": gemini_usage(message.get("usage") or {}),
        "modelVersion": message.get("model"),
        "responseId": message.get("id"),
        "providerMetadata": _metadata(message, origin),
    }


def universal_answer(message: Mapping[str, Any], origin: AnswerOrigin) -> Document:
    """The normalised answer: what the chunks of a stream say, joined."""
    blocks = message["content"]
    thoughts = [_thought(block) for block in blocks if block["type"] in _THINKING]
    calls = [
        {"id": block["id"], "name": block["name"], "input": block["input"]}
        for block in blocks
        if block["type"] == "tool_use"
    ]
    return {
        "type": "answer",
        "id": message.get("id"),
        "provider": origin.provider,
        "model": message.get("model"),
        "text": "".join([block["text"] for block in blocks if block["type"] == "text"]),
        "thinking": thoughts,
        "tool_calls": calls,
        "finish_reason": openai_reason(message.get("stop_reason")),
        "usage": universal_usage(message.get("usage") or {}),
        "provider_metadata": _metadata(message, origin),
    }


def completion_id(message: Mapping[str, Any]) -> str:
    """The id of a chat completion for a Message."""
    return f"chatcmpl-{str(message.get('id') or '').removeprefix('msg_')}"


def openai_call(block: Block) -> Document:
    """A `tool_use` block as a tool call."""
    function = {"name": block["name"], "arguments": dump_json(block["input"]).decode()}
    return {"id": block["id"], "type": "function", "function": function}


def gemini_parts(block: Block, origin: AnswerOrigin) -> list[Document]:
    """The parts of a whole block; none for kinds that Gemini's form has no place for."""
    kind = block["type"]
    if kind == "text":
        return [{"text": block["text"]}]
    if kind == "tool_use":
        return [{"functionCall": {"id": block["id"], "name": block["name"], "args": block["input"]}}]
    if kind not in _THINKING:
        return []
    if not origin.include_thoughts:
        return signature_parts(block, origin)
    part: Document = {"text": block.get("thinking", ""), "thought": True}
    signature = thought_signature(block)
    return [part | {"thoughtSignature": signature} if signature else part]


def signature_parts(block: Block, origin: AnswerOrigin) -> list[Document]:
    """The part for the signature alone of a block of thinking; none if it has none."""
    signature = thought_signature(block, with_text=not origin.include_thoughts)
    return [{"text": "", "thought": True, "thoughtSignature": signature}] if signature else []


def is_represented(kind: object) -> bool:
    """Whether the other forms have a place for blocks of this type."""
    return kind in _REPRESENTED


def _thought(block: Block) -> Document:
    if block["type"] == "redacted_thinking":
        return {"text": "", "redacted_data": block["data"]}
    return {"text": block.get("thinking", ""), "signature": block.get("signature", "")}


def _sources(block: Block) -> list[Document]:
    citations = block.get("citations") or []
    found = [annotation_of(citation) for citation in citations] if block["type"] == "text" else []
    return [source for source in found if source is not None]


def beginning_of(message: Mapping[str, Any], origin: AnswerOrigin) -> Document:
    """Who answered, and what the Message says beyond its content and usage."""
    metadata: Document = {"provider": origin.provider}
    if origin.fallback_from is not None:
        metadata["fallback_from"] = origin.fallback_from
    return metadata | extras_of(message)


def _metadata(message: Mapping[str, Any], origin: AnswerOrigin) -> Document:
    """Everything of the Message that the document does not say."""
    metadata = beginning_of(message, origin)
    if message.get("usage"):
        metadata["usage"] = message["usage"]
    others = [block for block in message["content"] if not is_represented(block["type"]) or block.get("citations")]
    return metadata | {"blocks": others} if others else metadata
