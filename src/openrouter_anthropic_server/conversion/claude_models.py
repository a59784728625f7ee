"""The Claude models known when this was written: shown where no upstream's list can be read.

Ids from the official SDK's list. Release dates only where the dated name tells them; windows, limits and
capabilities stand in the capability table.
"""

from typing import Final

from openrouter_anthropic_server.conversion.model_list import UNKNOWN_DATE, ModelInfo

# id, line, release date
_ROWS: tuple[tuple[str, str, str | None], ...] = (
    ("claude-opus-5-5", "opus", None),
    ("claude-sonnet-5-5", "sonnet", None),
    ("claude-haiku-5-5", "haiku", None),
    ("claude-fable-5-2", "fable", None),
    ("claude-mythos-5-2", "mythos", None),
    ("claude-fable-5-1", "fable", None),
    ("claude-mythos-5-1", "mythos", None),
    ("claude-opus-5", "opus", None),
    ("claude-sonnet-5", "sonnet", None),
    ("claude-fable-5", "fable", None),
    ("claude-mythos-5", "mythos", None),
    ("claude-mythos-preview", "mythos", None),
    ("claude-opus-4-8", "opus", None),
    ("claude-opus-4-7", "opus", "2026-04-16"),
    ("claude-opus-4-6", "opus", "2026-02-05"),
    ("claude-sonnet-4-6", "sonnet", None),
    ("claude-opus-4-5-20251101", "opus", "2025-11-01"),
    ("claude-opus-4-5", "opus", "2025-11-01"),
    ("claude-haiku-4-5-20251001", "haiku", "2025-10-01"),
    ("claude-haiku-4-5", "haiku", "2025-10-01"),
    ("claude-sonnet-4-5-20250929", "sonnet", "2025-09-29"),
    ("claude-sonnet-4-5", "sonnet", "2025-09-29"),
)


def _model(model_id: str, line: str, released: str | None) -> ModelInfo:
    return {
        "type": "model",
        "id": model_id,
        "display_name": _display_name(model_id),
        "created_at": f"{released}T00:00:00Z" if released else UNKNOWN_DATE,
        "lifecycle": "active",
        "line": line,
        "max_input_tokens": None,
        "max_tokens": None,
        "deprecated_at": None,
        "retires_at": None,
        "capabilities": None,
    }


def _display_name(model_id: str) -> str:
    """`claude-opus-4-5-20251101` -> "Claude Opus 4.5 (20251101)"."""
    words = model_id.split("-")
    date = words.pop() if len(words[-1]) == 8 and words[-1].isdecimal() else None
    version = ".".join(word for word in words if word.isdecimal())
    name = " ".join([*(word.capitalize() for word in words if not word.isdecimal()), *([version] if version else [])])
    return f"{name} ({date})" if date else name


CLAUDE_MODELS: Final[tuple[ModelInfo, ...]] = tuple(_model(*row) for row in _ROWS)
"""Newest first."""
