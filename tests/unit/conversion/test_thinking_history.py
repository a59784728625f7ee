"""Which thinking of earlier turns a model may see again, and what is left of the conversation."""

import copy
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openrouter_anthropic_server.conversion.reasoning_envelope import pack_reasoning
from openrouter_anthropic_server.conversion.thinking_history import (
    OwnHistory,
    may_see,
    own_history,
    signature_of,
    thinking_blocks,
    without_thinking,
)
from openrouter_anthropic_server.conversion.thinking_origins import Origin, Target
from openrouter_anthropic_server.errors import InvalidRequestError

JSON = dict[str, Any]

CLAUDE = Target("openrouter", "anthropic", "anthropic/claude-opus-5.5", packed=False)
CLAUDE_CHAT = Target("openrouter", "anthropic", "anthropic/claude-opus-5.5", packed=True)
GEMINI = Target("openrouter", "google", "google/gemini-3-pro", packed=True)
GPT = Target("openrouter", "openai", "openai/gpt-5", packed=True)
GPT_MESSAGES = Target("openrouter", "openai", "openai/gpt-5", packed=False)
TARGETS = [CLAUDE, CLAUDE_CHAT, GEMINI, GPT, GPT_MESSAGES]

CLAUDES = "EqQBCgIYAhIMclaudesOwnSignature"
STRANGE_CLAUDES = "EqQBCgIYAhIMbroughtFromElsewhere"
GEMINIS = "EvEFCu4FAXLI2nxGeminisSignature"
STRANGE = "c29tZXRoaW5nIGVsc2U"
REFUSED = "EqQBCgIYAhIMrefusedByOpenRouter"
GPTS = pack_reasoning([{"type": "reasoning.encrypted", "data": "x", "format": "openai-responses-v1"}])
STRANGE_PACKED = pack_reasoning([{"type": "reasoning.encrypted", "data": "y", "format": "openai-responses-v1"}])

ORIGINS = {
    CLAUDES: Origin("anthropic", "anthropic", "claude-opus-5-5"),
    GEMINIS: Origin("openrouter", "google", "google/gemini-3-pro"),
    GPTS: Origin("openrouter", "openai", "openai/gpt-5"),
    REFUSED: Origin("anthropic", "anthropic", "claude-opus-5-5", frozenset({"openrouter"})),
}


def thinking(signature: str) -> JSON:
    return {"type": "thinking", "thinking": "hm", "signature": signature}


def redacted(data: str) -> JSON:
    return {"type": "redacted_thinking", "data": data}


def text(value: str) -> JSON:
    return {"type": "text", "text": value}


def call(call_id: str) -> JSON:
    return {"type": "tool_use", "id": call_id, "name": "Bash", "input": {}}


def result(call_id: str) -> JSON:
    return {"type": "tool_result", "tool_use_id": call_id, "content": "ok"}


def user(*content: JSON | str) -> JSON:
    return {"role": "user", "content": content[0] if isinstance(content[0], str) else list(content)}


def assistant(*content: JSON) -> JSON:
    return {"role": "assistant", "content": list(content)}


def request(*messages: JSON, **fields: Any) -> JSON:
    return {"model": "m", "max_tokens": 10, "messages": list(messages)} | fields


def own(body: JSON, target: Target) -> OwnHistory:
    return own_history(body, target, ORIGINS)


@pytest.mark.parametrize(
    ("signature", "allowed"),
    [
        (CLAUDES, {CLAUDE, CLAUDE_CHAT}),
        (GEMINIS, {GEMINI}),
        (GPTS, {GPT}),
        (REFUSED, set()),
        ("", {GEMINI, GPT, GPT_MESSAGES}),
        (STRANGE_CLAUDES, {CLAUDE, CLAUDE_CHAT, GEMINI, GPT}),
        (STRANGE, {GEMINI, GPT, GPT_MESSAGES}),
        (STRANGE_PACKED, {CLAUDE_CHAT, GEMINI, GPT}),
    ],
    ids=["claudes", "geminis", "gpts", "refused", "unsigned", "unknown-claude", "unknown", "unknown-packed"],
)
def test_each_model_may_see_its_own(signature: str, allowed: set[Target]) -> None:
    """On the chat wire the conversion takes what is left apart: it never sends a signature of unknown origin."""
    assert {target for target in TARGETS if may_see(signature, target, ORIGINS)} == allowed


def test_what_another_upstream_refused_is_tried_here() -> None:
    direct = Target("databricks", "anthropic", "databricks-claude-opus-5-5", packed=False)

    assert may_see(REFUSED, direct, ORIGINS)


def test_foreign_blocks_go_and_the_rest_stays_as_it_is() -> None:
    kept = [thinking(CLAUDES), redacted(CLAUDES), text("a"), call("1")]
    body = request(user("go"), assistant(thinking(GEMINIS), *kept, redacted(GPTS)), user(result("1")))

    history = own(body, CLAUDE)

    assert history.body == request(user("go"), assistant(*kept), user(result("1")))
    assert all(now is before for now, before in zip(history.body["messages"][1]["content"], kept, strict=True))
    assert [(note.kind, note.path) for note in history.notes] == [
        ("not_sent", "messages.1.content.0"),
        ("not_sent", "messages.1.content.5"),
    ]


def test_a_long_history_gives_one_note_for_each_reason() -> None:
    turns = [message for _ in range(50) for message in (user("go"), assistant(thinking(GEMINIS), text("a")))]

    [note] = own(request(*turns), CLAUDE).notes

    assert note.path == "messages.1.content.0"
    assert "49 more" in note.detail


def test_a_turn_of_nothing_but_foreign_thinking_goes_and_its_neighbours_are_joined() -> None:
    body = request(user("go"), assistant(thinking(GEMINIS)), user(text("well?")), assistant(text("a")), user("on"))

    assert own(body, CLAUDE).body["messages"] == [
        user(text("go"), text("well?")),
        assistant(text("a")),
        user("on"),
    ]


def test_neighbours_with_more_than_content_stay_apart() -> None:
    marked = {**user("well?"), "output_config": {"effort": "low"}}
    body = request(user("go"), assistant(thinking(GEMINIS)), marked)

    assert own(body, CLAUDE).body["messages"] == [user("go"), marked]


def test_an_empty_turn_of_the_client_stays() -> None:
    body = request(user("go"), assistant(), user("on"), assistant(thinking(GEMINIS), text("a")))

    assert own(body, CLAUDE).body["messages"] == [user("go"), assistant(), user("on"), assistant(text("a"))]


def test_thinking_in_other_places_is_not_looked_at() -> None:
    body = request(user(thinking(GEMINIS)), {"role": "assistant", "content": "orx1.x"})

    assert thinking_blocks(body["messages"]) == []


def test_nothing_left_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="messages: "):
        own(request(assistant(thinking(GEMINIS))), CLAUDE)


# ---------------------------------------------------------------- tool loops

ENABLED = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
LOOP = (user("go"), assistant(thinking(GEMINIS), call("1")), user(result("1")))


def test_a_loop_that_lost_its_thinking_goes_on_without() -> None:
    history = own(request(*LOOP, **ENABLED), CLAUDE)

    assert history.body["thinking"] == {"type": "disabled"}
    assert ("converted", "thinking") in [(note.kind, note.path) for note in history.notes]


def test_edits_that_need_thinking_go_with_it() -> None:
    clear: JSON = {"type": "clear_thinking_20251015", "keep": "all"}
    other: JSON = {"type": "clear_tool_uses_20250919"}

    history = own(request(*LOOP, **ENABLED, context_management={"edits": [clear, other]}), CLAUDE)

    assert history.body["context_management"] == {"edits": [other]}


def test_a_model_that_takes_no_disabled_thinking_gets_no_field() -> None:
    always = Target("databricks", "anthropic", "databricks-claude-opus-5-5", packed=False, kinds=frozenset({"enabled"}))

    assert "thinking" not in own(request(*LOOP, **ENABLED), always).body


def test_thinking_that_becomes_a_budget_gives_way_to_a_loop_without() -> None:
    """Adaptive thinking can go on from calls that no thinking led to; what an older model gets instead cannot."""
    older = Target("openrouter", "anthropic", "anthropic/claude-sonnet-4.5", False, frozenset({"enabled", "disabled"}))
    body = request(user("go"), assistant(call("1")), user(result("1")), thinking={"type": "adaptive"})

    assert own_history(body, older, ORIGINS, budget_is_ours=True).body["thinking"] == {"type": "disabled"}
    assert own_history(body, CLAUDE, ORIGINS, budget_is_ours=True).notes == ()


@pytest.mark.parametrize(
    ("messages", "fields", "target"),
    [
        (LOOP, {"thinking": {"type": "adaptive"}}, CLAUDE),
        (LOOP, {}, CLAUDE),
        ((user("go"), assistant(thinking(CLAUDES), call("1")), user(result("1"))), ENABLED, GEMINI),
        ((*LOOP, assistant(text("a")), user("on")), ENABLED, CLAUDE),
        ((user("go"), assistant(thinking(CLAUDES), thinking(GEMINIS), call("1")), user(result("1"))), ENABLED, CLAUDE),
    ],
    ids=["adaptive", "off", "another-vendor", "loop-is-over", "own-leads"],
)
def test_thinking_stays_on_elsewhere(messages: tuple[JSON, ...], fields: JSON, target: Target) -> None:
    history = own(request(*messages, **fields), target)

    assert history.notes
    assert history.body.get("thinking") == fields.get("thinking")


def test_a_loop_without_thinking_of_the_clients_own_making_is_let_be() -> None:
    """Claude may have answered so itself; only its refusal says that it did not."""
    body = request(user("go"), assistant(call("1")), user(result("1")), **ENABLED)

    assert own(body, CLAUDE).body == body
    assert own_history(body, CLAUDE, ORIGINS, budget_is_ours=True).body["thinking"] == {"type": "disabled"}
    off = without_thinking(body, CLAUDE)
    assert off is not None
    assert off.body["thinking"] == {"type": "disabled"}


def test_after_a_refusal_all_thinking_goes() -> None:
    body = request(user("go"), assistant(thinking(CLAUDES), redacted("x"), text("a")), user("on"))

    history = without_thinking(body, CLAUDE)

    assert history is not None
    assert history.body["messages"] == [user("go"), assistant(text("a")), user("on")]
    assert without_thinking(history.body, CLAUDE) is None


# ---------------------------------------------------------------- any conversation

SIGNATURES = [CLAUDES, STRANGE_CLAUDES, GEMINIS, STRANGE, REFUSED, GPTS, STRANGE_PACKED, ""]
THOUGHTS = st.one_of(
    st.sampled_from(SIGNATURES).map(thinking), st.sampled_from([s for s in SIGNATURES if s]).map(redacted)
)
SAID = st.lists(st.one_of(THOUGHTS, st.sampled_from(["a", "b"]).map(text)), min_size=1, max_size=4)


@st.composite
def conversations(draw: st.DrawFn) -> JSON:
    """Alternating turns; calls are answered by the turn that follows them."""
    messages, calls = [user("go")], 0
    for _ in range(draw(st.integers(1, 6))):
        content, answered = draw(SAID), []
        for _ in range(draw(st.integers(0, 2))):
            calls += 1
            content.append(call(f"t{calls}"))
            answered.append(result(f"t{calls}"))
        following = [text("on")] if not answered or draw(st.booleans()) else []
        messages += [assistant(*content), user(*answered, *following)]
    return request(*messages, thinking=draw(st.sampled_from([{"type": "adaptive"}, ENABLED["thinking"]])))


def blocks_of(body: JSON) -> list[JSON]:
    contents = [message["content"] for message in body["messages"]]
    return [block for content in contents for block in ([text(content)] if isinstance(content, str) else content)]


def not_thinking(body: JSON) -> list[JSON]:
    return [block for block in blocks_of(body) if "thinking" not in block["type"]]


@given(conversations(), st.sampled_from(TARGETS))
def test_what_is_left_is_a_valid_conversation(body: JSON, target: Target) -> None:
    before = copy.deepcopy(body)

    found = own(body, target).body

    assert body == before
    assert not_thinking(found) == not_thinking(body)
    assert all(first["role"] != second["role"] for first, second in pairwise(found["messages"]))
    assert all(message["content"] for message in found["messages"])
    for first, second in pairwise(found["messages"]):
        called = [block["id"] for block in first["content"] if isinstance(block, dict) and block["type"] == "tool_use"]
        assert called == [block["tool_use_id"] for block in second["content"] if "tool_use_id" in block]


@given(conversations(), st.sampled_from(TARGETS))
def test_nothing_is_forged_and_own_thinking_is_untouched(body: JSON, target: Target) -> None:
    found = own(body, target).body

    expected = [b for b in thinking_blocks(body["messages"]) if may_see(signature_of(b), target, ORIGINS)]
    assert thinking_blocks(found["messages"]) == expected
    assert own(found, target).notes == ()


@given(conversations())
def test_claude_is_never_asked_to_think_on_from_another_models_calls(body: JSON) -> None:
    found = own(body, CLAUDE).body

    if body["thinking"]["type"] == "enabled" and found["thinking"]["type"] == "enabled":
        was_led, is_led = leads(body), leads(found)
        assert is_led or not was_led


def leads(body: JSON) -> bool:
    """Whether the answer at the head of the open tool loop begins with thinking."""
    turns = body["messages"]
    start = len(turns)
    while (
        start >= 2 and isinstance(turns[start - 1]["content"], list) and "tool_use_id" in turns[start - 1]["content"][0]
    ):
        start -= 2
    return start == len(turns) or "thinking" in turns[start]["content"][0]["type"] if start < len(turns) else True
