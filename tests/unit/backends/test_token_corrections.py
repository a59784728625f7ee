"""Counts learn from the usage of real answers, and other tokenizers count what they count better."""

import asyncio
import base64
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openrouter_anthropic_server.backends import token_counter
from openrouter_anthropic_server.backends.token_corrections import TokenCorrections
from openrouter_anthropic_server.backends.token_counter import TiktokenCounter
from openrouter_anthropic_server.backends.token_encoding import Encoding, load_cl100k, load_o200k

WORDS = "The quick brown fox jumps over the lazy dog while seventeen penguins discuss the weather. "
JAPANESE = "今日は天気がとても良いですね。" * 20
MODEL = "acme/large"


def request(content: Any, model: str = MODEL) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": content}]}


async def met(counter: TiktokenCounter, body: dict[str, Any], real: int) -> bool:
    """Count with the thread, tell the real number; whether it was a sample."""
    expected = counter.expect(body, body["model"])
    if expected is None:
        return False
    expected.met(real)
    await counter.warm()  # the thread has one job after the other
    return True


@pytest.fixture
async def counter():  # type: ignore[no-untyped-def]
    counter = TiktokenCounter()
    await counter.warm()
    yield counter
    counter.close()


async def test_counts_follow_the_real_usage_of_their_model_alone(counter: TiktokenCounter) -> None:
    uncorrected, rough = await counter.count(request(WORDS * 40)), counter.estimate(request(WORDS * 40))
    for turns in (20, 40, 60, 30):
        body = request(WORDS * turns)
        own = await TiktokenCounter().count(body)
        assert await met(counter, body, round(own * 1.3))
    assert await counter.count(request(WORDS * 40)) == pytest.approx(uncorrected * 1.3, rel=0.02)
    assert await counter.count(request(WORDS * 40, "acme/other")) == uncorrected
    assert counter.estimate(request(WORDS * 40)) == pytest.approx(rough * 1.3, rel=0.02)


async def test_only_the_first_answers_and_then_few_are_learned_from(counter: TiktokenCounter) -> None:
    samples = 0
    for _ in range(100):
        samples += await met(counter, request("hi"), 8)
    assert 5 <= samples <= 10


def test_later_an_answer_is_learned_from_every_ten_seconds_for_each_model() -> None:
    now = 0.0
    corrections = TokenCorrections(clock=lambda: now)
    while corrections.wants(MODEL):
        pass

    now = 9.9
    assert not corrections.wants(MODEL)
    assert corrections.wants("acme/other")
    now = 10.0
    assert corrections.wants(MODEL)
    assert not corrections.wants(MODEL)


async def test_nothing_is_learned_before_the_tokenizer_is_there() -> None:
    counter = TiktokenCounter()
    assert counter.expect(request("hi"), MODEL) is None
    counter.close()


async def test_a_busy_thread_is_not_given_more(counter: TiktokenCounter) -> None:
    texts = ["".join(f"{WORDS}{number}" for number in range(start, start + 1_500)) for start in range(6)]
    expected = [counter.expect(request(text, f"acme/{index}"), f"acme/{index}") for index, text in enumerate(texts)]
    assert None in expected
    await counter.warm()


async def test_counting_for_later_leaves_the_event_loop_free(counter: TiktokenCounter) -> None:
    loop = asyncio.get_running_loop()
    text = "".join(f"{WORDS}{number}" for number in range(3_000))
    started = loop.time()
    expected = counter.expect(request(text), MODEL)
    assert expected is not None
    expected.met(50_000)
    assert loop.time() - started < 0.05
    await counter.warm()


async def test_a_strange_request_teaches_nothing(counter: TiktokenCounter, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_request: object) -> None:
        raise ValueError

    monkeypatch.setattr(token_counter, "take_apart", fail)
    assert await met(counter, request("hi"), 100)
    monkeypatch.undo()
    assert await counter.count(request("hi")) > 0


def test_the_first_observations_count_alike_and_later_ones_a_fifth() -> None:
    corrections = TokenCorrections()
    for real in (1_300, 1_100):
        corrections.learn(MODEL, 1_000, real)
    assert corrections.factor(MODEL) == pytest.approx(1.2)
    for _ in range(40):
        corrections.learn(MODEL, 1_000, 900)
    assert corrections.factor(MODEL) == pytest.approx(0.9, abs=0.01)


@pytest.mark.parametrize(("counted", "real"), [(150, 300), (1_000, 0), (1_000, 9_000), (1_000, 100)])
def test_small_and_unbelievable_counts_teach_nothing(counted: int, real: int) -> None:
    corrections = TokenCorrections()
    corrections.learn(MODEL, counted, real)
    assert corrections.factor(MODEL) == 1.0


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**7)), max_size=50))
def test_a_factor_stays_between_a_half_and_two(observations: list[tuple[int, int]]) -> None:
    corrections = TokenCorrections()
    for counted, real in observations:
        corrections.learn(MODEL, counted, real)
    assert 0.5 <= corrections.factor(MODEL) <= 2.0


def test_only_the_models_used_last_are_kept() -> None:
    corrections = TokenCorrections(max_models=2)
    for model in ("a", "b", "c"):
        corrections.learn(model, 1_000, 1_500)
    assert [corrections.factor(model) for model in "abc"] == [1.0, 1.5, 1.5]


# ---------------------------------------------------------------- families


@pytest.fixture(scope="module")
def encodings() -> tuple[Encoding, Encoding]:
    wide, narrow = load_o200k(), load_cl100k()
    assert wide is not None
    assert narrow is not None
    return wide, narrow


async def test_texts_of_a_gpt_that_are_not_ascii_are_counted_by_its_own_tokenizer(
    counter: TiktokenCounter, encodings: tuple[Encoding, Encoding]
) -> None:
    wide, narrow = encodings
    gpt = await counter.count(request(JAPANESE, "openai/gpt-5"))
    assert gpt == await counter.count(request("", "openai/gpt-5")) + len(wide.encode_ordinary(JAPANESE))
    other = await counter.count(request(JAPANESE))
    assert other == await counter.count(request("")) + len(narrow.encode_ordinary(JAPANESE))
    assert gpt < other


async def test_plain_texts_need_no_second_tokenizer(counter: TiktokenCounter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_counter, "load_o200k", lambda: pytest.fail("loaded"))
    assert await counter.count(request(WORDS * 100, "openai/gpt-5")) > 1_000


async def test_without_the_second_tokenizer_the_first_one_counts(
    counter: TiktokenCounter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(token_counter, "load_o200k", lambda: None)
    assert await counter.count(request(JAPANESE, "openai/gpt-5")) == await counter.count(request(JAPANESE))


async def test_images_cost_tiles_at_gemini(counter: TiktokenCounter) -> None:
    header = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 1000, 700)
    image = {
        "type": "image",
        "source": {"type": "base64", "media_type": "image/png", "data": base64.b64encode(header + bytes(99)).decode()},
    }
    plain = await counter.count(request([], "google/gemini-2.5-pro"))
    assert await counter.count(request([image], "google/gemini-2.5-pro")) == plain + 2 * 258
