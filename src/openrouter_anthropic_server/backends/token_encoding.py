"""Loads the cl100k tokenizer from the file that LiteLLM ships, without importing LiteLLM or any download."""

import base64
import hashlib
import importlib.util
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

# tiktoken names its cached files by the SHA-1 of their address; the content is checked by its SHA-256.
_FILE = "9b5ad71b2ce5302211f9c61530b329a4922fc6a4"
_SHA256 = "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7"
_FOLDERS = ("litellm_core_utils/tokenizers", "llms/tokenizers", "tokenizers")
_PATTERN = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+"
    r"|\s++$|\s*[\r\n]|\s+(?!\S)|\s"
)


class Encoding(Protocol):
    """What is used of tiktoken's `Encoding`."""

    def encode_ordinary(self, text: str) -> list[int]:
        """The tokens of a text; special tokens are ordinary text."""
        ...


@cache
def load_cl100k() -> Encoding | None:
    """The tokenizer, loaded once (about 0.2 s, blocking); None if its file or tiktoken is not there."""
    path = cl100k_path()
    if path is None:
        return None
    try:
        content = path.read_bytes()
        tiktoken = import_module("tiktoken")
    except (OSError, ImportError):
        return None
    if hashlib.sha256(content).hexdigest() != _SHA256:
        return None
    ranks = {base64.b64decode(token): int(rank) for token, rank in map(bytes.split, content.splitlines())}
    encoding = tiktoken.Encoding(name="cl100k_base", pat_str=_PATTERN, mergeable_ranks=ranks, special_tokens={})
    return cast("Encoding", encoding)


def cl100k_path() -> Path | None:
    """Where LiteLLM keeps the tokenizer's file; None if it is not installed or ships it no more."""
    spec = importlib.util.find_spec("litellm")
    roots = list(spec.submodule_search_locations or ()) if spec is not None else []
    candidates = (Path(root, folder, _FILE) for root in roots for folder in _FOLDERS)
    return next((path for path in candidates if path.is_file()), None)
