"""Annotations of a chat completion as citations of an Anthropic text block."""

from collections.abc import Mapping
from typing import Any

from openrouter_anthropic_server.anthropic_types.response import Citation


def citation_from_annotation(annotation: Mapping[str, Any]) -> Citation | None:
    """A `web_search_result_location` for a `url_citation`, nested (OpenRouter) or flat; None for other kinds.

    `cited_text` is the upstream's excerpt of the page. `encrypted_index` is empty: only Anthropic's own
    search can fill it. The position in the text is not kept, Anthropic's form has no place for it.
    """
    if annotation.get("type") != "url_citation":
        return None
    nested = annotation.get("url_citation")
    source: Mapping[str, Any] = nested if isinstance(nested, Mapping) else annotation
    url = source.get("url")
    if not isinstance(url, str) or not url:
        return None
    return {
        "type": "web_search_result_location",
        "cited_text": source.get("content") or "",
        "url": url,
        "title": source.get("title"),
        "encrypted_index": "",
    }


def source_line(citation: Citation) -> str:
    """A citation as a Markdown link, for sources that belong to no text."""
    url = str(citation.get("url", ""))
    return f"[{citation.get('title') or url}]({url})"
