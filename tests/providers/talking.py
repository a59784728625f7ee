"""Requests to the providers through `/v1/messages`, and what comes back of them."""

from collections.abc import Iterable
from typing import Any

import httpx
import orjson

from tests.api.calls import VERSION, Event, events

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
PDF = "JVBERi0xLjQKJcOkw7zDtsOfCg=="
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
DOCUMENT = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": PDF}}
TOOLS = [
    {
        "name": name,
        "description": "A tool.",
        "input_schema": {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": {"path": {"type": "string"}, "offset": {"type": "integer", "exclusiveMinimum": 0}},
            "required": ["path"],
            "additionalProperties": False,
        },
    }
    for name in ("Read", "mcp__files__list-all")
]
THINKING = {"type": "enabled", "budget_tokens": 2000}


class Talk:
    """A conversation: each turn is asked with all before it, as a client keeps it."""

    def __init__(self, http: httpx.Client, url: str, model: str, *, stream: bool, **request: Any) -> None:
        self._http = http
        self._url = url
        self._stream = stream
        self._request = {"model": model, "max_tokens": 4000, **request}
        self.messages: list[dict[str, Any]] = []
        self.events: list[Event] = []

    def say(self, content: Any, **more: Any) -> dict[str, Any]:
        """The model's Message in answer to `content`; it becomes part of the conversation."""
        self.messages.append({"role": "user", "content": content})
        request = self._request | {"messages": self.messages, "stream": self._stream} | more
        response = self._http.post(f"{self._url}/v1/messages", json=request, headers=VERSION)
        assert response.status_code == 200, response.text
        message: dict[str, Any] = response.json() if not self._stream else self._gathered(response.content)
        self.messages.append({"role": "assistant", "content": message["content"]})
        return message

    def results(self, message: dict[str, Any], content: Any = "done") -> list[dict[str, Any]]:
        """A result for each call of a message."""
        calls = [block for block in message["content"] if block["type"] == "tool_use"]
        return [{"type": "tool_result", "tool_use_id": call["id"], "content": content} for call in calls]

    def _gathered(self, body: bytes) -> dict[str, Any]:
        self.events = list(events(body))
        assert self.events[-1].name == "message_stop", self.events[-1]
        return gathered(self.events)


def gathered(found: Iterable[Event]) -> dict[str, Any]:
    """The Message that a stream of events spells."""
    message: dict[str, Any] = {}
    inputs: dict[int, str] = {}
    for event in found:
        data = event.data
        match event.name:
            case "message_start":
                message = data["message"]
            case "content_block_start":
                message["content"].append(dict(data["content_block"]))
            case "content_block_delta":
                _add(message["content"][data["index"]], data["delta"], inputs, data["index"])
            case "message_delta":
                message |= data["delta"] | {"usage": data["usage"]}
    for index, text in inputs.items():
        message["content"][index]["input"] = orjson.loads(text)
    return message


def _add(block: dict[str, Any], delta: dict[str, Any], inputs: dict[int, str], index: int) -> None:
    match delta["type"]:
        case "text_delta":
            block["text"] += delta["text"]
        case "thinking_delta":
            block["thinking"] += delta["thinking"]
        case "signature_delta":
            block["signature"] = delta["signature"]
        case "input_json_delta":
            inputs[index] = inputs.get(index, "") + delta["partial_json"]


def ask(http: httpx.Client, url: str, model: str, **more: Any) -> httpx.Response:
    """One question, whatever becomes of it."""
    request = {"model": model, "max_tokens": 4000, "messages": [{"role": "user", "content": "Hello?"}]} | more
    return http.post(f"{url}/v1/messages", json=request, headers=VERSION)


def kinds(message: dict[str, Any]) -> list[str]:
    """The types of its blocks."""
    return [block["type"] for block in message["content"]]
