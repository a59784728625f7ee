"""The directives of the demo model, line by line."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openrouter_anthropic_server.backends.demo_script import (
    PIECE_CHARACTERS,
    STOP_REASONS,
    Cut,
    Fail,
    FailInside,
    Pause,
    Say,
    Step,
    Stop,
    Think,
    UseTool,
    Wait,
    has_directive,
    parse_script,
    unknown_directives,
)
from openrouter_anthropic_server.errors import InvalidRequestError


@pytest.mark.parametrize(
    ("line", "step"),
    [
        ("demo:text Hello there", Say("Hello there")),
        ("demo:text two\\nlines", Say("two\nlines")),
        ("demo:text\tafter a tab", Say("after a tab")),
        ("demo:think Hm.", Think("Hm.")),
        ("demo:tool Bash", UseTool("Bash", None)),
        ('demo:tool Bash {"command": "echo hi"}', UseTool("Bash", {"command": "echo hi"})),
        ("demo:tool mcp__a__b {}", UseTool("mcp__a__b", {})),
        ("demo:wait 2", Wait(2.0)),
        ("demo:slow 0.5", Pause(0.5)),
        ("demo:fail 529", Fail(529, "The demo model was told to fail with 529.")),
        ("demo:fail 400 prompt is too long", Fail(400, "prompt is too long")),
        (
            "demo:error overloaded_error",
            FailInside("overloaded_error", "The demo model was told to send overloaded_error."),
        ),
        ("demo:error api_error It broke", FailInside("api_error", "It broke")),
        ("demo:cut", Cut(quiet=False)),
        ("demo:cut quietly", Cut(quiet=True)),
        *((f"demo:{reason}", Stop(reason)) for reason in STOP_REASONS),
    ],
)
def test_a_directive_is_one_step(line: str, step: Step) -> None:
    assert parse_script(line) == ((step,),)


def test_long_is_a_text_of_that_many_pieces() -> None:
    ((step,),) = parse_script("demo:long 12")

    assert isinstance(step, Say)
    assert len(step.text) == 12 * PIECE_CHARACTERS


def test_then_begins_the_next_turn() -> None:
    script = "demo:tool Bash\ndemo:tool Read\ndemo:then\ndemo:text Done"

    assert parse_script(script) == ((UseTool("Bash", None), UseTool("Read", None)), (Say("Done"),))


def test_a_turn_may_be_empty() -> None:
    assert parse_script("demo:text a\ndemo:then\ndemo:then\ndemo:text b") == ((Say("a"),), (), (Say("b"),))


def test_other_lines_are_ignored_and_crlf_is_a_line_end() -> None:
    assert parse_script("Please do this:\r\ndemo:text Hello\r\nThanks") == ((Say("Hello"),),)


@pytest.mark.parametrize(
    "text",
    [
        "Hello",
        "say demo:text Hello",
        " demo:text indented",
        "demo: text",
        "demo:",
        "DEMO:text Hello",
        "`demo:text Hello`",
        "demo:latest is a tag",
        "demo:texts are no directive",
        "demo:text: neither",
    ],
)
def test_only_a_known_name_at_the_start_of_a_line_is_a_directive(text: str) -> None:
    assert parse_script(text) == ()
    assert not has_directive(text)


def test_an_unknown_name_is_reported() -> None:
    assert unknown_directives("demo:txt Hello\ndemo:text Hello") == ("demo:txt",)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("demo:text", "a text is missing"),
        ("demo:think", "a text is missing"),
        ("demo:tool", "the name of a tool is missing"),
        ("demo:tool Bash {command}", "not valid JSON"),
        ("demo:tool Bash [1]", "must be a JSON object"),
        ("demo:slow", "a number of seconds"),
        ("demo:slow -1", "between 0 and 3600"),
        ("demo:wait nan", "between 0 and 3600"),
        ("demo:long 0", "a number of chunks"),
        ("demo:long 100001", "a number of chunks"),
        ("demo:fail", "the status must be one of 400, 401"),
        ("demo:fail 200", "the status must be one of 400, 401"),
        ("demo:error oops", "the error type must be one of api_error"),
        ("demo:cut short", "only `demo:cut` and `demo:cut quietly`"),
        ("demo:refusal no", "takes no argument"),
    ],
)
def test_a_bad_argument_is_refused_by_name(line: str, reason: str) -> None:
    with pytest.raises(InvalidRequestError, match=reason) as refusal:
        parse_script(line)

    assert refusal.value.message.startswith(line.split(maxsplit=1)[0])


@given(st.text())
def test_no_text_breaks_the_parser(text: str) -> None:
    assert bool(parse_script(f"x{text.replace('demo:', '')}")) is False
    assert parse_script(f"{text.replace('demo:', '')}\ndemo:text Hello")[-1][-1] == Say("Hello")


def directives_in_the_docs() -> set[str]:
    """Names in the first column of the table of directives."""
    page = (Path(__file__).parents[3] / "docs" / "03-demo-backend.md").read_text(encoding="utf-8")
    cells = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `demo:")]
    return {name for cell in cells for name in re.findall(r"`demo:([a-z_]+)", cell)}


def test_the_docs_name_every_directive() -> None:
    known = {"text", "think", "tool", "long", "slow", "wait", "fail", "error", "cut", "then", *STOP_REASONS}

    assert directives_in_the_docs() == known
    assert not unknown_directives("\n".join(f"demo:{name}" for name in known))
