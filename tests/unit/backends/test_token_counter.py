"""Counting of input tokens: the formula, what is counted, and what it costs."""

import asyncio
import base64
import json
import struct
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openrouter_anthropic_server.backends import token_counter, token_encoding
from openrouter_anthropic_server.backends.token_cache import CountCache
from openrouter_anthropic_server.backends.token_counter import TiktokenCounter, family
from openrouter_anthropic_server.backends.token_encoding import Encoding, cl100k_path, load_cl100k
from openrouter_anthropic_server.backends.token_formula import FORMULAS, Family
from openrouter_anthropic_server.backends.token_pdf import pdf_pages
from openrouter_anthropic_server.ports.token_counter import TokenCounter

WORDS = "The quick brown fox jumps over the lazy dog while seventeen penguins discuss the weather. "
TOOL = {
    "name": "Bash",
    "description": "Runs a command in the shell and returns what it wrote.",
    "input_schema": {"type": "object", "properties": {"command": {"type": "string"}}, "required": ["command"]},
}
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["type", "content", "text", "source", "data", "name", "input", "thinking", "title"]),
            inner | st.sampled_from(["text", "image", "document", "tool_result", "tool_use", "base64", "content"]),
            max_size=5,
        )
    ),
    max_leaves=15,
)


@pytest.fixture(scope="module")
def counter():  # type: ignore[no-untyped-def]
    counter = TiktokenCounter()
    yield counter
    counter.close()


@pytest.fixture(scope="module")
def encoding() -> Encoding:
    encoding = load_cl100k()
    assert encoding is not None
    return encoding


def request(content: Any, *, model: str = "claude-sonnet-4-5", **fields: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": content}], **fields}


async def cost(counter: TokenCounter, block: dict[str, Any], model: str = "openai/gpt-5") -> int:
    """What a block adds to a message; the formula for other models counts texts once."""
    return await counter.count(request([block], model=model)) - await counter.count(request([], model=model))


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("claude-sonnet-4-5-20250929", "old"),
        ("claude-opus-4-20250514", "old"),
        ("claude-opus-4-6", "old"),
        ("claude-sonnet-4-6", "old"),
        ("claude-haiku-4-5", "old"),
        ("claude-3-5-sonnet-20241022", "old"),
        ("anthropic/claude-4.6-sonnet-20260217", "old"),
        ("anthropic/claude-3.7-sonnet:thinking", "old"),
        ("us.anthropic.claude-opus-4-5-20251101-v1:0", "old"),
        ("databricks-claude-sonnet-4-5", "old"),
        ("claude-opus-4-7", "new"),
        ("anthropic/claude-opus-4.8", "new"),
        ("anthropic/claude-4.8-opus-20260528", "new"),
        ("claude-opus-5", "new"),
        ("claude-opus-5-5[1m]", "new"),
        ("claude-haiku-5-5", "new"),
        ("claude-sonnet-5", "new"),
        ("claude-fable-5-2", "new"),
        ("claude-mythos-preview", "new"),
        ("~anthropic/claude-opus-latest", "new"),
        ("claude-via-openai--gpt-5", "gpt"),
        ("openai/gpt-5", "gpt"),
        ("gpt-4o-mini", "gpt"),
        ("databricks-gpt-oss-120b", "gpt"),
        ("o3", "gpt"),
        ("gpt-4-turbo", "other"),
        ("gpt-4-1106-preview", "other"),
        ("google/gemini-2.5-pro", "gemini"),
        ("mistral/magistral-medium", "other"),
        ("big", "other"),
        ("", "other"),
    ],
)
def test_the_family_follows_from_the_name(model: str, expected: Family) -> None:
    assert family(model) == expected


async def test_a_greeting_costs_what_the_api_measured(counter: TiktokenCounter) -> None:
    assert await counter.count(request("hi")) == 8


@pytest.mark.parametrize(
    ("model", "factor", "tool_factor", "preamble"),
    [("claude-sonnet-4-5", 1.05, 1, 500), ("claude-opus-5", 1.42, 1.25, 340), ("openai/gpt-5", 1, 1, 12)],
)
async def test_texts_messages_and_tools_add_up(
    counter: TiktokenCounter, encoding: Encoding, model: str, factor: float, tool_factor: float, preamble: int
) -> None:
    text, tool = WORDS * 20, json.dumps(TOOL, separators=(",", ":"))
    tokens, tool_tokens = len(encoding.encode_ordinary(text)), len(encoding.encode_ordinary(tool))
    base = FORMULAS[family(model)].base
    turns = [{"role": "user", "content": text}, {"role": "assistant", "content": [{"type": "text", "text": text}]}]
    counted = await counter.count({"model": model, "system": text, "messages": turns})
    assert counted == round(base + 4 + factor * 3 * tokens)
    with_tools = await counter.count({"model": model, "system": text, "messages": turns, "tools": [TOOL]})
    assert with_tools == round(base + 4 + factor * 3 * tokens + tool_factor * tool_tokens + preamble)


async def test_forced_tools_and_thinking_cost_their_constants(counter: TiktokenCounter) -> None:
    plain = await counter.count(request("hi", tools=[TOOL]))
    assert await counter.count(request("hi", tools=[TOOL], tool_choice={"type": "auto"})) == plain
    assert await counter.count(request("hi", tools=[TOOL], tool_choice={"type": "any"})) == plain + 95
    assert await counter.count(request("hi", tools=[TOOL], thinking={"type": "adaptive"})) == plain + 17
    assert await counter.count(request("hi", tools=[TOOL], thinking={"type": "enabled"})) == plain + 29
    assert await counter.count(request("hi", tools=[TOOL], thinking={"type": "disabled"})) == plain


@pytest.mark.parametrize(
    "block",
    [
        {"type": "text", "text": WORDS},
        {"type": "thinking", "thinking": WORDS, "signature": "c2ln" * 500},
        {"type": "tool_result", "tool_use_id": "toolu_1", "content": WORDS},
        {"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": WORDS}]},
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": WORDS}},
        {"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": WORDS}]}},
        {"type": "search_result", "source": "", "title": "", "content": [{"type": "text", "text": WORDS}]},
        {"type": "web_search_tool_result", "content": [{"type": "web_search_result", "title": WORDS, "url": ""}]},
        {"type": "something_new", "inside": {"of": [WORDS]}, "data": "QUJD" * 500},
    ],
)
async def test_the_text_of_every_block_is_counted_once(
    counter: TiktokenCounter, encoding: Encoding, block: dict[str, Any]
) -> None:
    assert await cost(counter, block) == len(encoding.encode_ordinary(WORDS))


async def test_tool_inputs_are_counted_as_json(counter: TiktokenCounter, encoding: Encoding) -> None:
    block = {"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {"command": WORDS}}
    text = json.dumps({"command": WORDS}, separators=(",", ":"))
    expected = len(encoding.encode_ordinary(text)) + len(encoding.encode_ordinary("Bash"))
    assert await cost(counter, block) == expected


async def test_the_schema_of_a_structured_answer_is_counted(counter: TiktokenCounter) -> None:
    schema = {"type": "json_schema", "schema": {"type": "object", "description": WORDS}}
    plain = await counter.count(request("hi"))
    assert await counter.count(request("hi", output_config={"effort": "low"})) == plain
    assert await counter.count(request("hi", output_config={"format": schema})) > plain + 15


@pytest.mark.parametrize(("model", "expected"), [("claude-sonnet-4-5", 1568), ("claude-opus-5", 72 * 54)])
async def test_images_cost_their_patches_and_never_their_base64(
    counter: TiktokenCounter, model: str, expected: int
) -> None:
    header = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 2000, 1500)
    data = base64.b64encode(header + bytes(3_000_000)).decode()
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}}
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": [image]}
    assert await cost(counter, image, model) == expected
    assert await cost(counter, result, model) == expected
    assert 1000 < counter.estimate(request([image], model=model)) < 5000


async def test_an_image_behind_a_url_costs_an_average_one(counter: TiktokenCounter) -> None:
    assert await cost(counter, {"type": "image", "source": {"type": "url", "url": "https://x/y.png"}}) == 39 * 39


async def test_a_pdf_costs_its_pages_and_its_title(counter: TiktokenCounter) -> None:
    pdf = b"%PDF-1.4 <</Type /Pages /Count 3>> " + b"<< /Type /Page /Parent 1 0 R >>" * 3 + bytes(1_000_000)
    source = {"type": "base64", "media_type": "application/pdf", "data": base64.b64encode(pdf).decode()}
    block = {"type": "document", "source": source}
    assert await cost(counter, block) == 3 * FORMULAS["other"].pdf_page
    assert await cost(counter, block, "claude-opus-5") == 3 * FORMULAS["new"].pdf_page
    assert await cost(counter, {**block, "title": "penguins"}) > 3 * FORMULAS["other"].pdf_page


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (b"/Type/Page /Type /Page\n/Type /Pages /Type /PageLabel", 2),
        (b"/Type /Pages /Count 25 compressed", 25),
        (bytes(500_000), 10),
        (b"", 1),
        (b"/Type /Page " * 5000, 1000),
    ],
)
def test_pages_of_a_pdf_are_found_or_guessed_by_size(document: bytes, expected: int) -> None:
    assert pdf_pages(base64.b64encode(document).decode()) == expected


def test_broken_base64_is_still_a_page() -> None:
    assert pdf_pages("é" * 8) == 1


async def test_documents_elsewhere_and_encrypted_data_cost_a_guess(counter: TiktokenCounter) -> None:
    document = {"type": "document", "source": {"type": "url", "url": "https://x/y.pdf"}}
    assert await cost(counter, document) == 2 * FORMULAS["other"].pdf_page
    assert await cost(counter, {"type": "redacted_thinking", "data": "A" * 600}) == 100
    found = {"type": "web_search_result", "encrypted_content": "A" * 600}
    assert await cost(counter, {"type": "web_search_tool_result", "content": [found]}) == 100


@given(JSON_VALUES, JSON_VALUES, JSON_VALUES)
@settings(max_examples=60)
def test_any_json_has_a_count_and_an_estimate_of_at_least_one(messages: Any, system: Any, tools: Any) -> None:
    body = {"model": "big", "messages": messages, "system": system, "tools": tools}
    counter = TiktokenCounter()
    try:
        assert asyncio.run(counter.count(body)) >= 1
        assert counter.estimate(body) >= 1
    finally:
        counter.close()


async def test_deep_nesting_is_counted(counter: TiktokenCounter) -> None:
    deep: Any = WORDS
    for _ in range(900):
        deep = {"type": "tool_result", "content": [deep]}
    assert await counter.count(request([deep])) > 15
    assert await counter.count(request([{"type": "tool_use", "name": "x", "input": deep}])) > 15


async def test_special_tokens_and_lone_surrogates_are_ordinary_text(counter: TiktokenCounter) -> None:
    assert await counter.count(request("<|endoftext|> \ud800")) > 8


@pytest.mark.parametrize(
    "text", [WORDS * 500, json.dumps([TOOL] * 100, indent=1), "今日は天気がとても良いですね。" * 400]
)
@pytest.mark.parametrize("model", ["claude-sonnet-4-5", "claude-opus-5", "openai/gpt-5"])
async def test_an_estimate_is_within_half_of_the_count(counter: TiktokenCounter, text: str, model: str) -> None:
    body = request(text, model=model)
    counted = await counter.count(body)
    assert counted * 0.5 < counter.estimate(body) < counted * 1.5


def test_a_few_wide_characters_at_the_start_do_not_stand_for_a_long_text(counter: TiktokenCounter) -> None:
    plain = counter.estimate(request(WORDS * 10_000))
    assert counter.estimate(request("中文说明" * 60 + WORDS * 10_000)) < plain * 1.2


async def test_a_huge_text_is_counted_by_samples(counter: TiktokenCounter, encoding: Encoding) -> None:
    text = WORDS * 30_000
    exact = len(encoding.encode_ordinary(WORDS * 1000)) * 30
    assert await counter.count(request(text, model="big")) == pytest.approx(exact, rel=0.02)


async def test_without_the_tokenizer_counts_are_made_from_lengths(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_counter, "load_cl100k", lambda: None)
    counter = TiktokenCounter()
    body = request(WORDS * 100, tools=[TOOL])
    assert await counter.count(body) == pytest.approx(counter.estimate(body), abs=2)
    counter.close()


class RecordingEncoding:
    """An encoding that remembers what it was asked, and by which thread."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.threads_of_long_texts: set[str] = set()

    def encode_ordinary(self, text: str) -> list[int]:
        self.texts.append(text)
        if len(text) > 2_000:
            self.threads_of_long_texts.add(threading.current_thread().name)
        return [0] * len(text)


async def test_parallel_counts_with_the_same_tools_count_them_once(monkeypatch: pytest.MonkeyPatch) -> None:
    encoding = RecordingEncoding()
    monkeypatch.setattr(token_counter, "load_cl100k", lambda: encoding)
    counter = TiktokenCounter()
    tools = [{**TOOL, "name": f"tool_{index}", "description": WORDS * 25} for index in range(14)]
    counts = await asyncio.gather(*(counter.count(request(f"foo {index}", tools=tools)) for index in range(10, 36)))
    counter.close()
    assert len(set(counts)) == 1
    assert len(encoding.texts) == len(set(encoding.texts)) == 14 + 26
    assert encoding.threads_of_long_texts == {"token-counter_0"}


async def test_the_event_loop_is_free_while_a_large_text_is_counted() -> None:
    counter = TiktokenCounter()
    await counter.warm()
    turns = 0
    text = "".join(f"{WORDS}{index}" for index in range(3_000))
    counting = asyncio.get_running_loop().create_task(counter.count(request([{"type": "text", "text": text}] * 3)))
    while not counting.done():
        await asyncio.sleep(0)
        turns += 1
    counter.close()
    assert counting.result() > 30_000
    assert turns > 20


def test_the_tokenizers_file_is_found() -> None:
    assert cl100k_path() is not None


@pytest.mark.parametrize("content", [None, b"IQ== 0\n"])
def test_a_missing_or_changed_file_is_no_tokenizer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None
) -> None:
    path = tmp_path / "cl100k"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setattr(token_encoding, "cl100k_path", lambda: path)
    assert load_cl100k.__wrapped__() is None
    monkeypatch.setattr(token_encoding, "cl100k_path", lambda: None)
    assert load_cl100k.__wrapped__() is None


def test_a_cache_forgets_the_least_recently_used_first() -> None:
    cache = CountCache(max_bytes=600)
    keys = [CountCache.key(text) for text in "abcd"]
    for count, key in enumerate(keys[:3]):
        cache.put(key, count)
    assert cache.get(keys[0]) == 0
    cache.put(keys[3], 3)
    assert [cache.get(key) for key in keys] == [0, None, 2, 3]
    assert len(cache) == 3
