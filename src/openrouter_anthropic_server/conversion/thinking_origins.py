"""Whose thinking a signature stands for: what is remembered of one, and what can be told by looking at it."""

from base64 import b64decode
from dataclasses import dataclass
from functools import lru_cache

from openrouter_anthropic_server.conversion.vendors import OPENAI, vendor_of

_HEAD = 24
"""Characters of a signature in which the fields are found that tell whose it is."""

_FIELD_1, _FIELD_2 = 0x0A, 0x12
"""Keys of protobuf fields 1 and 2 that hold bytes."""

_GOOGLES_VERSION = 0x01
_PROVIDERS = {"azure": OPENAI}
"""Vendors of the models that a provider serves under names of the operator's own."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Who handed a signature out, and the upstreams that refused it since; empty texts where that is not known."""

    upstream: str = ""
    vendor: str = ""
    model: str = ""
    refused_by: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Target:
    """Where a history goes: upstream, vendor and model as in `Origin`.

    `packed`: whether this wire can unpack our envelopes. `kinds`: the types of `thinking` that the model takes, None
    if that is not known.
    """

    upstream: str
    vendor: str
    model: str
    packed: bool
    kinds: frozenset[str] | None = None


@lru_cache(maxsize=1024)
def vendor_behind(model: str, provider: str) -> str:
    """Whose thinking a model's is: its author's.

    Where the name does not tell, it is what `provider` serves: such models are taken to read each other's
    thinking, and nobody else's.
    """
    if provider == "demo":
        return "provider demo"  # called after Claude models, it is none
    return vendor_of(model) or _PROVIDERS.get(provider) or f"provider {provider}"


def looks_like_anthropics(signature: str) -> bool:
    """Whether a signature (or redacted data) of unknown origin can be one of Anthropic's.

    Those are base64 of a protobuf message whose first field has the number 2 and is a message itself. So are
    Google's at times, but there the inner message begins with bytes in field 1 that begin with a version, 1.
    """
    text = signature[:_HEAD].partition("=")[0]
    try:
        head = b64decode(text[: len(text) // 4 * 4], validate=True)
    except ValueError:
        return False
    if len(head) < 2 or head[0] != _FIELD_2:
        return False
    inner = _after_length(head, 1)
    if inner >= len(head) or head[inner] != _FIELD_1:
        return True
    content = _after_length(head, inner + 1)
    return content >= len(head) or head[content] != _GOOGLES_VERSION


def _after_length(data: bytes, place: int) -> int:
    """Where the content begins whose length stands at `place`: 7 bits in each byte, the eighth says "more"."""
    while place < len(data) and data[place] & 0x80:
        place += 1
    return place + 1
