"""Blocks that Anthropic's servers made in earlier turns (searches, fetches, code runs, MCP calls), told as text.

The chat wire has no form for them; as text the model still knows what it searched, found and did.
"""

from collections.abc import Callable, Mapping
from typing import Any

from openrouter_anthropic_server.conversion.chat_context import ChatContext, Json
from openrouter_anthropic_server.conversion.json_text import dump_json

ServerRule = Callable[[Json, str, ChatContext], str]
"""The text for a block; "" if nothing of it is worth sending."""

_NOT_TOLD = frozenset({"type", "cache_control", "caller"})


def _generic_text(block: Json, path: str, ctx: ChatContext) -> str:
    """The block's fields as JSON inside a tag with the block's type."""
    ctx.notes.converted(path, f"a {block['type']} block became text")
    kind = block["type"]
    return f"<{kind}>{_json({name: block[name] for name in block if name not in _NOT_TOLD})}</{kind}>"


def _call_text(block: Json, path: str, ctx: ChatContext) -> str:
    ctx.notes.converted(path, "a server_tool_use block became text")
    return f'<server_tool_use name="{block["name"]}">{_json(block.get("input"))}</server_tool_use>'


def _search_text(block: Json, path: str, ctx: ChatContext) -> str:
    content = block["content"]
    if not isinstance(content, list) or not all(isinstance(result, Mapping) for result in content):
        return _generic_text(block, path, ctx)
    ctx.notes.converted(path, "search results became text; their encrypted content is not sent")
    lines = [f"- {result.get('title', '')} ({result.get('url', '')})" for result in content]
    return "\n".join(["<web_search_results>", *lines, "</web_search_results>"])


def _fetch_text(block: Json, path: str, ctx: ChatContext) -> str:
    content = block["content"]
    if not isinstance(content, Mapping) or "url" not in content:
        return _generic_text(block, path, ctx)
    ctx.notes.converted(path, "a fetched page became text")
    document = _mapping(content.get("content"))
    source = _mapping(document.get("source"))
    lines = [f"<url>{content['url']}</url>"]
    if document.get("title"):
        lines.append(f"<title>{document['title']}</title>")
    if source.get("type") == "text":
        lines.append(str(source.get("data", "")))
    else:
        ctx.notes.not_sent(f"{path}.content.content", "a fetched file cannot stand in an assistant message")
    return "\n".join(["<web_fetch_result>", *lines, "</web_fetch_result>"])


def _compaction_text(block: Json, path: str, ctx: ChatContext) -> str:
    content = block.get("content")
    if not isinstance(content, str) or not content:
        raise ctx.refusal(path, "encrypted blocks of type 'compaction'")
    ctx.notes.converted(path, "a compaction block became text")
    return content


def _untold(block: Json, path: str, ctx: ChatContext) -> str:
    ctx.notes.not_sent(path, f"a {block['type']} block says nothing to the model")
    return ""


SERVER_RULES: Mapping[str, ServerRule] = {
    "server_tool_use": _call_text,
    "web_search_tool_result": _search_text,
    "web_fetch_tool_result": _fetch_text,
    "code_execution_tool_result": _generic_text,
    "bash_code_execution_tool_result": _generic_text,
    "text_editor_code_execution_tool_result": _generic_text,
    "tool_search_tool_result": _generic_text,
    "advisor_tool_result": _generic_text,
    "mcp_tool_use": _generic_text,
    "mcp_tool_result": _generic_text,
    "container_upload": _generic_text,
    "compaction": _compaction_text,
    "fallback": _untold,
    "mcp_tool_listing": _untold,
}


def _mapping(value: Any) -> Json:
    return value if isinstance(value, Mapping) else {}


def _json(value: Any) -> str:
    return dump_json(value).decode()
