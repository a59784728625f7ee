"""Whatever the conversation is, Databricks gets one that it does not refuse."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from openrouter_anthropic_server.conversion.chat_request import convert_request
from openrouter_anthropic_server.conversion.validation import validate_messages_request
from openrouter_anthropic_server.coordinators.databricks_routes import DATABRICKS
from tests.upstreams.databricks_checks import problem

SIGNED = {("Hm.", "EqQB=="), ("", "b64==")}
MARK = {"cache_control": {"type": "ephemeral"}}

words = st.sampled_from(["one", "two words", "{braces}", "<tag>", "é 世界", "  padded "])
marks = st.sampled_from([{}, MARK])
texts = st.builds(lambda word, mark: {"type": "text", "text": word} | mark, words, marks)
images = st.builds(
    lambda mark: {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}} | mark,
    marks,
)
thinking = st.sampled_from(
    [
        {"type": "thinking", "thinking": "Hm.", "signature": "EqQB=="},
        {"type": "thinking", "thinking": "unsigned", "signature": ""},
        {"type": "redacted_thinking", "data": "b64=="},
    ]
)
results = st.one_of(st.sampled_from(["", " ", "done"]), st.lists(st.one_of(texts, images), max_size=3))


@st.composite
def conversations(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Turns as Claude Code sends them: calls are answered at once, in any order, with other content behind."""
    messages: list[dict[str, Any]] = [{"role": "user", "content": draw(st.one_of(words, st.lists(texts, min_size=1)))}]
    number = 0
    for _ in range(draw(st.integers(0, 4))):
        if draw(st.booleans()):
            messages.append({"role": "system", "content": draw(st.one_of(words, st.lists(texts, max_size=2)))})
        calls = [f"toolu_{number + count}" for count in range(draw(st.integers(0, 3)))]
        number += len(calls)
        content = [
            *draw(st.lists(thinking, max_size=2)),
            *draw(st.lists(texts, min_size=0 if calls else 1, max_size=2)),
        ]
        uses = [{"type": "tool_use", "id": call, "name": "Bash", "input": {"n": 1}} for call in calls]
        messages.append({"role": "assistant", "content": content + uses})
        answers: list[dict[str, Any]] = [
            {"type": "tool_result", "tool_use_id": call, "content": draw(results), "is_error": draw(st.booleans())}
            | draw(marks)
            for call in draw(st.permutations(calls))
        ]
        rest = draw(st.lists(st.one_of(texts, images), min_size=0 if answers else 1, max_size=2))
        messages.append({"role": "user", "content": answers + rest})
    return messages


@given(conversations(), st.sampled_from(["databricks-claude-opus-5-5", "databricks-llama-4-maverick"]), st.booleans())
def test_no_conversation_is_refused(messages: list[dict[str, Any]], model: str, with_system: bool) -> None:
    request: dict[str, Any] = {
        "model": "any",
        "max_tokens": 4096,
        "messages": messages,
        "tools": [{"name": "Bash", "input_schema": {"type": "object"}, "strict": True} | MARK],
    }
    if with_system:
        request["system"] = [{"type": "text", "text": "Be brief."} | MARK, {"type": "text", "text": "Be kind."}]
    valid = validate_messages_request(request, api_version="2023-06-01")

    body = convert_request(valid, model=model, dialect=DATABRICKS).body

    assert problem(body, "chat", SIGNED) is None
    sent = str(body["messages"])
    for message in messages:
        for block in message["content"] if isinstance(message["content"], list) else ():
            assert block.get("id", block.get("tool_use_id", "")) in sent
            assert not block.get("text") or block["text"] in _spoken(body)


def _spoken(body: dict[str, Any]) -> str:
    """All texts of the messages."""
    found: list[str] = []
    for message in body["messages"]:
        content = message.get("content") or ""
        found += [content] if isinstance(content, str) else [part.get("text", "") for part in content]
    return "\n".join(found)
