"""Text of clients and upstreams as it may stand in tags, facts and notes: short, on one line, without keys."""

from functools import lru_cache

from openrouter_anthropic_server.observability.redaction import redact_keys

_LONGEST = 200
_LONGEST_SESSION = 256  # the longest id that is taken from a request: no two sessions share a tag


def label(text: str, limit: int = _LONGEST) -> str:
    """At most `limit` characters of `text`; what cannot be printed (NUL, line breaks, halves of pairs) is a space.

    Databases and JSON writers refuse some of those characters, and no label may fail a record. What looks like
    an API key is replaced: people paste one where a model's name belongs.
    """
    return _clean(text[:limit])


@lru_cache(maxsize=1_024)  # the same few models and clients, many times in each run
def _clean(text: str) -> str:
    if not text.isprintable():
        text = "".join([char if char.isprintable() else " " for char in text])
    return redact_keys(text.encode()).decode()


def session_tag(session_id: str) -> str:
    """The tag of all runs of a client session."""
    return f"session:{label(session_id, _LONGEST_SESSION)}"
