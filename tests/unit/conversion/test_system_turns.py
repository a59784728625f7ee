"""System messages become reminders without coming between a call and its result."""

from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from openrouter_anthropic_server.conversion.system_turns import without_system_turns

CALL = {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "x", "input": {}}]}
RESULT = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "done"}]}
SYSTEM = st.lists(st.sampled_from(["", "a", "b"]).map(lambda text: {"role": "system", "content": text}), max_size=3)
TURNS: st.SearchStrategy[list[dict[str, Any]]] = st.sampled_from(
    [[{"role": "user", "content": "hi"}], [{"role": "assistant", "content": "yes"}], [CALL, RESULT]]
)


@st.composite
def conversations(draw: st.DrawFn) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = []
    for turn in draw(st.lists(TURNS, max_size=5)):
        for message in turn:
            messages += [*draw(SYSTEM), message]
    return messages + draw(SYSTEM)


@given(conversations())
def test_results_follow_their_calls_and_nothing_is_lost(messages: list[dict[str, Any]]) -> None:
    folded = without_system_turns(messages)
    assert all(message["role"] != "system" for message in folded)
    assert [message for message in folded if message in messages] == [
        message for message in messages if message["role"] != "system"
    ]
    for before, message in pairwise(folded):
        assert (before == CALL) == (message == RESULT)
    texts = [message["content"] for message in messages if message["role"] == "system" and message["content"]]
    reminders = [message["content"][0]["text"] for message in folded if message not in messages]
    assert reminders == [f"<system-reminder>\n{text}\n</system-reminder>" for text in texts]
