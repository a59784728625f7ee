"""Why an answer ended: `finish_reason` of chat completions as `stop_reason` of the Messages API."""

from collections.abc import Sequence

from openrouter_anthropic_server.anthropic_types.response import StopReason

FAILED_REASONS = frozenset({"error", "abort", "aborted", "cancelled", "insufficient_system_resource"})
"""Finish reasons that mean the answer broke off at the upstream: OpenRouter's, vLLM's and DeepSeek's."""

# Native reasons that say more than the normalised one, and that Anthropic's API has too.
_NATIVE: dict[str, StopReason] = {
    "pause_turn": "pause_turn",
    "refusal": "refusal",
    "model_context_window_exceeded": "model_context_window_exceeded",
    "stop_sequence": "stop_sequence",
}

_REASONS: dict[str, StopReason] = {
    "stop": "end_turn",
    "end_turn": "end_turn",
    "eos": "end_turn",
    "stop_sequence": "stop_sequence",
    "length": "max_tokens",
    "max_tokens": "max_tokens",
    "model_length": "model_context_window_exceeded",
    "model_context_window_exceeded": "model_context_window_exceeded",
    "content_filter": "refusal",
    "refusal": "refusal",
    "safety": "refusal",
    "pause_turn": "pause_turn",
    "tool_calls": "tool_use",
    "tool_use": "tool_use",
    "function_call": "tool_use",
}

_ENDS_NORMALLY = frozenset({"end_turn", "tool_use"})


def stop_reason_from_chat(
    reason: str,
    native_reason: str | None = None,
    *,
    has_tool_calls: bool = False,
    stop_sequences: Sequence[str] = (),
) -> tuple[StopReason, str | None]:
    """`(stop_reason, stop_sequence)` for a finish reason.

    A normal end is `tool_use` exactly if the answer holds tool calls, whatever the upstream says:
    some say "stop" after calls, some "tool_calls" without any. The chat wire tells neither that a stop
    sequence was hit nor which; the native reason tells the first, and the second is known where only
    one sequence was asked for. An unknown reason counts as a normal end.
    """
    stop = _NATIVE.get((native_reason or "").lower()) or _REASONS.get(reason.lower(), "end_turn")
    if stop in _ENDS_NORMALLY:
        return ("tool_use" if has_tool_calls else "end_turn"), None
    if stop == "stop_sequence":
        return stop, stop_sequences[0] if len(stop_sequences) == 1 else None
    return stop, None
