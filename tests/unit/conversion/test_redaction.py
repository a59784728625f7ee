"""What `redact` takes out of an upstream's text, and what it must leave."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openrouter_anthropic_server.conversion.redaction import LIMIT, redact

HEX = st.text(alphabet="0123456789abcdef", min_size=8, max_size=48)


@given(before=st.text(), secret=HEX, after=st.text())
def test_a_given_secret_is_never_in_the_result(before: str, secret: str, after: str) -> None:
    assert secret not in redact(before + secret + after, [secret])


@given(st.text(max_size=3 * LIMIT))
def test_the_result_is_bounded_and_holds_no_control_characters(text: str) -> None:
    result = redact(text)
    assert len(result) <= LIMIT
    assert not any(ord(character) < 9 for character in result)


@pytest.mark.parametrize(
    "secret",
    [
        "sk-or-v1-0123456789abcdef0123456789abcdef",
        "sk-ant-api03-AbCdEf_gh-IjKl",
        "sk-ab****cd",
        "sk-…wxyz",
        "abc1****wxyz",
        "AIzaSyA1234567890abcdefghijk",
        "dapi0123456789abcdef0123",
        "ghp_0123456789abcdefghij",
        "xai-0123456789abcdefghij",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
        "0123456789abcdef0123456789abcdef",
        "https://adb-12.4.azuredatabricks.net/serving-endpoints/x?token=1",
        "http://10.1.2.3:8080/v1",
        "10.1.2.3:8080",
        "192.168.0.1",
        "fe80::1ff:fe23:4567:890a",
        "[::1]:4000",
        "localhost:4000",
        "openrouter.ai/api",
        "proxy.corp.internal:3128",
        "/home/someone/server/.env",
        "/usr/lib/python3.11/site-packages/aiohttp/client.py",
        r"C:\Users\someone\key.txt",
    ],
)
def test_what_looks_like_a_key_an_address_or_a_path_is_taken_out(secret: str) -> None:
    result = redact(f"It failed: {secret} was refused")
    assert secret not in result
    assert result.startswith("It failed: [")
    assert result.endswith("was refused")


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("Authorization: Bearer hunter-twenty-two", "hunter-twenty-two"),
        ('{"api_key": "hunter22"}', "hunter22"),
        ("Incorrect API key provided: hunter22.", "hunter22"),
        ("password=hunter22&x=1", "hunter22"),
    ],
)
def test_what_stands_where_a_key_stands_is_taken_out(text: str, secret: str) -> None:
    assert secret not in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "No endpoints found for anthropic/claude-foo-9.9:free.",
        "meta-llama/llama-4-maverick-17b-128e-instruct:free and ~anthropic/claude-opus-latest",
        "us.anthropic.claude-sonnet-4-5-20250929-v1:0 is not here",
        "messages.0.content.1.tool_use_id: Field required",
        "tools.3.custom.input_schema.properties.io: bad",
        "prompt is too long: 210000 tokens > 200000 maximum",
        "input length and `max_tokens` exceed context limit: 190000 + 21333 > 200000",
        "Invalid `signature` in `thinking` block toolu_01ABCDEFGHIJKLMNOPQRSTUV",
        "Bearer token is missing",
        "Invalid URL (POST /v1/messages)",
        "mcp__github__create_pull_request_review_v2 at 12:34:56",
        "risk-adjusted task-force, std::vector, **bold**",
    ],
)
def test_model_names_field_names_and_numbers_stay(text: str) -> None:
    assert redact(text) == text


def test_stack_traces_are_cut_out() -> None:
    python = 'boom\nTraceback (most recent call last):\n  File "x", line 1\nValueError: inner'
    node = "boom\n    at Object.<anonymous> (server.js:1:2)\n    at run (node:internal)\nend"
    assert redact(python) == "boom\n[stack trace]"
    assert redact(node) == "boom\n[stack trace]\nend"


def test_a_short_secret_is_replaced_only_as_a_whole_word() -> None:
    assert redact("the latest test failed", ["test"]) == "the latest [redacted] failed"


def test_blank_secrets_change_nothing() -> None:
    assert redact("all of it stays", ["", " "]) == "all of it stays"


@pytest.mark.parametrize(
    "unit",
    ["a", "a.", "a-", "/a", "1.", "a:", "*", "a*", "sk-", "https://", "\n at ", "::", " ", "<", "eyJ", "api key "],
)
def test_no_repetition_makes_it_slow(unit: str) -> None:
    started = time.perf_counter()
    redact(unit * 100_000)
    assert time.perf_counter() - started < 0.5
