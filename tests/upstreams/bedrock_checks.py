"""What the real Bedrock runtime refuses: requests without a signature, turns out of order, thinking it did not give."""

import re
from collections.abc import Iterator, Set
from typing import Any

from tests.upstreams.answers import ApiError
from tests.upstreams.received import Received

_TOP = frozenset(
    {
        *("messages", "system", "inferenceConfig", "toolConfig", "guardrailConfig", "requestMetadata", "outputConfig"),
        *("additionalModelRequestFields", "additionalModelResponseFieldPaths", "performanceConfig", "serviceTier"),
    }
)
_INFERENCE = frozenset({"maxTokens", "temperature", "topP", "stopSequences"})
_BLOCKS = frozenset({"text", "image", "document", "toolUse", "toolResult", "reasoningContent", "cachePoint"})


def problem_of(received: Received, model: str, handed_out: Set[str]) -> ApiError | None:
    """The error that the real API would answer with; None for a good request."""
    given = received.headers.get("authorization", "")
    signed = given.startswith("AWS4-HMAC-SHA256 Credential=") and "x-amz-date" in received.headers
    if not (signed or given.startswith("Bearer ")):
        return ApiError(403, "Missing Authentication Token")
    if signed and "/bedrock/aws4_request" not in given:
        return ApiError(403, "Credential should be scoped to correct service: 'bedrock'.")
    found = next(_problems(received.body, model, handed_out), None)
    return None if found is None else ApiError(400, found)


def _problems(body: dict[str, Any], model: str, handed_out: Set[str]) -> Iterator[str]:
    yield from (f"Unexpected field {name}" for name in body if name not in _TOP)
    inference = body.get("inferenceConfig", {})
    yield from (f"Unexpected field inferenceConfig.{name}" for name in inference if name not in _INFERENCE)
    messages = body.get("messages", [])
    yield from _turn_problems(messages)
    if any("toolUse" in block or "toolResult" in block for block in _blocks(messages)) and not body.get("toolConfig"):
        yield "The toolConfig field must be defined when using toolUse and toolResult content blocks."
    if "claude" in model:
        yield from _claude_problems(body, handed_out)
    else:
        yield from _other_problems(body, model)


def _turn_problems(messages: list[dict[str, Any]]) -> Iterator[str]:
    expected = "user"
    calls: list[str] = []
    for number, message in enumerate(messages):
        if message["role"] != expected:
            yield "A conversation must alternate between user and assistant roles. Make sure it starts with user."
        for block in message["content"]:
            yield from (f"messages.{number}: unknown block {name}" for name in block if name not in _BLOCKS)
            if block.get("text") == "":
                yield f"messages.{number}: The text field in the ContentBlock object is blank."
        results = [block["toolResult"]["toolUseId"] for block in message["content"] if "toolResult" in block]
        yield from (
            f"Value at messages.{number}.toolUseId failed to satisfy constraint: [a-zA-Z0-9_-]+ of at most 64"
            for one in results
            if not re.fullmatch("[a-zA-Z0-9_-]{1,64}", one)
        )
        if sorted(results) != sorted(calls):
            yield f"Expected toolResult blocks at messages.{number}.content for the following Ids: {calls}"
        calls = [block["toolUse"]["toolUseId"] for block in message["content"] if "toolUse" in block]
        expected = "assistant" if expected == "user" else "user"
    if not messages:
        yield "The value at messages is empty."


def _claude_problems(body: dict[str, Any], handed_out: Set[str]) -> Iterator[str]:
    for block in _blocks(body.get("messages", [])):
        reasoning = block.get("reasoningContent", {})
        text, data = reasoning.get("reasoningText"), reasoning.get("redactedContent")
        if text is not None and text.get("signature") not in handed_out:
            yield "messages.1.content.0: Invalid `signature` in `thinking` block"
        if data is not None and data not in handed_out:
            yield "messages.1.content.0: Invalid `data` in `redacted_thinking` block"
    more = body.get("additionalModelRequestFields", {})
    thinking = more.get("thinking") or {}
    if thinking.get("type") == "enabled":
        yield from _budget_problems(body, thinking)


def _budget_problems(body: dict[str, Any], thinking: dict[str, Any]) -> Iterator[str]:
    budget, limit = thinking.get("budget_tokens", 0), body.get("inferenceConfig", {}).get("maxTokens", 0)
    if budget < 1024:
        yield "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024"
    if budget >= limit:
        yield "`max_tokens` must be greater than `thinking.budget_tokens`."
    if messages_end_without_thinking(body.get("messages", [])):
        yield (
            "Expected `thinking` or `redacted_thinking`, but found `tool_use`. When `thinking` is enabled, a final "
            "`assistant` message must start with a thinking block."
        )
    choice = body.get("toolConfig", {}).get("toolChoice", {})
    if "any" in choice or "tool" in choice:
        yield "Thinking may not be enabled when tool_choice forces tool use."


def messages_end_without_thinking(messages: list[dict[str, Any]]) -> bool:
    """Whether the calls that are answered last came without thinking."""
    turn = messages[-2]["content"] if len(messages) > 1 else []
    return any("toolUse" in block for block in turn) and "reasoningContent" not in turn[0]


def _other_problems(body: dict[str, Any], model: str) -> Iterator[str]:
    if body["messages"][-1]["role"] != "user":
        yield "A conversation must end with a user message."
    if any("reasoningContent" in block for block in _blocks(body.get("messages", []))):
        yield "This model doesn't support the reasoningContent field."
    allowed = {"inferenceConfig", "reasoningConfig"} if "nova" in model else set()
    more = body.get("additionalModelRequestFields", {})
    yield from (f"Malformed input request: extraneous key [{name}]" for name in more if name not in allowed)


def _blocks(messages: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for message in messages:
        yield from message["content"]
