"""Counts input tokens with cl100k and the formula of the model's family; never blocks the event loop."""

import asyncio
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from operator import gt
from threading import BoundedSemaphore
from typing import Any

from openrouter_anthropic_server.backends.image_sizes import image_size, image_tokens
from openrouter_anthropic_server.backends.token_cache import CountCache
from openrouter_anthropic_server.backends.token_corrections import TokenCorrections
from openrouter_anthropic_server.backends.token_encoding import Encoding, load_cl100k, load_o200k
from openrouter_anthropic_server.backends.token_formula import FORMULAS, Family, Formula, family, total
from openrouter_anthropic_server.backends.token_pdf import pdf_pages
from openrouter_anthropic_server.backends.token_pieces import Pieces, take_apart

__all__ = ["TiktokenCounter", "family"]

BYTES_PER_TOKEN = 3.8  # of UTF-8, where the tokenizer is not used: English 4.2, code and JSON 3.3, Chinese 3
_INLINE_CHARACTERS = 2_000  # fewer are counted faster than a thread is reached
_HASHED_INLINE = (2_000, 300_000)  # digests of more texts or characters belong into the thread too
_WHOLE_TEXT_CHARACTERS = 200_000  # longer texts are counted by samples
_SAMPLES = 10
_ENCODED_CHARACTERS = 4_000  # fewer are encoded to know their length in bytes: 2 microseconds
_UTF8_SAMPLES = (16, 250)  # samples over a longer text, and the characters of each
_UNSEEN_IMAGE = (1092, 1092)  # an image behind a URL or in an unknown format
_ESTIMATED_IMAGE_TOKENS = 1_500
_ESTIMATED_PDF_BYTES_PER_PAGE = 50_000
_TILE = 768  # pixels
_WIDE = b"o200k"
_MOST_WAITING = 4  # counts to learn from that may wait for the thread


class _Expected:
    """Our count of one request, when the thread has it; the upstream's is compared with it."""

    __slots__ = ("_corrections", "_counting", "_model")

    def __init__(self, model: str, counting: "Future[int]", corrections: TokenCorrections) -> None:
        self._model = model
        self._counting = counting
        self._corrections = corrections

    def met(self, input_tokens: int) -> None:
        """The upstream's count."""
        self._counting.add_done_callback(partial(self._learn, input_tokens))

    def _learn(self, input_tokens: int, counting: "Future[int]") -> None:
        if not counting.cancelled() and counting.exception() is None:
            self._corrections.learn(self._model, counting.result(), input_tokens)


class TiktokenCounter:
    """A `TokenCounter` over tiktoken's cl100k; loads it on first use, in its own thread.

    One thread, so that parallel calls with the same tools count them once, and no other work waits for
    the shared thread pool. Without the tokenizer's file the counts are made from lengths. OpenAI's newer tokenizer
    is loaded with the first text of a GPT where it makes a difference: one that is not plain ASCII.
    """

    def __init__(self, *, cache_bytes: int = 4_000_000) -> None:
        self._cache = CountCache(max_bytes=cache_bytes)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="token-counter")
        self._encoding: Encoding | None = None
        self._wide: Encoding | None = None
        self._corrections = TokenCorrections()
        self._learning = BoundedSemaphore(_MOST_WAITING)

    async def warm(self) -> None:
        """Load the tokenizer now, so that the first count does not wait 0.2 s for it."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._load)

    def close(self) -> None:
        """End the thread; counts still waiting are dropped."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def count(self, request: Mapping[str, Any]) -> int:
        """Input tokens of a messages or count_tokens request, at least 1."""
        formula = _formula(request)
        pieces = take_apart(request)
        counted = self._count_inline(pieces, formula)
        if counted is None:
            loop = asyncio.get_running_loop()
            counted = await loop.run_in_executor(self._thread, self._count_all, pieces, formula)
        return self._corrected(request, _total(formula, request, pieces, counted))

    def estimate(self, request: Mapping[str, Any]) -> int:
        """Input tokens by lengths alone, at least 1; about 0.1 ms for a request of 150 KB."""
        formula = _formula(request)
        pieces = take_apart(request)
        pages = sum(1 + len(pdf) * 3 // 4 // _ESTIMATED_PDF_BYTES_PER_PAGE for pdf in pieces.pdfs)
        media = (
            len(pieces.images) * _ESTIMATED_IMAGE_TOKENS
            + (pages + pieces.unseen_pages) * formula.pdf_page
            + pieces.opaque_tokens
        )
        rough = total(formula, request, text=_by_length(pieces.texts), tools=_by_length(pieces.tools), media=media)
        return self._corrected(request, rough)

    def expect(self, request: Mapping[str, Any], model: str) -> _Expected | None:
        """Begin to count a request to `model` in the thread; None for most requests, and while the thread is busy."""
        if self._encoding is None or not self._corrections.wants(model) or not self._learning.acquire(blocking=False):
            return None
        counting = self._thread.submit(self._count_in_thread, {**request, "model": model})
        counting.add_done_callback(lambda _: self._learning.release())
        return _Expected(model, counting, self._corrections)

    def _count_in_thread(self, request: Mapping[str, Any]) -> int:
        formula = _formula(request)
        pieces = take_apart(request)
        return _total(formula, request, pieces, self._count_all(pieces, formula))

    def _corrected(self, request: Mapping[str, Any], tokens: int) -> int:
        factor = self._corrections.factor(str(request.get("model", "")))
        return tokens if factor == 1.0 else max(1, round(tokens * factor))

    def _count_inline(self, pieces: Pieces, formula: Formula) -> tuple[int, int, int] | None:
        """The counts of texts, tools and PDFs if the event loop has the time for them."""
        texts = (*pieces.texts, *pieces.tools)
        size = (len(texts), sum(map(len, texts)))
        if pieces.pdfs or self._encoding is None or any(map(gt, size, _HASHED_INLINE)):
            return None
        counts: dict[str, int] = {}
        unknown = 0
        for text in texts:
            wide = _is_wide(text, formula)
            known = self._cache.get(CountCache.key(text, wide))
            if known is None:
                unknown += len(text)
                if unknown > _INLINE_CHARACTERS or (wide and self._wide is None):
                    return None
            else:
                counts[text] = known
        return self._sum(pieces.texts, counts, formula), self._sum(pieces.tools, counts, formula), 0

    def _sum(self, texts: Iterable[str], known: Mapping[str, int], formula: Formula) -> int:
        return sum(known[text] if text in known else self._count_text(text, _is_wide(text, formula)) for text in texts)

    def _count_all(self, pieces: Pieces, formula: Formula) -> tuple[int, int, int]:
        self._load()
        if formula.wide and self._wide is None and not all(map(str.isascii, (*pieces.texts, *pieces.tools))):
            self._wide = load_o200k()
        pdfs = sum(self._pages(pdf) for pdf in pieces.pdfs) * formula.pdf_page
        return self._sum(pieces.texts, {}, formula), self._sum(pieces.tools, {}, formula), pdfs

    def _pages(self, pdf: str) -> int:
        key = CountCache.key(f"pdf:{pdf}")
        pages = self._cache.get(key)
        if pages is None:
            pages = pdf_pages(pdf)
            self._cache.put(key, pages)
        return pages

    def _count_text(self, text: str, tokenizer: bytes) -> int:
        key = CountCache.key(text, tokenizer)
        count = self._cache.get(key)
        if count is None:
            count = _tokenize(text, (tokenizer and self._wide) or self._encoding)
            self._cache.put(key, count)
        return count

    def _load(self) -> None:
        if self._encoding is None:
            self._encoding = load_cl100k()


def _formula(request: Mapping[str, Any]) -> Formula:
    name: Family = family(str(request.get("model", "")))
    return FORMULAS[name]


def _is_wide(text: str, formula: Formula) -> bytes:
    """Which tokenizer counts a text: b"" is cl100k, which counts plain ASCII as well as any other."""
    return _WIDE if formula.wide and not text.isascii() else b""


def _tokenize(text: str, encoding: Encoding | None) -> int:
    if encoding is None:
        return round(_by_length((text,)))
    if len(text) <= _WHOLE_TEXT_CHARACTERS:
        return len(encoding.encode_ordinary(text))
    length = _WHOLE_TEXT_CHARACTERS // _SAMPLES
    starts = (index * (len(text) - length) // (_SAMPLES - 1) for index in range(_SAMPLES))
    sampled = sum(len(encoding.encode_ordinary(text[start : start + length])) for start in starts)
    return sampled * len(text) // (length * _SAMPLES)


def _total(formula: Formula, request: Mapping[str, Any], pieces: Pieces, counted: tuple[int, int, int]) -> int:
    text, tools, pdfs = counted
    return total(formula, request, text=text, tools=tools, media=pdfs + _media_tokens(pieces, formula))


def _media_tokens(pieces: Pieces, formula: Formula) -> int:
    sizes = ((image_size(data) if data is not None else None) or _UNSEEN_IMAGE for data in pieces.images)
    images = sum(_image_tokens(size, formula) for size in sizes)
    return images + pieces.unseen_pages * formula.pdf_page + pieces.opaque_tokens


def _image_tokens(size: tuple[int, int], formula: Formula) -> int:
    if formula.image_tile:
        return formula.image_tile * -(-size[0] // _TILE) * -(-size[1] // _TILE)
    return image_tokens(size, long_edge=formula.image_long_edge, cap=formula.image_cap)


def _by_length(texts: Iterable[str]) -> float:
    return sum(map(_utf8_length, texts)) / BYTES_PER_TOKEN


def _utf8_length(text: str) -> int:
    if text.isascii():
        return len(text)
    if len(text) <= _ENCODED_CHARACTERS:
        return len(text.encode("utf-8", "surrogatepass"))
    samples, length = _UTF8_SAMPLES
    starts = (index * (len(text) - length) // (samples - 1) for index in range(samples))
    sample = "".join([text[start : start + length] for start in starts])
    return len(text) * len(sample.encode("utf-8", "surrogatepass")) // len(sample)
