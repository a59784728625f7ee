"""The demo model itself: a pure function from a request to an answer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson

from openrouter_anthropic_server.backends.demo_answer import (
    Answer,
    Block,
    Break,
    Part,
    cut_block,
    text_block,
    thinking_block,
)
from openrouter_anthropic_server.backends.demo_request import DemoRequest
from openrouter_anthropic_server.backends.demo_schema import sample
from openrouter_anthropic_server.backends.demo_script import (
    FAILURES,
    STREAM_ERRORS,
    Cut,
    Fail,
    FailInside,
    Pause,
    Say,
    Step,
    Stop,
    Think,
    Turn,
    UseTool,
    Wait,
    parse_script,
)
from openrouter_anthropic_server.backends.demo_texts import no_tools_text, plain_text, results_text, thinking_text
from openrouter_anthropic_server.backends.demo_tools import call_blocks, forced_tool, server_tool
from openrouter_anthropic_server.errors import GatewayError, RateLimitError, UpstreamError

STRUCTURED_OUTPUT = "StructuredOutput"
"""The tool through which Claude Code's `--json-schema` takes its result: it waits for this call."""

RETRY_AFTER = "1"
"""Seconds, sent with a scripted 429."""

_RAW_JSON_START = ("{", "[", '"')


def answer_to(request: DemoRequest) -> Answer:
    """The whole answer to a request; raises `InvalidRequestError` where a real API would."""
    forced = forced_tool(request)
    turn = _scripted_turn(request)
    failure = next((step for step in turn if isinstance(step, Fail)), None)
    waits = sum(step.seconds for step in turn if isinstance(step, Wait))
    if failure is not None:
        return Answer(wait_seconds=waits, failure=_failure(failure))
    if request.max_tokens == 0:  # only fills the prompt cache
        return Answer(stop_reason="max_tokens", wait_seconds=waits)
    parts = _scripted_parts(request, turn) if turn else _free_parts(request, forced)
    reason = next((step.reason for step in turn if isinstance(step, Stop)), None)
    if turn and forced and reason is None and not _calls_a_tool(parts) and not _breaks(parts):
        parts += call_blocks(request, str(forced["name"]), None)
    answer = Answer(parts, reason or _natural_reason(parts), wait_seconds=waits)
    return _counted(_limited(_stopped(answer, request.stop_sequences), request.max_tokens))


def _scripted_turn(request: DemoRequest) -> Turn:
    turns = parse_script(request.prompt)
    return turns[request.turn] if request.turn < len(turns) else ()


def _failure(step: Fail) -> GatewayError:
    error = FAILURES[step.status]
    headers = {"retry-after": RETRY_AFTER} if error is RateLimitError else {}
    return error(step.message, headers=headers)


def _free_parts(request: DemoRequest, forced: dict[str, Any] | None) -> list[Part]:
    """What the demo model does unscripted: think if asked to, then call what is forced, or talk."""
    thinking = [thinking_block(thinking_text(request), hidden=request.hides_thinking)] if request.thinks else []
    return [*thinking, *_called(request, forced)]


def _called(request: DemoRequest, forced: dict[str, Any] | None) -> list[Block]:
    wanted = forced or _unforced_tool(request)
    if wanted is not None:
        return call_blocks(request, str(wanted["name"]), None)
    return [text_block(_talk(request))]


def _talk(request: DemoRequest) -> str:
    if request.schema is not None:
        return _json_text(request)
    return results_text(request.results) if request.results else plain_text(request)


def _unforced_tool(request: DemoRequest) -> dict[str, Any] | None:
    """The two calls that a client waits for: its structured output, and a search that is all it offers."""
    if request.tool_choice.get("type") == "none":
        return None
    if STRUCTURED_OUTPUT not in request.calls and (tool := request.tool(STRUCTURED_OUTPUT)):
        return tool
    only_server_tools = bool(request.tools) and all(server_tool(tool) for tool in request.tools)
    return request.tools[0] if only_server_tools and request.schema is None else None


def _json_text(request: DemoRequest) -> str:
    return orjson.dumps(sample(request.schema, optional=True)).decode()


def _scripted_parts(request: DemoRequest, turn: Turn) -> list[Part]:
    return [part for step in _allowed(request, turn) for part in _PARTS[type(step)](request, step)]


def _allowed(request: DemoRequest, turn: Turn) -> list[Step]:
    """The steps, with as many tool calls as `tool_choice` permits."""
    calls = [step for step in turn if isinstance(step, UseTool)]
    if calls and request.tool_choice.get("type") == "none":
        kept: list[Step] = [step for step in turn if not isinstance(step, UseTool)]
        return [*kept, Say(no_tools_text([call.name for call in calls]))]
    if request.tool_choice.get("disable_parallel_tool_use"):
        return [step for step in turn if step not in calls[1:] or step is calls[0]]
    return list(turn)


def _say(request: DemoRequest, step: Any) -> list[Part]:
    if request.schema is not None and not _is_json(step.text):
        return [text_block(_json_text(request))]
    return [text_block(step.text)]


def _is_json(text: str) -> bool:
    if not text.startswith(_RAW_JSON_START):
        return False
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True


def _think(request: DemoRequest, step: Any) -> list[Part]:
    return [thinking_block(step.text, hidden=request.hides_thinking)]


def _use_tool(request: DemoRequest, step: Any) -> list[Part]:
    return list(call_blocks(request, step.name, step.input))


def _fail_inside(_request: DemoRequest, step: Any) -> list[Part]:
    return [Break(STREAM_ERRORS[step.type](step.message), "event")]


def _cut(_request: DemoRequest, step: Any) -> list[Part]:
    error = UpstreamError("The demo model broke off the answer, as its script says.")
    return [Break(error, "quiet" if step.quiet else "raise")]


def _silence(_request: DemoRequest, step: Any) -> list[Part]:
    return [step]


def _nothing(_request: DemoRequest, _step: Any) -> list[Part]:
    return []


_PARTS: Mapping[type, Callable[[DemoRequest, Any], list[Part]]] = {
    Say: _say,
    Think: _think,
    UseTool: _use_tool,
    Pause: _silence,
    FailInside: _fail_inside,
    Cut: _cut,
    Wait: _nothing,
    Fail: _nothing,
    Stop: _nothing,
}


def _calls_a_tool(parts: Sequence[Part]) -> bool:
    kinds = {part.content["type"] for part in parts if isinstance(part, Block)}
    return bool(kinds & {"tool_use", "server_tool_use"})


def _breaks(parts: Sequence[Part]) -> bool:
    return any(isinstance(part, Break) for part in parts)


def _natural_reason(parts: Sequence[Part]) -> str:
    calls = any(isinstance(part, Block) and part.content["type"] == "tool_use" for part in parts)
    return "tool_use" if calls else "end_turn"


def _stopped(answer: Answer, sequences: Sequence[str]) -> Answer:
    """The answer up to the first stop sequence in its text."""
    for index, part in enumerate(answer.parts):
        text = part.content.get("text", "") if isinstance(part, Block) else ""
        found = [(text.index(sequence), sequence) for sequence in sequences if sequence in text]
        if found:
            end, sequence = min(found)
            kept = [text_block(text[:end])] if end else []
            parts = [*answer.parts[:index], *kept]
            return replace(answer, parts=parts, stop_reason="stop_sequence", stop_sequence=sequence)
    return answer


def _limited(answer: Answer, max_tokens: int | None) -> Answer:
    """The answer cut where its estimated tokens reach `max_tokens`; a call that does not fit is left out."""
    if max_tokens is None:
        return answer
    left = max_tokens
    for index, part in enumerate(answer.parts):
        if not isinstance(part, Block):
            continue
        if part.tokens > left:
            rest = cut_block(part, left)
            parts = [*answer.parts[:index], *([rest] if rest else [])]
            return replace(answer, parts=parts, stop_reason="max_tokens", stop_sequence=None)
        left -= part.tokens
    return answer


def _counted(answer: Answer) -> Answer:
    thinking = sum(block.tokens for block in answer.blocks if block.content["type"] == "thinking")
    return replace(
        answer,
        output_tokens=max(1, sum(block.tokens for block in answer.blocks)),
        thinking_tokens=thinking,
    )
