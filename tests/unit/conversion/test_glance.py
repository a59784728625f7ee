"""What is recognised at a glance is never what pydantic would refuse."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from openrouter_anthropic_server.anthropic_types.request import MessagesRequest
from openrouter_anthropic_server.conversion.glance import (
    usual_messages,
    usual_system,
    usual_tools,
    without_the_usual,
)
from tests.claude_code_requests import recorded_body, request_files

ADAPTER = TypeAdapter(MessagesRequest)


def _is_valid(body: dict[str, Any]) -> bool:
    try:
        ADAPTER.validate_python(body, strict=True)
    except ValidationError:
        return False
    return True


def _values(*good: object) -> st.SearchStrategy[Any]:
    """Mostly good values, and every kind of JSON beside them."""
    bad: list[object] = [None, "", 0, 1.5, True, [], {}, ["x"], {"type": "text"}]
    return st.sampled_from([*good * 9, *bad])


def _objects(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


_CACHE = _values({"type": "ephemeral"})
_TEXTS = _objects(
    type=_values("text"), text=_values("hi"), citations=_values(None, [{"type": "x"}]), cache_control=_CACHE
)
_BLOCKS = st.one_of(
    _TEXTS,
    _objects(type=_values("thinking"), thinking=_values("t"), signature=_values("s")),
    _objects(type=_values("redacted_thinking"), data=_values("d")),
    _objects(type=_values("tool_use"), id=_values("t1"), name=_values("n"), input=_values({"a": 1})),
    _objects(
        type=_values("tool_result"),
        tool_use_id=_values("t1"),
        content=st.one_of(_values("x"), st.lists(_TEXTS, max_size=2)),
        is_error=_values(True),
        cache_control=_CACHE,
    ),
    _objects(type=_values("image", "document", "brand_new"), source=_values({"type": "url", "url": "u"})),
)
_MESSAGES = st.lists(
    _objects(
        role=_values("user", "assistant", "system"),
        content=st.one_of(_values("hi"), st.lists(_BLOCKS, max_size=3)),
    ),
    max_size=3,
)
_TOOLS = st.lists(
    _objects(
        type=_values("custom", None, "bash_20250124"),
        name=_values("Bash"),
        input_schema=_values({"type": "object"}),
        description=_values("d"),
        cache_control=_CACHE,
    ),
    max_size=3,
)


@settings(max_examples=400)
@given(messages=st.one_of(_MESSAGES, _values()))
def test_usual_messages_are_valid(messages: Any) -> None:
    if usual_messages(messages):
        assert _is_valid({"model": "m", "max_tokens": 1, "messages": messages})


@settings(max_examples=400)
@given(tools=st.one_of(_TOOLS, _values()), system=st.one_of(st.lists(_TEXTS, max_size=2), _values("s")))
def test_usual_tools_and_system_prompts_are_valid(tools: Any, system: Any) -> None:
    body: dict[str, Any] = {"model": "m", "max_tokens": 1, "messages": [{"role": "user", "content": "hi"}]}
    if usual_tools(tools):
        assert _is_valid({**body, "tools": tools})
    if usual_system(system):
        assert _is_valid({**body, "system": system})


@pytest.mark.parametrize("name", request_files("/v1/messages"))
def test_the_tools_and_system_prompts_of_claude_code_are_recognised(name: str) -> None:
    body = recorded_body(name)
    rest = without_the_usual(body)

    assert rest["system"] == ""
    assert rest.get("tools", []) == [] or any("type" in tool for tool in body["tools"])


def test_only_a_copy_is_changed() -> None:
    body = {"messages": [{"role": "user", "content": "hi"}], "system": "be kind", "tools": []}

    rest = without_the_usual(body)

    assert rest["system"] == ""
    assert body == {"messages": [{"role": "user", "content": "hi"}], "system": "be kind", "tools": []}
