"""Documents and search results as parts of a chat message. Text goes inside tags that keep its title and context."""

from collections.abc import Callable, Mapping

from openrouter_anthropic_server.conversion.chat_context import ChatContext, Json, Part
from openrouter_anthropic_server.conversion.chat_parts import image_source_part, mark_cached, text_part

DEFAULT_FILENAME = "document.pdf"

_DOCUMENT_FIELDS = frozenset({"type", "source", "title", "context", "citations", "cache_control"})
_SEARCH_FIELDS = frozenset({"type", "source", "title", "content", "citations", "cache_control"})
_CLOSING = "</document_content>\n</document>"

SourceRule = Callable[[Json, str, ChatContext], list[Part]]
"""Takes the whole document block, its path and the context."""


def document_parts(block: Json, path: str, ctx: ChatContext) -> list[Part]:
    """Parts of a document: a file for PDFs (base64, URL), text in tags for the rest. Files API sources are refused."""
    ctx.note_unknown(block, _DOCUMENT_FIELDS, path)
    _note_citations(block, path, ctx)
    kind = block["source"]["type"]
    rule = _SOURCES.get(kind)
    if rule is None:
        raise ctx.refusal(f"{path}.source", f"documents with a source of type '{kind}'")
    return mark_cached(rule(block, path, ctx), block)


def search_result_parts(block: Json, path: str, ctx: ChatContext) -> list[Part]:
    """One text part: source, title and texts of a search result."""
    ctx.note_unknown(block, _SEARCH_FIELDS, path)
    _note_citations(block, path, ctx)
    ctx.notes.converted(path, "a search result became text")
    texts = [_plain_text(inner, f"{path}.content.{n}", ctx) for n, inner in enumerate(block["content"])]
    lines = [f"<source>{block['source']}</source>", f"<title>{block['title']}</title>", *texts]
    return mark_cached([text_part("\n".join(["<search_result>", *lines, "</search_result>"]))], block)


def _base64_file(block: Json, path: str, ctx: ChatContext) -> list[Part]:
    source = block["source"]
    return _file(block, f"data:{source['media_type']};base64,{source['data']}")


def _linked_file(block: Json, path: str, ctx: ChatContext) -> list[Part]:
    return _file(block, block["source"]["url"])


def _file(block: Json, data: str) -> list[Part]:
    title, context = block.get("title"), block.get("context")
    part: Part = {"type": "file", "file": {"filename": title or DEFAULT_FILENAME, "file_data": data}}
    if not context:
        return [part]
    heading = f"<document_context>\n{context}\n</document_context>"
    return [text_part(heading), part]


def _plain_document(block: Json, path: str, ctx: ChatContext) -> list[Part]:
    ctx.notes.converted(path, "a text document became text")
    return [text_part(f"{_opening(block)}\n{block['source']['data']}\n{_CLOSING}")]


def _content_document(block: Json, path: str, ctx: ChatContext) -> list[Part]:
    ctx.notes.converted(path, "a document of blocks became parts")
    content = block["source"]["content"]
    if isinstance(content, str):
        return [text_part(f"{_opening(block)}\n{content}\n{_CLOSING}")]
    inside = [
        _inner_part(inner, f"{path}.source.content.{n}", ctx)
        for n, inner in enumerate(content)
        if inner["type"] != "text" or inner["text"]  # upstreams refuse empty texts
    ]
    return [text_part(_opening(block)), *inside, text_part(_CLOSING)]


_SOURCES: Mapping[str, SourceRule] = {
    "base64": _base64_file,
    "url": _linked_file,
    "text": _plain_document,
    "content": _content_document,
}


def _opening(block: Json) -> str:
    lines = ["<document>"]
    lines += [f"<{name}>{block[name]}</{name}>" for name in ("title", "context") if block.get(name)]
    return "\n".join([*lines, "<document_content>"])


def _inner_part(block: Json, path: str, ctx: ChatContext) -> Part:
    if block["type"] == "image":
        (part,) = mark_cached([image_source_part(block["source"], f"{path}.source", ctx)], block)
        return part
    return text_part(_plain_text(block, path, ctx), block.get("cache_control"))


def _plain_text(block: Json, path: str, ctx: ChatContext) -> str:
    if block["type"] != "text":
        raise ctx.refusal(path, f"blocks of type '{block['type']}'")
    text: str = block["text"]
    return text


def _note_citations(block: Json, path: str, ctx: ChatContext) -> None:
    citations = block.get("citations")
    if isinstance(citations, Mapping) and citations.get("enabled"):
        ctx.notes.not_sent(f"{path}.citations", "this wire gives no citations of documents")
