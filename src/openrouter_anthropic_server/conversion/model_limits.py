"""Refuses what a model cannot take, in words that say what to change; both wires ask here."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from openrouter_anthropic_server.capabilities.traits import Capabilities
from openrouter_anthropic_server.errors import InvalidRequestError

Json = Mapping[str, Any]

_PAUSED = ("server_tool_use", "mcp_tool_use", "compaction")
"""Blocks of a turn that the upstream goes on with: such a turn ends a request without being a prefill."""


def check_content(request: Json, model: str, capabilities: Capabilities, *, prefill: bool = True) -> None:
    """Raise `InvalidRequestError` for the first part of the validated `request` that `model` is known not to take.

    Without `prefill` the upstream judges itself how a conversation may end.
    Costs nothing worth naming where the model takes everything.
    """
    if not (capabilities.images and capabilities.pdfs):
        _check_blocks(request["messages"], model, capabilities)
    if not capabilities.tools or capabilities.max_tools is not None:
        _check_tools(request, model, capabilities)
    if capabilities.max_stop_sequences is not None:
        _check_count(request, "stop_sequences", capabilities.max_stop_sequences, model)
    if not capabilities.structured_output:
        _check_format(request, model)
    if prefill and not capabilities.prefill:
        _check_prefill(request["messages"], model)


def _check_tools(request: Json, model: str, capabilities: Capabilities) -> None:
    if request.get("tools") and not capabilities.tools:
        raise _refusal("tools", f"model '{model}' takes no tools", "choose another model or remove tools")
    if capabilities.max_tools is not None:
        _check_count(request, "tools", capabilities.max_tools, model)


def _check_format(request: Json, model: str) -> None:
    formats = {
        "output_config.format": (request.get("output_config") or {}).get("format"),
        "output_format": request.get("output_format"),
    }
    for path, wanted in formats.items():
        if wanted is not None:
            raise _refusal(path, f"model '{model}' has no structured output", f"choose another model or remove {path}")


def _check_count(request: Json, field: str, most: int, model: str) -> None:
    count = len(request.get(field) or ())
    if count > most:
        raise InvalidRequestError(f"{field}: model '{model}' takes at most {most}, got {count}")


def _check_prefill(messages: list[dict[str, Any]], model: str) -> None:
    last = messages[-1]
    if last["role"] != "assistant":
        return
    content = last["content"]
    if not isinstance(content, str) and any(block.get("type") in _PAUSED for block in content):
        return
    path = f"messages.{len(messages) - 1}"
    raise _refusal(path, f"model '{model}' takes no prefill", "end the conversation with a user message")


def _check_blocks(messages: Iterable[dict[str, Any]], model: str, capabilities: Capabilities) -> None:
    for number, message in enumerate(messages):
        for path, kind in _media(message["content"], f"messages.{number}.content"):
            if not _TAKEN[kind](capabilities):
                raise _refusal(path, f"model '{model}' takes no {kind}", f"choose another model or remove {path}")


_TAKEN: Final[Mapping[str, Callable[[Capabilities], bool]]] = {
    "images": lambda capabilities: capabilities.images,
    "PDFs": lambda capabilities: capabilities.pdfs,
}


def _media(content: object, path: str) -> Iterator[tuple[str, str]]:
    """Where images and PDFs stand in a content, also inside tool results and documents."""
    if not isinstance(content, list):
        return
    for index, block in enumerate(content):
        if not isinstance(block, dict):
            continue
        place = f"{path}.{index}"
        match block.get("type"):
            case "image":
                yield place, "images"
            case "document":
                yield from _document_media(block.get("source"), place)
            case "tool_result":
                yield from _media(block.get("content"), f"{place}.content")


def _document_media(source: object, place: str) -> Iterator[tuple[str, str]]:
    if not isinstance(source, dict):
        return
    match source.get("type"):
        case "content":
            yield from _media(source.get("content"), f"{place}.source.content")
        case "base64" | "url":
            yield place, "PDFs"


def _refusal(path: str, why: str, advice: str) -> InvalidRequestError:
    return InvalidRequestError(f"{path}: {why}: {advice}")
