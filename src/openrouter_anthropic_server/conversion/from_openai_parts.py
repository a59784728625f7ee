"""The content of OpenAI's chat messages as blocks of the Messages API."""

from collections.abc import Callable, Mapping
from typing import Any

from openrouter_anthropic_server.conversion.chat_context import NoteBook
from openrouter_anthropic_server.conversion.media_blocks import block_of_url
from openrouter_anthropic_server.conversion.request_shapes import (
    Json,
    note_rest,
    object_at,
    objects_at,
    refusal,
    text_at,
)

Block = dict[str, Any]

PartRule = Callable[[Json, str, NoteBook], Block]
"""The block of one content part at a path."""


def content_blocks(message: Json, path: str, notes: NoteBook) -> list[Block]:
    """The blocks of a message's content; empty texts, which Anthropic's API refuses, say nothing and are none."""
    content = message.get("content")
    if content is None:
        return []
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    blocks: list[Block] = []
    for number, part in enumerate(objects_at(content, f"{path}.content")):
        here = f"{path}.content.{number}"
        rule = _PARTS.get(str(part.get("type")))
        if rule is None:
            raise refusal(here, f"parts of type '{part.get('type')}'", "send text, images or PDF files")
        note_rest(part, _FIELDS | {part["type"]}, here, notes)
        block = rule(part, here, notes)
        if block["type"] == "text" and not block["text"]:
            continue
        if part.get("cache_control"):
            block["cache_control"] = part["cache_control"]
        blocks.append(block)
    return blocks


def _text(part: Json, path: str, notes: NoteBook) -> Block:
    return {"type": "text", "text": text_at(part.get("text"), f"{path}.text")}


def _refusal_text(part: Json, path: str, notes: NoteBook) -> Block:
    return {"type": "text", "text": text_at(part.get("refusal"), f"{path}.refusal")}


def _image(part: Json, path: str, notes: NoteBook) -> Block:
    image = part.get("image_url")
    if isinstance(image, str):
        return block_of_url(image, f"{path}.image_url")
    image = object_at(image, f"{path}.image_url")
    note_rest(image, {"url", "detail"}, f"{path}.image_url", notes)
    if image.get("detail") not in (None, "auto"):
        notes.not_sent(f"{path}.image_url.detail", "the upstream decides how closely it looks")
    return block_of_url(text_at(image.get("url"), f"{path}.image_url.url"), f"{path}.image_url.url")


def _file(part: Json, path: str, notes: NoteBook) -> Block:
    file = object_at(part.get("file"), f"{path}.file")
    note_rest(file, {"file_id", "file_data", "filename"}, f"{path}.file", notes)
    title = {"title": file["filename"]} if file.get("filename") else {}
    if file.get("file_id"):
        return {"type": "document", "source": {"type": "file", "file_id": file["file_id"]}, **title}
    data, here = text_at(file.get("file_data"), f"{path}.file.file_data"), f"{path}.file.file_data"
    if data.startswith(("http://", "https://")):
        return {"type": "document", "source": {"type": "url", "url": data}, **title}
    url = data if data[:5].lower() == "data:" else f"data:application/pdf;base64,{data}"
    return block_of_url(url, here, title=file.get("filename"))


_FIELDS = frozenset({"type", "cache_control"})
_PARTS: Mapping[str, PartRule] = {"text": _text, "refusal": _refusal_text, "image_url": _image, "file": _file}
