"""Runs the scenarios with whatever `anthropic` is on the path and prints what it saw as one JSON object.

Usage: sdk_0x_script.py BASE_URL MODEL. It knows nothing of this project's tests on purpose.
"""

import json
import sys
from typing import Any

import anthropic

TOOLS: Any = [
    {"name": "get_weather", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}}},
    {"name": "list_cities", "input_schema": {"type": "object", "properties": {}}},
]
THINKING: Any = {"type": "enabled", "budget_tokens": 1024}


def main(base_url: str, model: str) -> dict[str, Any]:
    client = anthropic.Anthropic(base_url=base_url, api_key="test-key", max_retries=0, timeout=20.0)

    def ask(scenario: str, **more: Any) -> dict[str, Any]:
        prompt: Any = {"role": "user", "content": f"scenario {scenario}"}
        return {"model": model, "max_tokens": 2048, "messages": [prompt], **more}

    def stream(scenario: str, **more: Any) -> Any:
        with client.messages.stream(**ask(scenario, **more)) as events:
            for _ in events:
                pass
            return events.get_final_message()

    def failure(scenario: str) -> list[Any]:
        try:
            client.messages.create(**ask(scenario))
        except anthropic.APIStatusError as error:
            body: Any = error.body
            return [type(error).__name__, error.status_code, body["error"]["type"]]
        return []

    def raises(scenario: str) -> bool:
        try:
            stream(scenario)
        except anthropic.APIError:
            return True
        return False

    text = client.messages.create(**ask("text"))
    streamed = stream("text")
    tools = client.messages.create(**ask("tools", tools=TOOLS))
    thinking = client.messages.create(**ask("thinking", thinking=THINKING))
    return {
        "version": anthropic.__version__,
        "text": text.content[0].text,
        "text_usage": usage(text),
        "text_stop": text.stop_reason,
        "has_request_id": bool(text._request_id),
        "stream_text": streamed.content[0].text,
        "stream_usage": usage(streamed),
        "tools": calls(tools),
        "tools_stop": tools.stop_reason,
        "stream_tools": calls(stream("tools", tools=TOOLS)),
        "thinking": thoughts(thinking),
        "stream_thinking": thoughts(stream("thinking", thinking=THINKING)),
        "rate_limit": failure("rate limit"),
        "overloaded": failure("overloaded")[1:],
        "refused": failure("refused"),
        "broken_streams_raise": all(map(raises, ("broken", "cut", "ended"))),
        "count": client.messages.count_tokens(model=model, messages=ask("text")["messages"]).input_tokens,
        "models": [found.id for found in client.models.list(limit=1)],
    }


def usage(message: Any) -> list[int]:
    found = message.usage
    return [
        found.input_tokens,
        found.output_tokens,
        found.cache_read_input_tokens,
        found.cache_creation_input_tokens,
    ]


def calls(message: Any) -> list[list[Any]]:
    return [[block.id, block.name, block.input] for block in message.content if block.type == "tool_use"]


def thoughts(message: Any) -> list[str]:
    first, second = message.content
    return [first.thinking, first.signature, second.text]


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(sys.argv[1], sys.argv[2])))
