"""What the demo model says when no script tells it: each text is marked as the demo's, none is random."""

from collections.abc import Callable, Sequence

from openrouter_anthropic_server.backends.demo_request import DemoRequest, ToolResult
from openrouter_anthropic_server.backends.demo_script import unknown_directives

MARK = "[demo model]"
QUOTED_CHARACTERS = 200
"""How much of a tool result or of a prompt is quoted."""

_ADVICE = "Set OPENROUTER_API_KEY (in the environment or in .env) and restart the server to talk to a real model."


def thinking_text(request: DemoRequest) -> str:
    """The text of a thinking block."""
    return (
        f"{MARK} No model is thinking here. A real one would now reason about the "
        f"{_count(len(request.messages), 'message')} it was sent."
    )


def results_text(results: Sequence[ToolResult]) -> str:
    """The answer to a round of tool results: each quoted from its beginning."""
    return "\n".join(f"{MARK} {_quote(result)}" for result in results)


def plain_text(request: DemoRequest) -> str:
    """The answer to a prompt without a script; Claude Code's own side calls get what they expect."""
    for belongs, answer in _SIDE_CALLS:
        if belongs(request.prompt):
            return answer(request)
    return _report(request)


def no_tools_text(names: Sequence[str]) -> str:
    """Said in place of scripted calls that `tool_choice` forbids."""
    return f"{MARK} tool_choice is `none`: {', '.join(names)} not called."


def _quote(result: ToolResult) -> str:
    verb = "failed with" if result.is_error else "answered"
    cut = "…" if len(result.text) > QUOTED_CHARACTERS else ""
    return f"{result.tool_name} {verb}: {result.text[:QUOTED_CHARACTERS]}{cut}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _report(request: DemoRequest) -> str:
    seen = [
        _count(len(request.messages), "message"),
        _count(len(request.tools), "tool"),
        f"thinking {request.thinking.get('type') if request.thinks else 'off'}",
    ]
    seen += [_count(number, noun) for number, noun in _media(request) if number]
    lines = [
        f"{MARK} This answer is scripted: no language model has read your prompt.",
        f"I was sent {', '.join(seen)}.",
        *(f"{name} is not a directive that I know." for name in unknown_directives(request.prompt)),
        _ADVICE,
        'To script my answers, start a line with a directive such as "demo:text Hello".',
    ]
    return " ".join(lines)


def _media(request: DemoRequest) -> list[tuple[int, str]]:
    return [(request.images, "image"), (request.documents, "document")]


def _is_warm_up(prompt: str) -> bool:
    return prompt.strip() == "Warmup"


def _warm_up(_request: DemoRequest) -> str:
    return f"{MARK} Ready."


def _is_compaction(prompt: str) -> bool:
    return "summary of the conversation" in prompt or "create a detailed summary" in prompt


def _summary(request: DemoRequest) -> str:
    roles = [message.get("role") for message in request.messages[:-1]]
    return (
        f"<summary>\n{MARK} The conversation so far: {_count(roles.count('user'), 'message')} of the user, "
        f"{_count(roles.count('assistant'), 'answer')}. The demo model cannot summarise what they say. "
        f"{_ADVICE}\n</summary>"
    )


def _is_web_page(prompt: str) -> bool:
    return prompt.lstrip().startswith("Web page content:")


def _web_page(request: DemoRequest) -> str:
    return (
        f"{MARK} A page of {_count(len(request.prompt), 'character')} arrived; the demo model cannot read it. {_ADVICE}"
    )


_SIDE_CALLS: Sequence[tuple[Callable[[str], bool], Callable[[DemoRequest], str]]] = (
    (_is_warm_up, _warm_up),
    (_is_compaction, _summary),
    (_is_web_page, _web_page),
)
"""The inner calls of Claude Code that carry their task in the prompt."""
