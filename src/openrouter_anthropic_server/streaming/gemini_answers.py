"""Gemini's answers (`GenerateContentResponse`) as chat completions.

A signature stands on one part of the answer and must come back on that part: on a call it becomes a reasoning detail
with the call's id, on a text one without. Gemini's texts of thoughts are summaries that it does not want back.
"""

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import uuid4

from openrouter_anthropic_server.conversion.gemini_signatures import signature_detail
from openrouter_anthropic_server.conversion.json_text import dump_json
from openrouter_anthropic_server.openai_types.chat import ChatChunk, ChatCompletion
from openrouter_anthropic_server.streaming.answer_forms import (
    AnswerForm,
    SseReader,
    completion,
    count_chunk,
    delta_chunk,
    failure_chunk,
    finish_chunk,
)

_FINISH = {"STOP": "stop", "FINISH_REASON_UNSPECIFIED": "stop", "MAX_TOKENS": "length"}
_REFUSED = frozenset(
    {
        *("SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII"),
        *("IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION"),
    }
)
_KNOWN = frozenset({"text", "thought", "thoughtSignature", "functionCall", "inlineData"})


class GeminiStream:
    """Reads the chunks of one streamed answer. Counts the calls: each is whole, in whichever chunk it comes."""

    __slots__ = ("_calls",)

    def __init__(self) -> None:
        self._calls = 0

    def read(self, body: Mapping[str, Any]) -> list[ChatChunk]:
        """The chat chunks of one chunk, a part each, so that their order is kept."""
        if "error" in body:
            return [{"choices": [], "error": body["error"]}]
        shell = _shell(body)
        chunks = [delta_chunk(delta, **shell) for part in _parts(body) for delta in self._deltas(part)]
        ending = _ending(body)
        return [*chunks, ending] if ending is not None else chunks

    def _deltas(self, part: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        signature = part.get("thoughtSignature")
        if "functionCall" in part:
            call = _call(part["functionCall"], self._calls)
            self._calls += 1
            yield {"reasoning_details": _signed(signature, call["id"]), "tool_calls": [call]}
            return
        delta = _content(part)
        if delta:
            yield delta
        if signature:
            yield {"reasoning_details": _signed(signature, None)}


def whole_answer(body: Mapping[str, Any]) -> ChatCompletion:
    """A complete answer."""
    message: dict[str, Any] = {"content": [], "tool_calls": [], "reasoning_details": [], "images": []}
    for part in _parts(body):
        call_id = None
        if "functionCall" in part:
            call = _call(part["functionCall"], len(message["tool_calls"]))
            call_id = call["id"]
            message["tool_calls"].append(call)
        message["reasoning_details"] += _signed(part.get("thoughtSignature"), call_id)
        for name, value in _content(part).items():
            message["images" if name == "images" else "content"] += _content_parts(name, value)
    ending = _ending(body) or failure_chunk("Gemini answered without a candidate")
    return completion({name: value for name, value in message.items() if value}, ending, **_shell(body))


GEMINI = AnswerForm(whole_answer, lambda: SseReader(GeminiStream().read))
"""`generateContent` and `streamGenerateContent?alt=sse`."""


def _ending(body: Mapping[str, Any]) -> ChatChunk | None:
    """What the body says of its end, with its counts; None while there is more to come."""
    candidate = _candidate(body)
    reason, blocked = candidate.get("finishReason"), (body.get("promptFeedback") or {}).get("blockReason")
    more = _shell(body)
    usage = body.get("usageMetadata")
    if usage and (reason or not candidate):
        more["usage"] = _usage(usage)
    if blocked or reason in _REFUSED:
        return finish_chunk("content_filter", str(blocked or reason), **more)
    if reason in _FINISH:
        return finish_chunk(_FINISH[reason], reason, **more)
    if reason:
        detail = candidate.get("finishMessage")
        return failure_chunk(f"Gemini broke its answer off: {reason}{f' ({detail})' if detail else ''}", **more)
    return count_chunk(**more) if "usage" in more else None


def _candidate(body: Mapping[str, Any]) -> Mapping[str, Any]:
    candidates = body.get("candidates") or [{}]
    first: Mapping[str, Any] = candidates[0]
    return first


def _parts(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return (_candidate(body).get("content") or {}).get("parts") or []


def _shell(body: Mapping[str, Any]) -> dict[str, Any]:
    names = {"modelVersion": "model", "responseId": "id"}
    return {ours: body[theirs] for theirs, ours in names.items() if body.get(theirs)}


def _content(part: Mapping[str, Any]) -> dict[str, Any]:
    """What a part shows: text, a thought, an image; other kinds are named, so that they are noted."""
    text = part.get("text")
    if text:
        return {"reasoning" if part.get("thought") else "content": text}
    blob = part.get("inlineData")
    if blob:
        url = f"data:{blob.get('mimeType')};base64,{blob.get('data')}"
        return {"images": [{"type": "image_url", "image_url": {"url": url}}]}
    kinds = [name for name in part if name not in _KNOWN]
    return {"content": [{"type": kinds[0]}]} if kinds else {}


def _content_parts(name: str, value: Any) -> list[Any]:
    if not isinstance(value, str):
        parts: list[Any] = value
        return parts
    return [{"type": "thinking", "thinking": value} if name == "reasoning" else {"type": "text", "text": value}]


def _call(call: Mapping[str, Any], index: int) -> dict[str, Any]:
    """A call; models before Gemini 3 give it no id."""
    function = {"name": call.get("name"), "arguments": dump_json(call.get("args") or {}).decode()}
    call_id = call.get("id") or f"toolu_{uuid4().hex[:24]}"
    return {"index": index, "id": call_id, "type": "function", "function": function}


def _signed(signature: str | None, call_id: str | None) -> list[dict[str, Any]]:
    return [signature_detail(signature, call_id)] if signature else []


def _usage(counts: Mapping[str, Any]) -> dict[str, Any]:
    """Thoughts are part of the answer; some versions count them among the candidates' tokens already."""
    prompt = counts.get("promptTokenCount", 0) + counts.get("toolUsePromptTokenCount", 0)
    visible, thoughts = counts.get("candidatesTokenCount", 0), counts.get("thoughtsTokenCount", 0)
    inclusive = prompt + visible == counts.get("totalTokenCount")
    return {
        "prompt_tokens": prompt,
        "completion_tokens": visible if inclusive else visible + thoughts,
        "prompt_tokens_details": {"cached_tokens": counts.get("cachedContentTokenCount", 0)},
        "completion_tokens_details": {"reasoning_tokens": thoughts},
    }
