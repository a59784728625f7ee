"""The web search server tool on the chat wire: what the upstream cites is what the search found."""

from collections.abc import Iterable, Mapping
from typing import Any

from openrouter_anthropic_server.anthropic_types.response import Citation


def offers_web_search(request: Mapping[str, Any]) -> bool:
    """Whether the request has one of Anthropic's `web_search_...` server tools."""
    return any(str(tool.get("type")).startswith("web_search_") for tool in request.get("tools") or ())


def search_result(tool_use_id: str, citations: Iterable[Citation]) -> dict[str, Any]:
    """A `web_search_tool_result` block of the cited pages, each once.

    `encrypted_content` is empty: only Anthropic's own search can fill it.
    """
    pages = {citation["url"]: citation.get("title") for citation in citations if "url" in citation}
    content = [
        {"type": "web_search_result", "url": url, "title": title or url, "encrypted_content": "", "page_age": None}
        for url, title in pages.items()
    ]
    return {"type": "web_search_tool_result", "tool_use_id": tool_use_id, "content": content}
