"""Upstream answers by scenario: a client names the scenario in its prompt, the fake answers accordingly.

The scripts of other SDKs (`sdk_0x_script.py`, `typescript_sdk_script.mjs`) run the same scenarios and
print the same results, so one set of expectations serves them all.
"""

from typing import Any

from tests.upstreams.answers import Answer, ApiError, Failure, Text, Thinking, Tokens, ToolCall
from tests.upstreams.received import Received
from tests.upstreams.server import Reply

CALLS = (
    ToolCall("get_weather", {"city": "Zürich", "days": 3}, "toolu_weather_1"),
    ToolCall("get_weather", {"city": "New York"}, "toolu_weather_2"),
    ToolCall("list_cities", {}, "toolu_cities"),
)
SIGNATURE = "EqQBCkYIBRgCIkB+signature/with+base64=="
SCENARIOS: dict[str, Reply] = {
    "scenario text": Answer((Text("Grüße, 世界 \U0001f30d!"),), tokens=Tokens(11, 7, cache_read=5, cache_write=3)),
    "scenario tools": Answer((Text("Let me look."), *CALLS), interleave_tools=True),
    "scenario thinking": Answer((Thinking("First I think.", SIGNATURE), Text("Then I speak."))),
    "scenario structured": Answer((Text('{"name": "Ada", "age": 36}'),)),
    "scenario rate limit": ApiError(429, "slow down", "rate_limit_error", {"retry-after": "0"}),
    "scenario overloaded": ApiError(529, "overloaded", "overloaded_error"),
    "scenario refused": ApiError(400, "that is not possible", "invalid_request_error"),
    "scenario broken": Answer((Text("half an answer"),), ending="error", failure=Failure(502, "provider died")),
    "scenario cut": Answer((Text("half an answer"),), ending="cut"),
    "scenario ended": Answer((Text("half an answer"),), ending="end"),
}

EXPECTED: dict[str, Any] = {
    "text": "Grüße, 世界 \U0001f30d!",
    "text_usage": [11, 7, 5, 3],
    "text_stop": "end_turn",
    "stream_text": "Grüße, 世界 \U0001f30d!",
    "stream_usage": [11, 7, 5, 3],
    "tools": [[call.id, call.name, call.input] for call in CALLS],
    "stream_tools": [[call.id, call.name, call.input] for call in CALLS],
    "tools_stop": "tool_use",
    "thinking": ["First I think.", SIGNATURE, "Then I speak."],
    "stream_thinking": ["First I think.", SIGNATURE, "Then I speak."],
    "rate_limit": ["RateLimitError", 429, "rate_limit_error"],
    "overloaded": [529, "overloaded_error"],
    "refused": ["BadRequestError", 400, "invalid_request_error"],
    "broken_streams_raise": True,
    "has_request_id": True,
}
"""What every SDK must see. The scripts add `count` and `models`, which depend on the server."""


def by_prompt(received: Received) -> Reply:
    """The reply of the scenario that the newest user text names; a short text for any other."""
    spoken = _last_user_text(received.body)
    return next((reply for name, reply in SCENARIOS.items() if name in spoken), Answer())


def _last_user_text(body: dict[str, Any]) -> str:
    users = [message for message in body.get("messages", []) if message.get("role") == "user"]
    return str(users[-1]["content"]) if users else ""
