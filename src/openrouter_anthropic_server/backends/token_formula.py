"""How token counts of the pieces of a request add up, by family of model.

Fitted to 92 recorded requests of the Anthropic API (median error 5 %): cl100k counts times a factor, plus
constants for the messages, the tools' preamble and thinking. Those of other vendors are not fitted: there the
corrections by real usage (token_corrections.py) do the most.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final, Literal

from openrouter_anthropic_server.conversion.model_names import from_via_alias, is_claude, strip_context_suffix

Family = Literal["old", "new", "gpt", "gemini", "other"]
"""Claude up to 4.6 (Opus) or 4.5 and 4.6 (others), Claude with the newer tokenizer, OpenAI's, Google's, any other."""

_OTHERS: Final[tuple[tuple[re.Pattern[str], Family], ...]] = (
    (re.compile(r"(?:^|[/:.-])(?:gpt-(?:4o|4[.-]\d(?!\d)|[5-9]|oss)|chatgpt|codex|o[134](?![a-z0-9]))"), "gpt"),
    (re.compile(r"(?:^|[/:.-])(?:gemini|gemma)"), "gemini"),
)

_DATE = re.compile(r"\d{6,}")
_VERSION = re.compile(r"(?<![\d.])(\d{1,2})(?:[-.](\d{1,2}))?(?![\d])")
_FIRST_NEW: Final[Mapping[str, tuple[int, int]]] = {"opus": (4, 7), "fable": (0, 0), "mythos": (0, 0)}
_FIRST_NEW_OTHERWISE = (5, 0)
_NEWEST = (99, 0)  # a Claude name without a version is one from after this was written


@dataclass(frozen=True, slots=True)
class Formula:
    """Factors on the tokenizer's counts, and constants in tokens.

    An image costs by its area up to `image_cap`, or by tiles of 768 pixels if `image_tile` is not 0. `wide`:
    OpenAI's newer tokenizer counts texts that are not plain ASCII.
    """

    base: int
    per_message: int
    text: float
    tools: float
    tools_preamble: int
    forced_tool: int
    thinking_enabled: int
    thinking_adaptive: int
    image_long_edge: int
    image_cap: int
    pdf_page: int
    image_tile: int = 0
    wide: bool = False


_OTHER: Final = Formula(
    base=3,
    per_message=4,
    text=1.0,
    tools=1.0,
    tools_preamble=12,
    forced_tool=0,
    thinking_enabled=0,
    thinking_adaptive=0,
    image_long_edge=1568,
    image_cap=1568,
    pdf_page=1500,
)

FORMULAS: Final[Mapping[Family, Formula]] = {
    "old": Formula(
        base=7,
        per_message=4,
        text=1.05,
        tools=1.0,
        tools_preamble=500,
        forced_tool=95,
        thinking_enabled=29,
        thinking_adaptive=17,
        image_long_edge=1568,
        image_cap=1568,
        pdf_page=2250,
    ),
    "new": Formula(
        base=7,
        per_message=4,
        text=1.42,
        tools=1.25,
        tools_preamble=340,
        forced_tool=0,
        thinking_enabled=29,
        thinking_adaptive=17,
        image_long_edge=2576,
        image_cap=4784,
        pdf_page=2750,
    ),
    "gpt": replace(_OTHER, wide=True),
    "gemini": replace(_OTHER, pdf_page=258, image_tile=258),
    "other": _OTHER,
}


@lru_cache(maxsize=1024)
def family(model: str) -> Family:
    """Which formula fits a model, by its name in any spelling (Anthropic's, OpenRouter's, a host's)."""
    name = strip_context_suffix(model).lower()
    name = from_via_alias(name) or name
    if not is_claude(name):
        return next((family for pattern, family in _OTHERS if pattern.search(name)), "other")
    name = name[name.rindex("claude") :]
    line = next((line for line in _FIRST_NEW if line in name), "")
    found = _VERSION.search(_DATE.sub("", name))
    version = (int(found[1]), int(found[2] or 0)) if found else _NEWEST
    return "new" if version >= _FIRST_NEW.get(line, _FIRST_NEW_OTHERWISE) else "old"


def total(formula: Formula, request: Mapping[str, Any], *, text: float, tools: float, media: int) -> int:
    """Input tokens of a request. `text` and `tools` are cl100k counts, `media` tokens of images and PDFs."""
    messages = request.get("messages")
    count = len(messages) if isinstance(messages, list) else 0
    tokens = formula.base + formula.per_message * max(0, count - 1) + formula.text * text + media
    return max(1, round(tokens + _tool_tokens(formula, request, tools) + _thinking_tokens(formula, request)))


def _tool_tokens(formula: Formula, request: Mapping[str, Any], tools: float) -> float:
    if not request.get("tools"):
        return 0
    choice = request.get("tool_choice")
    forced = isinstance(choice, Mapping) and choice.get("type") in ("any", "tool")
    return formula.tools * tools + formula.tools_preamble + (formula.forced_tool if forced else 0)


def _thinking_tokens(formula: Formula, request: Mapping[str, Any]) -> int:
    thinking = request.get("thinking")
    kind = thinking.get("type") if isinstance(thinking, Mapping) else None
    return {"enabled": formula.thinking_enabled, "adaptive": formula.thinking_adaptive}.get(str(kind), 0)
