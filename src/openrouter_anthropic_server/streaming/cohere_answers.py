"""Cohere's answers (`/v2/chat`) as chat completions. The plan that stands before calls is text of the answer."""

from collections.abc import Callable, Mapping
from typing import Any

from openrouter_anthropic_server.openai_types.chat import ChatChunk, ChatCompletion
from openrouter_anthropic_server.streaming.answer_forms import (
    AnswerForm,
    SseReader,
    completion,
    delta_chunk,
    failure_chunk,
    finish_chunk,
)

_FINISH = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop_sequence",
    "MAX_TOKENS": "length",
    "TOOL_CALL": "tool_calls",
    "ERROR_TOXIC": "content_filter",
    "ERROR_LIMIT": "model_context_window_exceeded",
}


def read_event(event: Mapping[str, Any]) -> list[ChatChunk]:
    """The chunks of one event of a stream."""
    kind = str(event.get("type"))
    if kind == "message-end":
        return [_ending(event.get("delta") or {})]
    reader = _READERS.get(kind)
    if reader is None:
        return []
    delta = reader((event.get("delta") or {}).get("message") or {}, event.get("index") or 0)
    return [delta_chunk(delta)] if delta else []


def whole_answer(body: Mapping[str, Any]) -> ChatCompletion:
    """A complete answer."""
    answered = body.get("message") or {}
    plan = answered.get("tool_plan")
    content = [{"type": "text", "text": plan}] if plan else []
    message: dict[str, Any] = {"content": content + (answered.get("content") or [])}
    if answered.get("tool_calls"):
        message["tool_calls"] = answered["tool_calls"]
    sources = [source for citation in answered.get("citations") or () for source in _sources(citation)]
    if sources:
        message["annotations"] = sources
    return completion(message, _ending(body))


COHERE = AnswerForm(whole_answer, lambda: SseReader(read_event))
"""`/v2/chat`, whole and streamed."""


def _content(message: Mapping[str, Any], _index: int) -> dict[str, Any]:
    content = message.get("content") or {}
    if content.get("thinking"):
        return {"reasoning": content["thinking"]}
    return {"content": content["text"]} if content.get("text") else {}


def _plan(message: Mapping[str, Any], _index: int) -> dict[str, Any]:
    return {"content": message["tool_plan"]} if message.get("tool_plan") else {}


def _call(message: Mapping[str, Any], index: int) -> dict[str, Any]:
    call = message.get("tool_calls") or {}
    return {"tool_calls": [{**call, "index": index}]} if call else {}


def _citation(message: Mapping[str, Any], _index: int) -> dict[str, Any]:
    citation = message.get("citations") or {}
    found = _sources(citation)
    return {"annotations": found} if found else {}


_READERS: Mapping[str, Callable[[Mapping[str, Any], int], dict[str, Any]]] = {
    "content-start": _content,
    "content-delta": _content,
    "tool-plan-delta": _plan,
    "tool-call-start": _call,
    "tool-call-delta": _call,
    "citation-start": _citation,
}


def _sources(citation: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The pages among the sources of a citation; a tool's own result as a source is named, so that it is noted."""
    found = []
    for source in citation.get("sources") or ():
        document = source.get("document") or {}
        url = document.get("url") or source.get("url")
        if url:
            page = {"url": url, "title": document.get("title") or url, "content": citation.get("text", "")}
            found.append({"type": "url_citation", "url_citation": page})
        else:
            found.append({"type": f"citation of a {source.get('type')}"})
    return found


def _ending(body: Mapping[str, Any]) -> ChatChunk:
    reason = str(body.get("finish_reason"))
    usage = body.get("usage")
    more: dict[str, Any] = {"usage": _usage(usage)} if usage else {}
    if reason in _FINISH:
        return finish_chunk(_FINISH[reason], reason, **more)
    detail = body.get("error")
    return failure_chunk(f"Cohere broke its answer off: {reason}{f' ({detail})' if detail else ''}", **more)


def _usage(counts: Mapping[str, Any]) -> dict[str, Any]:
    tokens = counts.get("tokens") or counts.get("billed_units") or {}
    return {
        "prompt_tokens": int(tokens.get("input_tokens") or 0),
        "completion_tokens": int(tokens.get("output_tokens") or 0),
        "prompt_tokens_details": {"cached_tokens": int(counts.get("cached_tokens") or 0)},
    }
