"""The directives that script the demo model: a pure parser from a user's text to the steps of each turn.

A directive is a line that starts with `demo:` and a known name; every other line is ordinary text.
`docs/03-demo-backend.md` describes each for users.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from openrouter_anthropic_server.errors import (
    AuthenticationError,
    BillingError,
    ConflictError,
    GatewayError,
    InternalError,
    InvalidRequestError,
    NotFoundError,
    NotSupportedError,
    OverloadedError,
    PermissionDeniedError,
    RateLimitError,
    RequestTooLargeError,
    UpstreamError,
    UpstreamTimeoutError,
)

PIECE_CHARACTERS = 16
"""Size of one streamed piece, in characters; `demo:long N` is N pieces of this size."""

MAX_PIECES = 100_000
MAX_SECONDS = 3600.0

FAILURES: Mapping[int, type[GatewayError]] = {
    error.status: error
    for error in (
        InvalidRequestError,
        AuthenticationError,
        BillingError,
        PermissionDeniedError,
        NotFoundError,
        ConflictError,
        RequestTooLargeError,
        RateLimitError,
        InternalError,
        NotSupportedError,
        UpstreamError,
        UpstreamTimeoutError,
        OverloadedError,
    )
}
"""What `demo:fail STATUS` raises."""

STREAM_ERRORS: Mapping[str, type[GatewayError]] = {
    error.type: error
    for error in (
        InvalidRequestError,
        AuthenticationError,
        BillingError,
        PermissionDeniedError,
        NotFoundError,
        RequestTooLargeError,
        RateLimitError,
        UpstreamError,
        UpstreamTimeoutError,
        OverloadedError,
    )
}
"""What `demo:error TYPE` means; without a stream the class is raised."""

STOP_REASONS = ("end_turn", "max_tokens", "refusal", "pause_turn", "model_context_window_exceeded")


@dataclass(frozen=True, slots=True)
class Say:
    """A text block."""

    text: str


@dataclass(frozen=True, slots=True)
class Think:
    """A thinking block."""

    text: str


@dataclass(frozen=True, slots=True)
class UseTool:
    """A tool call; `input` None means: made from the tool's schema."""

    name: str
    input: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Wait:
    """Seconds before the answer begins (before its headers)."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Pause:
    """Seconds of silence inside the stream, before the next chunk."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Fail:
    """An error instead of an answer."""

    status: int
    message: str


@dataclass(frozen=True, slots=True)
class FailInside:
    """An `error` event inside the stream, which ends there."""

    type: str
    message: str


@dataclass(frozen=True, slots=True)
class Cut:
    """The stream breaks off; `quiet`: it ends like a finished body, else the connection breaks."""

    quiet: bool


@dataclass(frozen=True, slots=True)
class Stop:
    """The stop reason, where it is not the natural one."""

    reason: str


Step = Say | Think | UseTool | Wait | Pause | Fail | FailInside | Cut | Stop
Turn = tuple[Step, ...]

_DIRECTIVE = re.compile(r"demo:([a-z_]+)(?:[ \t]+(.*))?")
_THEN = "then"


def parse_script(text: str) -> tuple[Turn, ...]:
    """The turns that `text` asks for, in order; `()` where no line is a directive.

    An empty turn means: answer as without a script. A known directive with a bad argument raises
    `InvalidRequestError` that names it.
    """
    turns: list[list[Step]] = [[]]
    found = False
    for name, argument in _directives(text):
        if name == _THEN:
            found = True
            turns.append([])
        elif name in _READERS:
            found = True
            turns[-1].append(_READERS[name](name, argument))
    return tuple(tuple(turn) for turn in turns) if found else ()


def has_directive(text: str) -> bool:
    """Whether any line of `text` is a directive."""
    return any(name == _THEN or name in _READERS for name, _ in _directives(text))


def unknown_directives(text: str) -> tuple[str, ...]:
    """Lines that look like directives but name none: probably typing mistakes."""
    return tuple(f"demo:{name}" for name, _ in _directives(text) if name != _THEN and name not in _READERS)


def _directives(text: str) -> list[tuple[str, str]]:
    if "demo:" not in text:
        return []
    matches = (_DIRECTIVE.fullmatch(line.rstrip()) for line in text.split("\n"))
    return [(match[1], match[2] or "") for match in matches if match]


def _refuse(name: str, reason: str) -> InvalidRequestError:
    return InvalidRequestError(f"demo:{name}: {reason}")


def _words(name: str, argument: str) -> str:
    if not argument:
        raise _refuse(name, "a text is missing")
    return argument.replace("\\n", "\n")


def _say(name: str, argument: str) -> Step:
    return Say(_words(name, argument))


def _think(name: str, argument: str) -> Step:
    return Think(_words(name, argument))


def _use_tool(name: str, argument: str) -> Step:
    tool, *rest = argument.split(None, 1) or [""]
    if not tool:
        raise _refuse(name, "the name of a tool is missing")
    if not rest:
        return UseTool(tool, None)
    try:
        parsed = orjson.loads(rest[0])
    except orjson.JSONDecodeError as error:
        raise _refuse(name, f"the input is not valid JSON ({error})") from error
    if not isinstance(parsed, dict):
        raise _refuse(name, "the input must be a JSON object")
    return UseTool(tool, parsed)


def _seconds(name: str, argument: str) -> float:
    try:
        seconds = float(argument)
    except ValueError as error:
        raise _refuse(name, "a number of seconds is needed") from error
    if not 0 <= seconds <= MAX_SECONDS:
        raise _refuse(name, f"seconds must be between 0 and {MAX_SECONDS:.0f}")
    return seconds


def _wait(name: str, argument: str) -> Step:
    return Wait(_seconds(name, argument))


def _slow(name: str, argument: str) -> Step:
    return Pause(_seconds(name, argument))


def _long(name: str, argument: str) -> Step:
    if not argument.isdecimal() or not 0 < int(argument) <= MAX_PIECES:
        raise _refuse(name, f"a number of chunks between 1 and {MAX_PIECES} is needed")
    return Say("".join(f"[piece {number:07d}] " for number in range(1, int(argument) + 1)))


def _fail(name: str, argument: str) -> Step:
    status, _, message = argument.partition(" ")
    if not status.isdecimal() or int(status) not in FAILURES:
        raise _refuse(name, f"the status must be one of {', '.join(map(str, sorted(FAILURES)))}")
    return Fail(int(status), message.strip() or f"The demo model was told to fail with {status}.")


def _fail_inside(name: str, argument: str) -> Step:
    error_type, _, message = argument.partition(" ")
    if error_type not in STREAM_ERRORS:
        raise _refuse(name, f"the error type must be one of {', '.join(sorted(STREAM_ERRORS))}")
    return FailInside(error_type, message.strip() or f"The demo model was told to send {error_type}.")


def _cut(name: str, argument: str) -> Step:
    if argument not in {"", "quietly"}:
        raise _refuse(name, "only `demo:cut` and `demo:cut quietly` are known")
    return Cut(quiet=argument == "quietly")


def _stop(name: str, argument: str) -> Step:
    if argument:
        raise _refuse(name, "this directive takes no argument")
    return Stop(name)


_READERS: Mapping[str, Callable[[str, str], Step]] = {
    "text": _say,
    "think": _think,
    "tool": _use_tool,
    "wait": _wait,
    "slow": _slow,
    "long": _long,
    "fail": _fail,
    "error": _fail_inside,
    "cut": _cut,
    **dict.fromkeys(STOP_REASONS, _stop),
}
