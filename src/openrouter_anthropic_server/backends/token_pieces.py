"""Takes a request apart into what costs tokens: texts, tools as JSON, images, PDFs and opaque data.

Base64 data never becomes text. The walk is a loop, not a recursion: bodies can be nested as deep as they like.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

_OPAQUE_CHARACTERS_PER_TOKEN = 6  # base64 of encrypted text: four thirds of its bytes, and some overhead
_UNSEEN_DOCUMENT_PAGES = 2  # a document behind a URL or file id
_NOT_TEXT = frozenset(("type", "cache_control", "signature", "data", "id", "tool_use_id", "media_type"))
_OPAQUE = frozenset(("encrypted_content", "encrypted_index", "encrypted_stdout"))
_NOT_IN_THE_PROMPT = frozenset(("cache_control", "defer_loading", "eager_input_streaming", "allowed_callers"))


@dataclass(slots=True)
class Pieces:
    """What was found. `images`: base64 data, None where the image is elsewhere. `pdfs`: base64 data."""

    texts: list[str] = field(default_factory=list)
    tools: list[str] = field(default_factory=list)
    images: list[str | None] = field(default_factory=list)
    pdfs: list[str] = field(default_factory=list)
    unseen_pages: int = 0
    opaque_characters: int = 0

    @property
    def opaque_tokens(self) -> int:
        """Tokens of encrypted data, by its length."""
        return self.opaque_characters // _OPAQUE_CHARACTERS_PER_TOKEN


def take_apart(request: Mapping[str, Any]) -> Pieces:
    """The pieces of a messages or count_tokens request; values of the wrong type are left out."""
    pieces = Pieces()
    stack: list[Any] = [request.get("system")]
    stack.extend(message.get("content") for message in _dicts(request.get("messages")))
    while stack:
        value = stack.pop()
        if isinstance(value, str):
            pieces.texts.append(value)
        elif isinstance(value, list):
            stack.extend(value)
        elif isinstance(value, dict):
            _reader(value.get("type"))(value, pieces, stack)
    pieces.tools.extend(tool_jsons(request))
    output_format = _dict(request.get("output_config")).get("format")
    if output_format is not None:
        pieces.texts.append(json_text(output_format))
    return pieces


def tool_jsons(request: Mapping[str, Any]) -> list[str]:
    """Each tool as compact JSON, without what only steers the API."""
    return [
        json_text({key: value for key, value in tool.items() if key not in _NOT_IN_THE_PROMPT})
        for tool in _dicts(request.get("tools"))
    ]


def json_text(value: object) -> str:
    """Compact JSON; of values nested too deep for the encoder only the texts."""
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:
        return " ".join(_strings(value))


def _strings(value: object) -> Iterator[str]:
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, list):
            stack.extend(item)
        elif isinstance(item, dict):
            stack.extend(item)
            stack.extend(item.values())


Block = dict[str, Any]


def _text(block: Block, pieces: Pieces, stack: list[Any]) -> None:
    text = block.get("text")
    if isinstance(text, str):
        pieces.texts.append(text)


def _thinking(block: Block, pieces: Pieces, stack: list[Any]) -> None:
    stack.append(block.get("thinking"))


def _redacted_thinking(block: Block, pieces: Pieces, stack: list[Any]) -> None:
    pieces.opaque_characters += _length(block.get("data"))


def _tool_call(block: Block, pieces: Pieces, stack: list[Any]) -> None:
    stack.append(block.get("name"))
    pieces.texts.append(json_text(block.get("input", {})))


def _tool_result(block: Block, pieces: Pieces, stack: list[Any]) -> None:
    stack.append(block.get("content"))


def _image(block: Block, pieces: Pieces, stack: list[Any]) -> None:
    data = _dict(block.get("source")).get("data")
    pieces.images.append(data if isinstance(data, str) else None)


def _document(block: Block, pieces: Pieces, stack: list[Any]) -> None:
    stack.extend((block.get("title"), block.get("context")))
    source = _dict(block.get("source"))
    data = source.get("data")
    match source.get("type"):
        case "base64" if isinstance(data, str):
            pieces.pdfs.append(data)
        case "text":
            stack.append(data)
        case "content":
            stack.append(source.get("content"))
        case _:
            pieces.unseen_pages += _UNSEEN_DOCUMENT_PAGES


def _any_block(block: Block, pieces: Pieces, stack: list[Any]) -> None:
    """Unknown blocks, search results and the results of server tools: all their texts."""
    for key, value in block.items():
        if key in _OPAQUE:
            pieces.opaque_characters += _length(value)
        elif key not in _NOT_TEXT:
            stack.append(value)


_BLOCKS: Final[Mapping[str, Callable[[Block, Pieces, list[Any]], None]]] = {
    "text": _text,
    "thinking": _thinking,
    "redacted_thinking": _redacted_thinking,
    "tool_use": _tool_call,
    "server_tool_use": _tool_call,
    "mcp_tool_use": _tool_call,
    "tool_result": _tool_result,
    "image": _image,
    "document": _document,
}


def _reader(kind: object) -> Callable[[Block, Pieces, list[Any]], None]:
    return _BLOCKS.get(kind, _any_block) if isinstance(kind, str) else _any_block


def _dict(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _dicts(value: object) -> Iterable[dict[str, Any]]:
    return (item for item in value if isinstance(item, dict)) if isinstance(value, list) else ()


def _length(value: object) -> int:
    return len(value) if isinstance(value, str) else 0
