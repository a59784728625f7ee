"""Markdown whose foreign text cannot break out: model names come from clients, answers from anywhere."""

import re
from collections.abc import Sequence

_LONGEST_CODE = 200
_UNSAFE_IN_CODE = str.maketrans({"`": "'", "|": "\u00a6", "\\": "/"})
_MARKUP = re.compile(r"[\\`*_\[\]|~#!]")
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_TILDES = re.compile("~+")
_SHORTEST_FENCE = 4


def code(text: object) -> str:
    """`text` as a code span, safe in a table too: a backtick, pipe or backslash is replaced by one that looks alike.

    Backslashes and entities are read differently by the two versions of Prefect's UI; a code span without these
    three characters is not.
    """
    shown = str(text)[:_LONGEST_CODE].translate(_UNSAFE_IN_CODE)
    shown = "".join(char if char.isprintable() else " " for char in shown).strip()
    return f"`{shown}`" if shown else "(empty)"


def plain(text: str) -> str:
    """`text` as running text in which nothing is Markdown or HTML."""
    return _MARKUP.sub(r"\\\g<0>", " ".join(text.split())).translate(_ENTITIES)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of cells that are Markdown already."""
    rules = "|".join("---" for _ in head)
    lines = [f"|{rules}|", *(f"| {' | '.join(row)} |" for row in rows)]
    return "\n".join([f"| {' | '.join(head)} |", *lines])


def fenced(text: str) -> str:
    """`text` as a block of code that no fence inside of it ends."""
    longest = max((len(run) for run in _TILDES.findall(text)), default=0)
    fence = "~" * max(_SHORTEST_FENCE, longest + 1)
    return f"{fence}\n{text}\n{fence}"
