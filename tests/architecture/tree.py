"""The files of the project, as the rules read them."""

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
_NOT_OURS = frozenset({"node_modules", "__pycache__", "build", "dist"})


@cache
def files(*patterns: str) -> tuple[Path, ...]:
    """Files below the root that match a glob; nothing that is installed, built or hidden, except `.ci`."""
    found = {path for pattern in patterns for path in ROOT.glob(pattern) if path.is_file() and _is_ours(path)}
    return tuple(sorted(found))


def python_files(*folders: str) -> tuple[Path, ...]:
    """Python files below these folders."""
    return files(*(f"{folder}/**/*.py" for folder in folders))


def relative(path: Path) -> str:
    """The path as messages show it."""
    return path.relative_to(ROOT).as_posix()


@cache
def text_of(path: Path) -> str:
    """The file's text; "" for what is no text."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


@cache
def tree_of(path: Path) -> ast.Module:
    """The file's syntax tree."""
    return ast.parse(text_of(path), filename=str(path))


def _is_ours(path: Path) -> bool:
    parts = path.relative_to(ROOT).parts
    return _NOT_OURS.isdisjoint(parts) and not any(part.startswith(".") and part != ".ci" for part in parts[:-1])
