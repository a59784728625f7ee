"""Requests recorded from real versions of Claude Code, made whole where the recording shortened them."""

from pathlib import Path
from typing import Any

import orjson

FOLDER = Path(__file__).parent / "data" / "claude_code"
SHORTENED = "…"
"""Key of tools whose description and schema the recording left out."""


def request_files(path: str) -> list[str]:
    """Names of the recordings posted to `path`, such as `/v1/messages`."""
    return [file.name for file in sorted(FOLDER.glob("[0-9]*.json")) if _path(file) == path]


def recorded_body(name: str) -> dict[str, Any]:
    """The body of a recording; left-out schemas and base64 texts are filled in."""
    body = orjson.loads((FOLDER / name).read_bytes())["body"]
    assert isinstance(body, dict)
    for tool in body.get("tools", []):
        if tool.pop(SHORTENED, None):
            tool |= {"description": "left out", "input_schema": {"type": "object", "properties": {}}}
    for message in body["messages"]:
        _fill_media(message["content"])
    return body


def _path(file: Path) -> str:
    target: str = orjson.loads(file.read_bytes()).get("request", {}).get("target", "")
    return target.partition("?")[0]


def _fill_media(content: object) -> None:
    for block in content if isinstance(content, list) else []:
        if block.get("source", {}).get("type") == "base64":
            block["source"]["data"] = "iVBORw0KGgo="
        _fill_media(block.get("content"))
