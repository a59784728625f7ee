import pytest

from openrouter_anthropic_server.conversion.stop_reasons import stop_reason_from_chat


@pytest.mark.parametrize(
    ("reason", "native", "expected"),
    [
        ("stop", None, "end_turn"),
        ("stop", "end_turn", "end_turn"),
        ("stop", "STOP", "end_turn"),
        ("length", "max_tokens", "max_tokens"),
        ("length", "MAX_TOKENS", "max_tokens"),
        ("length", "model_context_window_exceeded", "model_context_window_exceeded"),
        ("content_filter", "SAFETY", "refusal"),
        ("stop", "refusal", "refusal"),
        ("stop", "pause_turn", "pause_turn"),
        ("eos", None, "end_turn"),
        ("of_tomorrow", None, "end_turn"),
    ],
)
def test_each_finish_reason_has_its_stop_reason(reason: str, native: str | None, expected: str) -> None:
    assert stop_reason_from_chat(reason, native) == (expected, None)


@pytest.mark.parametrize("reason", ["stop", "tool_calls", "function_call", "tool_use", "end_turn"])
def test_a_normal_end_is_tool_use_exactly_with_tool_calls(reason: str) -> None:
    assert stop_reason_from_chat(reason, has_tool_calls=True) == ("tool_use", None)
    assert stop_reason_from_chat(reason, has_tool_calls=False) == ("end_turn", None)


@pytest.mark.parametrize(
    ("reason", "expected"), [("length", "max_tokens"), ("content_filter", "refusal"), ("refusal", "refusal")]
)
def test_a_cut_off_answer_is_no_normal_end_with_tool_calls_either(reason: str, expected: str) -> None:
    assert stop_reason_from_chat(reason, has_tool_calls=True) == (expected, None)


@pytest.mark.parametrize(("asked_for", "named"), [([], None), (["END"], "END"), (["a", "b"], None)])
def test_a_stop_sequence_is_named_only_where_one_was_asked_for(asked_for: list[str], named: str | None) -> None:
    assert stop_reason_from_chat("stop", "stop_sequence", stop_sequences=asked_for) == ("stop_sequence", named)


def test_without_a_native_reason_a_stop_is_the_end_of_the_turn() -> None:
    assert stop_reason_from_chat("stop", stop_sequences=["END"]) == ("end_turn", None)
