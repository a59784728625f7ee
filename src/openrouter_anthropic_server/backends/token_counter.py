"""Counts input tokens with cl100k and the formula of the model's family; never blocks the event loop."""

import asyncio
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from operator import gt
from typing import Any

from openrouter_anthropic_server.backends.image_sizes import image_size, image_tokens
from openrouter_anthropic_server.backends.token_cache import CountCache
from openrouter_anthropic_server.backends.token_encoding import Encoding, load_cl100k
from openrouter_anthropic_server.backends.token_formula import FORMULAS, Family, Formula, family, total
from openrouter_anthropic_server.backends.token_pdf import pdf_pages
from openrouter_anthropic_server.backends.token_pieces import Pieces, take_apart

__all__ = ["TiktokenCounter", "family"]

BYTES_PER_TOKEN = 3.8  # of UTF-8, where the tokenizer is not used: English 4.2, code and JSON 3.3, Chinese 3
_INLINE_CHARACTERS = 2_000  # fewer are counted faster than a thread is reached
_HASHED_INLINE = (2_000, 300_000)  # digests of more texts or characters belong into the thread too
_WHOLE_TEXT_CHARACTERS = 200_000  # longer texts are counted by samples
_SAMPLES = 10
_UTF8_SAMPLE = 200  # characters that stand for a text when its length in bytes is wanted
_UNSEEN_IMAGE = (1092, 1092)  # an image behind a URL or in an unknown format
_ESTIMATED_IMAGE_TOKENS = 1_500
_ESTIMATED_PDF_BYTES_PER_PAGE = 50_000


class TiktokenCounter:
    """A `TokenCounter` over tiktoken's cl100k; loads it on first use, in its own thread.

    One thread, so that parallel calls with the same tools count them once, and no other work waits for
    the shared thread pool. Without the tokenizer's file the counts are made from lengths.
    """

    def __init__(self, *, cache_bytes: int = 4_000_000) -> None:
        self._cache = CountCache(max_bytes=cache_bytes)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="token-counter")
        self._encoding: Encoding | None = None

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
        counted = self._count_inline(pieces)
        if counted is None:
            loop = asyncio.get_running_loop()
            counted = await loop.run_in_executor(self._thread, self._count_all, pieces, formula)
        text, tools, pdfs = counted
        return total(formula, request, text=text, tools=tools, media=pdfs + _media_tokens(pieces, formula))

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
        return total(formula, request, text=_by_length(pieces.texts), tools=_by_length(pieces.tools), media=media)

    def _count_inline(self, pieces: Pieces) -> tuple[int, int, int] | None:
        """The counts of texts, tools and PDFs if the event loop has the time for them."""
        texts = (*pieces.texts, *pieces.tools)
        size = (len(texts), sum(map(len, texts)))
        if pieces.pdfs or self._encoding is None or any(map(gt, size, _HASHED_INLINE)):
            return None
        counts: dict[str, int] = {}
        unknown = 0
        for text in texts:
            known = self._cache.get(CountCache.key(text))
            if known is None:
                unknown += len(text)
                if unknown > _INLINE_CHARACTERS:
                    return None
            else:
                counts[text] = known
        return self._sum(pieces.texts, counts), self._sum(pieces.tools, counts), 0

    def _sum(self, texts: Iterable[str], known: Mapping[str, int]) -> int:
        return sum(known[text] if text in known else self._count_text(text) for text in texts)

    def _count_all(self, pieces: Pieces, formula: Formula) -> tuple[int, int, int]:
        self._load()
        pdfs = sum(self._pages(pdf) for pdf in pieces.pdfs) * formula.pdf_page
        return self._sum(pieces.texts, {}), self._sum(pieces.tools, {}), pdfs

    def _pages(self, pdf: str) -> int:
        key = CountCache.key(f"pdf:{pdf}")
        pages = self._cache.get(key)
        if pages is None:
            pages = pdf_pages(pdf)
            self._cache.put(key, pages)
        return pages

    def _count_text(self, text: str) -> int:
        key = CountCache.key(text)
        count = self._cache.get(key)
        if count is None:
            count = self._tokenize(text)
            self._cache.put(key, count)
        return count

    def _tokenize(self, text: str) -> int:
        if self._encoding is None:
            return round(_by_length((text,)))
        if len(text) <= _WHOLE_TEXT_CHARACTERS:
            return len(self._encoding.encode_ordinary(text))
        length = _WHOLE_TEXT_CHARACTERS // _SAMPLES
        starts = (index * (len(text) - length) // (_SAMPLES - 1) for index in range(_SAMPLES))
        sampled = sum(len(self._encoding.encode_ordinary(text[start : start + length])) for start in starts)
        return sampled * len(text) // (length * _SAMPLES)

    def _load(self) -> None:
        if self._encoding is None:
            self._encoding = load_cl100k()


def _formula(request: Mapping[str, Any]) -> Formula:
    name: Family = family(str(request.get("model", "")))
    return FORMULAS[name]


def _media_tokens(pieces: Pieces, formula: Formula) -> int:
    images = sum(
        image_tokens(
            (image_size(data) if data is not None else None) or _UNSEEN_IMAGE,
            long_edge=formula.image_long_edge,
            cap=formula.image_cap,
        )
        for data in pieces.images
    )
    return images + pieces.unseen_pages * formula.pdf_page + pieces.opaque_tokens


def _by_length(texts: Iterable[str]) -> float:
    return sum(map(_utf8_length, texts)) / BYTES_PER_TOKEN


def _utf8_length(text: str) -> int:
    if text.isascii():
        return len(text)
    head = text[:_UTF8_SAMPLE]
    return len(text) * len(head.encode("utf-8", "surrogatepass")) // len(head)
