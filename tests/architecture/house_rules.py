"""House rules that linters lack, as functions from a file to the lines that break them."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

BANNED_WORDS = frozenset({"utils", "util", "helpers", "helper", "common", "misc", "manager", "managers", "enhanced"})
BANNED_CLASS = re.compile(r"Enhanced|(?:Utils?|Helpers?|Manager)$")

# The last resort of the HTTP side: a bug must end as an envelope too.
MAY_SWALLOW = frozenset({"src/openrouter_anthropic_server/routers/error_responses.py"})

_BROAD = frozenset({"Exception", "BaseException"})
_DECORATORS = frozenset({"flow", "task"})


def banned_names(path: str, tree: ast.Module) -> Iterator[str]:
    """Names of files, folders and classes that say nothing about what they hold."""
    parts = (Path(part).stem for part in Path(path).parts)
    for part in parts:
        if BANNED_WORDS & set(part.split("_")):
            yield f"{path}: name it after what it holds, not `{part}`"
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and BANNED_CLASS.search(node.name):
            yield f"{path}:{node.lineno}: name the class after what it is, not `{node.name}`"


def too_long(path: str, text: str, limit: int) -> Iterator[str]:
    """Files that should be two."""
    count = len(text.splitlines())
    if count > limit:
        yield f"{path}: {count} lines, at most {limit}: split it by what it holds"


def swallowed_exceptions(path: str, tree: ast.Module) -> Iterator[str]:
    """Handlers of everything that do not raise again: they hide bugs."""
    if path in MAY_SWALLOW:
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler) and _is_broad(node) and not _raises(node):
            yield f"{path}:{node.lineno}: catch what you expect, or raise again; everything else is a bug"


def unnamed_steps(path: str, tree: ast.Module) -> Iterator[str]:
    """Flows and tasks without an explicit name: renaming a function would rename a step in every dashboard."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for decorator in node.decorator_list:
            call = decorator if isinstance(decorator, ast.Call) else None
            if _last_name(call.func if call else decorator) in _DECORATORS and not _has_name(call):
                yield f"{path}:{node.lineno}: give `{node.name}` an explicit name="


def _is_broad(handler: ast.ExceptHandler) -> bool:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(kind is None or _last_name(kind) in _BROAD for kind in kinds)


def _raises(handler: ast.ExceptHandler) -> bool:
    return any(isinstance(node, ast.Raise) for statement in handler.body for node in ast.walk(statement))


def _has_name(call: ast.Call | None) -> bool:
    return call is not None and any(keyword.arg == "name" for keyword in call.keywords)


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
