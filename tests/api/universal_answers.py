"""Reads text and calls out of answers of any form."""

import json
from typing import Any

import orjson

from openrouter_anthropic_server.streaming.sse import SseDecoder


def read_chunks(content: bytes) -> list[dict[str, Any]]:
    """The data of all frames but `[DONE]`."""
    return [orjson.loads(frame.data) for frame in SseDecoder().feed(content) if frame.data != b"[DONE]"]


def said(chunks: list[dict[str, Any]], form: str) -> tuple[str, list[tuple[str, Any]]]:
    """Text and calls of an answer's chunks (or of its one document, in a list)."""
    readers = {
        "anthropic_messages": _anthropic,
        "openai_chat": _openai,
        "google_gemini": _gemini,
        "universal": _universal,
    }
    return readers[form](chunks)


def _anthropic(chunks: list[dict[str, Any]]) -> tuple[str, list[tuple[str, Any]]]:
    text, calls = "", dict[int, list[str]]()
    for chunk in chunks:
        for block in chunk.get("content", ()):
            if block["type"] == "text":
                text += block["text"]
            else:
                calls[len(calls)] = [block["name"], json.dumps(block["input"])]
        if chunk["type"] == "content_block_start" and chunk["content_block"]["type"] == "tool_use":
            calls[chunk["index"]] = [chunk["content_block"]["name"], ""]
        if chunk["type"] == "content_block_delta":
            text += chunk["delta"].get("text", "")
            if "partial_json" in chunk["delta"]:
                calls[chunk["index"]][1] += chunk["delta"]["partial_json"]
    return text, [(name, json.loads(arguments or "{}")) for name, arguments in calls.values()]


def _openai(chunks: list[dict[str, Any]]) -> tuple[str, list[tuple[str, Any]]]:
    text, calls = "", dict[int, list[str]]()
    for choice in [choice for chunk in chunks for choice in chunk["choices"]]:
        message = choice.get("delta") or choice.get("message") or {}
        text += message.get("content") or ""
        for number, call in enumerate(message.get("tool_calls", ())):
            found = calls.setdefault(call.get("index", number), ["", ""])
            found[0] += call["function"].get("name", "")
            found[1] += call["function"]["arguments"]
    return text, [(name, json.loads(arguments)) for name, arguments in calls.values()]


def _gemini(chunks: list[dict[str, Any]]) -> tuple[str, list[tuple[str, Any]]]:
    parts = [part for chunk in chunks for part in chunk["candidates"][0]["content"]["parts"]]
    calls = [(part["functionCall"]["name"], part["functionCall"]["args"]) for part in parts if "functionCall" in part]
    return "".join(part.get("text", "") for part in parts), calls


def _universal(chunks: list[dict[str, Any]]) -> tuple[str, list[tuple[str, Any]]]:
    if chunks[0]["type"] == "answer":
        return chunks[0]["text"], [(call["name"], call["input"]) for call in chunks[0]["tool_calls"]]
    calls: dict[int, list[str]] = {}
    for chunk in chunks:
        if chunk["type"] == "tool_call":
            calls[chunk["index"]] = [chunk["name"], ""]
        elif chunk["type"] == "tool_call_delta":
            calls[chunk["index"]][1] += chunk["arguments"]
    text = "".join(chunk["text"] for chunk in chunks if chunk["type"] == "text")
    return text, [(name, json.loads(arguments)) for name, arguments in calls.values()]
