"""Reads what a message or delta says besides reasoning and tool calls: text, parts, images, sound, sources."""

from collections.abc import Callable, Mapping
from typing import Any

from openrouter_anthropic_server.conversion.citations import citation_from_annotation
from openrouter_anthropic_server.conversion.notes import Note
from openrouter_anthropic_server.streaming.delta_types import (
    CitationDelta,
    Delta,
    NotRepresented,
    RedactedThinking,
    TextDelta,
)
from openrouter_anthropic_server.streaming.reasoning_deltas import thinking_deltas

_DATA_URL = "data:"


def read_content(content: object) -> list[Delta]:
    """`content`: a string, or a list of parts as Databricks and Mistral give it for reasoning models."""
    if isinstance(content, str):
        return [TextDelta(content)] if content else []
    deltas: list[Delta] = []
    for part in content if isinstance(content, list) else ():
        if isinstance(part, str):
            deltas += read_content(part)
        elif isinstance(part, dict):
            deltas += _PART_READERS.get(str(part.get("type")), _unknown_part)(part)
    return deltas


def read_annotations(annotations: object) -> list[Delta]:
    """Sources of the text. Other annotations (a parsed copy of the client's own file) end up as a note."""
    deltas: list[Delta] = []
    for annotation in annotations if isinstance(annotations, list) else ():
        if isinstance(annotation, dict):
            citation = citation_from_annotation(annotation)
            kind = str(annotation.get("type"))[:40]
            deltas.append(_left_out("annotations", f"kind {kind!r}") if citation is None else CitationDelta(citation))
    return deltas


def read_images(images: object) -> list[Delta]:
    """Generated images. The Messages API has none in answers: a linked one becomes a Markdown image, an
    embedded one a line of text that says what is missing."""
    deltas: list[Delta] = []
    for image in images if isinstance(images, list) else ():
        if isinstance(image, dict):
            deltas += _image_part(image)
    return deltas


def read_audio(audio: object) -> list[Delta]:
    """Generated sound: its transcript is the text of the answer; the sound itself has no place."""
    if not isinstance(audio, dict):
        return []
    deltas = read_content(audio.get("transcript"))
    if audio.get("data"):
        deltas.append(_left_out("audio", "the Messages API has no sound in answers"))
    return deltas


def _text_part(part: Mapping[str, Any]) -> list[Delta]:
    return read_content(part.get("text"))


def _reasoning_part(part: Mapping[str, Any]) -> list[Delta]:
    """Databricks: `{"type": "reasoning", "summary": [{"type": "summary_text", "text", "signature"}]}`.

    Thinking that is not to be read is a piece `{"type": "summary_encrypted_text", "data"}`.
    """
    deltas: list[Delta] = []
    summary = part.get("summary")
    for piece in summary if isinstance(summary, list) else ():
        if isinstance(piece, dict):
            deltas += thinking_deltas(piece.get("text"), piece.get("signature"))
            if piece.get("data"):
                deltas.append(RedactedThinking(str(piece["data"])))
    return deltas


def _thinking_part(part: Mapping[str, Any]) -> list[Delta]:
    """Mistral: `{"type": "thinking", "thinking": [{"type": "text", "text"}]}`; also with a plain string."""
    thinking = part.get("thinking")
    pieces = thinking if isinstance(thinking, list) else [{"text": thinking}]
    text = "".join(str(piece.get("text") or "") for piece in pieces if isinstance(piece, dict))
    return thinking_deltas(text, part.get("signature"))


def _redacted_part(part: Mapping[str, Any]) -> list[Delta]:
    """Anthropic's own, where an answer that is no chat completion keeps the order of its blocks."""
    return [RedactedThinking(str(part["data"]))] if part.get("data") else []


def _image_part(part: Mapping[str, Any]) -> list[Delta]:
    image = part.get("image_url")
    url = str(image.get("url") or "") if isinstance(image, Mapping) else str(image or "")
    if url and not url.startswith(_DATA_URL):
        return [TextDelta(f"\n\n![image]({url})\n\n")]
    media_type = url[len(_DATA_URL) :].partition(";")[0] or "unknown type"
    return [
        TextDelta(f"\n\n[image of {media_type} omitted: the Messages API has no images in answers]\n\n"),
        _left_out("images", media_type),
    ]


def _unknown_part(part: Mapping[str, Any]) -> list[Delta]:
    return [_left_out("content", f"part of kind {str(part.get('type'))[:40]!r}")]


_PART_READERS: dict[str, Callable[[Mapping[str, Any]], list[Delta]]] = {
    "text": _text_part,
    "output_text": _text_part,
    "refusal": lambda part: read_content(part.get("refusal")),
    "reasoning": _reasoning_part,
    "thinking": _thinking_part,
    "redacted_thinking": _redacted_part,
    "image_url": _image_part,
}


def _left_out(path: str, detail: str) -> NotRepresented:
    return NotRepresented(Note("not_sent", path, detail))
