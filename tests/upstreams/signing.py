"""Models that sign their thinking and refuse, with the words of the real ones, what their vendor did not sign."""

import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from tests.upstreams.answers import Answer, ApiError, Part, RedactedThinking, Thinking
from tests.upstreams.chat_wire import Quirks
from tests.upstreams.received import Received
from tests.upstreams.server import FakeUpstream, Reply

Signed = set[tuple[str, str]]
"""Text and signature; redacted thinking has no text."""

_HEADS = {"anthropic": b"\x12\x30\x0a\x16\x08\x05\x18\x02", "google": b"\x12\x30\x0a\x2e\x01\x72\xc8\xda\x7c"}
_FORMATS = {"anthropic": "anthropic-claude-v1", "google": "google-gemini-v1", "openai": "openai-responses-v1"}
_NUMBERS = count()  # a server under test remembers signatures for longer than a test lasts
_NAMES = {"claude": "anthropic", "gemini": "google", "gpt": "openai"}


@dataclass
class Vendors:
    """Three vendors behind any number of upstreams; what one signs is good wherever its models are served.

    `refused` are the requests that got a 400, with its words.
    """

    signed: dict[str, Signed] = field(default_factory=lambda: {name: set() for name in _FORMATS})
    refused: list[tuple[Received, str]] = field(default_factory=list)

    def thinking(self, received: Received, text: str) -> Part:
        """A new thought of the model that was asked; OpenAI's cannot be read."""
        vendor = vendor_of(received.model or received.path)
        head = _HEADS.get(vendor, b"gAAAA")
        signature = b64encode(head + f"{vendor} signed number {next(_NUMBERS)} of all".encode()).decode()
        hidden = vendor == "openai"
        self.signed[vendor].add(("" if hidden else text, signature))
        return RedactedThinking(signature) if hidden else Thinking(text, signature)

    def forget(self) -> None:
        """From now on nothing is valid that was signed before."""
        for signed in self.signed.values():
            signed.clear()

    def serve(self, upstream: FakeUpstream, model: Callable[[Received], Reply]) -> None:
        """Let `upstream` check what it is sent before `model` answers."""

        def answer(received: Received) -> Reply:
            chat = received.path.endswith("/chat/completions")
            vendor = vendor_of(received.model)
            upstream.quirks = Quirks(reasoning_format=_FORMATS[vendor])
            problem = self._chat_problem(received, vendor) if chat else self._messages_problem(received, vendor)
            if problem is None:
                return model(received)
            self.refused.append((received, problem))
            return _wrapped(problem) if chat else ApiError(400, problem, "invalid_request_error")

        upstream.handler = answer

    def _messages_problem(self, received: Received, vendor: str) -> str | None:
        body = received.body
        for path, block in _thinking(body):
            kind = block["type"]
            text, signature = block.get("thinking", ""), block.get("signature") or block.get("data")
            if (text, signature) not in self.signed[vendor]:
                return f"{path}: Invalid `{'data' if 'data' in block else 'signature'}` in `{kind}` block"
        return _unled(body) if vendor == "anthropic" else None

    def _chat_problem(self, received: Received, vendor: str) -> str | None:
        known = {signature for _, signature in self.signed[vendor]}
        for number, message in enumerate(received.body["messages"]):
            for detail in message.get("reasoning_details", ()):
                signature = detail.get("signature") or detail.get("data")
                if signature and (signature not in known or detail.get("format") != _FORMATS[vendor]):
                    return _FOREIGN[vendor].format(number)
                if not signature and vendor == "anthropic":
                    return _FOREIGN[vendor].format(number)
        return None


_FOREIGN = {
    "anthropic": "messages.{}.content.0: Invalid `signature` in `thinking` block",
    "google": "Corrupted thought signature.",
    "openai": "The encrypted content for item rs_{} could not be verified.",
}


def vendor_of(model: str) -> str:
    """Who made a model of these fakes."""
    return next(vendor for part, vendor in _NAMES.items() if part in model)


def answers(vendors: Vendors, *parts: Part) -> Callable[[Received], Answer]:
    """A model that thinks and then says or does the same each time."""
    return lambda received: Answer((vendors.thinking(received, f"thought of {received.model}"), *parts))


def _thinking(body: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for number, message in enumerate(body["messages"]):
        if message["role"] == "assistant" and isinstance(message["content"], list):
            for place, block in enumerate(message["content"]):
                if "thinking" in block["type"]:
                    yield f"messages.{number}.content.{place}", block


def _unled(body: dict[str, Any]) -> str | None:
    """What Anthropic says where thinking within a budget is to go on from calls that no thinking led to."""
    if body.get("thinking", {}).get("type") != "enabled":
        return None
    turns: list[tuple[int, str, list[str]]] = []
    for number, message in enumerate(body["messages"]):
        content = message["content"]
        kinds = [block["type"] for block in content] if isinstance(content, list) else ["text"]
        if turns and turns[-1][1] == message["role"]:
            turns[-1][2].extend(kinds)
        else:
            turns.append((number, message["role"], kinds))
    start, kind = 0, "thinking"
    while len(turns) > 1 and "tool_result" in turns[-1][2]:
        start, _, (kind, *_) = turns[-2]
        del turns[-2:]
    if "thinking" in kind:
        return None
    return (
        f"messages.{start}.content.0.type: Expected `thinking` or `redacted_thinking`, but found `{kind}`. When "
        "`thinking` is enabled, a final `assistant` message must start with a thinking block (preceeding the lastmost "
        "set of `tool_use` and `tool_result` blocks). To avoid this requirement, disable `thinking`."
    )


def _wrapped(problem: str) -> ApiError:
    """A provider's refusal as OpenRouter passes it on."""
    raw = json.dumps({"type": "error", "error": {"type": "invalid_request_error", "message": problem}})
    return ApiError(400, "Provider returned error", metadata={"raw": raw, "provider_name": "Fake"})
