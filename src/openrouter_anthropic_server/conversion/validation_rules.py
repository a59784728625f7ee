"""Rules that reach over several fields, hang on the API version or are other APIs'. They expect the right shape."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from openrouter_anthropic_server.conversion.parameter_table import parameter_problems

STRICT_VERSION = "2026-10-21"
"""The first `anthropic-version` that refuses sampling parameters and misplaced documents and citations."""

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_SAMPLING = ("temperature", "top_p", "top_k")
_INTERLEAVED = "interleaved-thinking"
_EXTRA = "Extra inputs are not permitted"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: the path of the field and what is wrong with it, without its value."""

    path: str
    message: str


def broken_rules(body: dict[str, Any], api_version: str, betas: str) -> list[Problem]:
    """All problems beyond the shape of single fields, in the order of the fields."""
    # Interleaved thinking spends one budget over several turns: it may be larger than one answer.
    problems = [] if _INTERLEAVED in betas else list(_budget(body))
    problems += [Problem(*problem) for problem in parameter_problems(body)]
    if _DATE.fullmatch(api_version) and api_version >= STRICT_VERSION:
        problems += [Problem(field, _EXTRA) for field in _SAMPLING if field in body]
        problems += _misplaced(body["messages"])
    return problems


def _budget(body: dict[str, Any]) -> Iterator[Problem]:
    limit = body.get("max_tokens", 0)
    budget = body.get("thinking", {}).get("budget_tokens")
    if body.get("thinking", {}).get("type") == "enabled" and limit and budget >= limit:
        yield Problem("thinking.budget_tokens", "must be less than max_tokens")
    reasoning = body.get("reasoning")
    budget = reasoning.get("max_tokens") if isinstance(reasoning, dict) else None
    if isinstance(budget, int) and limit and budget >= limit:
        yield Problem("reasoning.max_tokens", "must be less than max_tokens")


def _misplaced(messages: list[dict[str, Any]]) -> Iterator[Problem]:
    for number, message in enumerate(messages):
        rule = _RULES.get(message["role"])
        if rule is not None and isinstance(message["content"], list):
            yield from rule(f"messages.{number}.content", message["content"])


def _documents(path: str, blocks: list[dict[str, Any]]) -> Iterator[Problem]:
    for number, block in enumerate(blocks):
        if block["type"] == "document":
            yield Problem(f"{path}.{number}", "document blocks are not permitted in assistant messages")


def _citations(path: str, blocks: list[dict[str, Any]]) -> Iterator[Problem]:
    for number, block in enumerate(blocks):
        if block["type"] == "text" and block.get("citations"):
            yield Problem(f"{path}.{number}.citations", _EXTRA)
        elif block["type"] in _NESTING and isinstance(block.get("content"), list):
            yield from _citations(f"{path}.{number}.content", block["content"])


_NESTING = ("search_result", "tool_result")
_RULES = {"assistant": _documents, "user": _citations}
