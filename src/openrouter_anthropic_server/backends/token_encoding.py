"""Loads tokenizers from the files that LiteLLM ships, without importing LiteLLM or any download."""

import base64
import hashlib
import importlib.util
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

_FOLDERS = ("litellm_core_utils/tokenizers", "llms/tokenizers", "tokenizers")


@dataclass(frozen=True, slots=True)
class _File:
    """A tokenizer's file: tiktoken names it by the SHA-1 of its address; the content is checked by its SHA-256."""

    encoding: str
    name: str
    sha256: str
    pattern: str


_CL100K = _File(
    "cl100k_base",
    "9b5ad71b2ce5302211f9c61530b329a4922fc6a4",
    "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+"
    r"|\s++$|\s*[\r\n]|\s+(?!\S)|\s",
)
_LETTER, _UPPER, _LOWER = r"[^\r\n\p{L}\p{N}]?", r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_SHORT = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
_O200K = _File(
    "o200k_base",
    "fb374d419588a4632f3f557e76b4b70aebbca790",
    "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
    rf"{_LETTER}{_UPPER}*{_LOWER}+{_SHORT}|{_LETTER}{_UPPER}+{_LOWER}*{_SHORT}"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
)


class Encoding(Protocol):
    """What is used of tiktoken's `Encoding`."""

    def encode_ordinary(self, text: str) -> list[int]:
        """The tokens of a text; special tokens are ordinary text."""
        ...


@cache
def load_cl100k() -> Encoding | None:
    """The tokenizer, loaded once (about 0.2 s, blocking); None if its file or tiktoken is not there."""
    return _load(_CL100K, cl100k_path())


@cache
def load_o200k() -> Encoding | None:
    """OpenAI's newer tokenizer, the same way; it takes 70 MB."""
    return _load(_O200K, _path(_O200K))


def cl100k_path() -> Path | None:
    """Where LiteLLM keeps the tokenizer's file; None if it is not installed or ships it no more."""
    return _path(_CL100K)


def _path(file: _File) -> Path | None:
    spec = importlib.util.find_spec("litellm")
    roots = list(spec.submodule_search_locations or ()) if spec is not None else []
    candidates = (Path(root, folder, file.name) for root in roots for folder in _FOLDERS)
    return next((path for path in candidates if path.is_file()), None)


def _load(file: _File, path: Path | None) -> Encoding | None:
    if path is None:
        return None
    try:
        content = path.read_bytes()
        tiktoken = import_module("tiktoken")
    except (OSError, ImportError):
        return None
    if hashlib.sha256(content).hexdigest() != file.sha256:
        return None
    ranks = {base64.b64decode(token): int(rank) for token, rank in map(bytes.split, content.splitlines())}
    encoding = tiktoken.Encoding(name=file.encoding, pat_str=file.pattern, mergeable_ranks=ranks, special_tokens={})
    return cast("Encoding", encoding)
