"""Recognises "the prompt does not fit" in every provider's wording and says it as Anthropic does.

Claude Code compacts a conversation when it reads `prompt is too long` in a 400, and lowers `max_tokens`
when it reads "input length and `max_tokens` exceed context limit: A + B > C".
"""

import re

_DIGITS = r"\d(?:[\d,_]{0,12}\d)?"
_NUMBER = f"({_DIGITS})"

# Anthropic's own sentences: passed on as they are, clients know them.
_ANTHROPIC = re.compile(
    rf"prompt is too long: {_NUMBER} tokens > {_NUMBER} maximum"
    rf"|input length and `max_tokens` exceed context limit: {_NUMBER} \+ {_NUMBER} > {_NUMBER}",
    re.IGNORECASE,
)

# Wordings that name both numbers; the groups are `n` (what was asked for) and `m` (what fits).
_N = f"(?P<n>{_DIGITS})"
_M = f"(?P<m>{_DIGITS})"
_WITH_NUMBERS = tuple(
    re.compile(pattern, re.IGNORECASE | re.DOTALL)
    for pattern in (
        # OpenAI, OpenRouter, DeepSeek, vLLM, Together, Azure
        rf"maximum context (?:length|window) (?:is|of)[^\d]{{0,20}}{_M}.{{0,120}}?"
        rf"(?:requested|resulted in|contains?|passed|has|uses?) (?:about |at least )?{_N} (?:\w+ )?tokens",
        # xAI
        rf"maximum prompt length is {_M} but the request contains {_N}",
        # Gemini
        rf"input token count[^\d]{{0,10}}{_N}.{{0,10}} exceeds the maximum number of tokens allowed[^\d]{{0,10}}{_M}",
        # Mistral
        rf"prompt contains {_N} tokens.{{0,80}}too large for model with {_M}",
        # Fireworks
        rf"prompt is too long:? {_N}.{{0,40}}maximum context length:? {_M}",
        # vLLM, Databricks
        rf"(?:prompt|input)[^.]{{0,40}}length[^\d]{{0,12}}{_N}[^\d]{{0,10}}(?:is longer than|exceeds)"
        rf"[^\d]{{0,60}}(?:length|limit|maximum)[^\d]{{0,12}}{_M}",
        # GitHub, Azure, Databricks
        rf"prompt token count[^\d]{{0,10}}{_N}.{{0,10}} (?:exceeds the limit|cannot exceed)[^\d]{{0,10}}{_M}",
        # Moonshot
        rf"exceeded model token limit:? {_M}.{{0,20}}requested:? {_N}",
        # Cerebras
        rf"current length is {_N} while limit is {_M}",
        # llama.cpp
        rf"request \({_N} tokens\) exceeds the available context size \({_M}",
    )
)

# Wordings that name only what fits, or nothing.
_WITH_LIMIT = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"maximum context (?:length|window)[^\d]{{1,40}}{_M}",
        rf"maximum prompt length is {_M}",
        rf"range of input length should be \[\d+, ?{_M}\]",  # Alibaba
        rf"tokens in the request cannot exceed {_M}",  # Cohere
        rf"available context size \({_M}",  # llama.cpp
        rf"`inputs` tokens \+ `max_new_tokens` must be <= {_M}",  # Hugging Face
    )
)
_WITHOUT_NUMBERS = re.compile(
    r"prompt (?:is )?too long|input is too long|context[ _](?:length|window|size|limit)[^.]{0,20}exceed"
    r"|exceeds?[^.]{0,40}context (?:length|window|size|limit)|context_length_exceeded"
    r"|input tokens? exceeds?|number of input tokens exceeds|prompt exceeds max length"
    r"|reduce the length of (?:the|your) (?:messages|prompt|input)|model_context_window_exceeded",
    re.IGNORECASE,
)  # fmt: skip
_OUTPUT_PART = re.compile(rf"{_NUMBER} (?:tokens )?(?:in|for|of) the (?:completion|output)", re.IGNORECASE)


def overflow_message(text: str, *, certain: bool = False) -> str | None:
    """Anthropic's sentence for a prompt that does not fit; None if the text speaks of something else.

    `certain`: the upstream's error type already says so, whatever the words are.
    """
    own = _ANTHROPIC.search(text)
    if own is not None:
        return own[0][0].lower() + own[0][1:]
    for pattern in _WITH_NUMBERS:
        found = pattern.search(text)
        if found is not None:
            return _sentence(_number(found["n"]), _number(found["m"]), text)
    return _without_both_numbers(text, certain)


def _sentence(requested: int, limit: int, text: str) -> str:
    part = _OUTPUT_PART.search(text)
    output = _number(part[1]) if part else 0
    if output > limit / 2 and requested - output <= limit:
        # Mostly the answer's room: compacting the prompt cannot help, asking for less output can.
        return f"input length and `max_tokens` exceed context limit: {requested - output} + {output} > {limit}"
    return f"prompt is too long: {requested} tokens > {limit} maximum"


def _without_both_numbers(text: str, certain: bool) -> str | None:
    limits = (pattern.search(text) for pattern in _WITH_LIMIT)
    found = next((limit for limit in limits if limit is not None), None)
    if found is not None:
        return f"prompt is too long: more tokens than the maximum of {_number(found['m'])}"
    if certain or _WITHOUT_NUMBERS.search(text):
        return "prompt is too long: more tokens than fit into this model's context window"
    return None


def _number(digits: str) -> int:
    return int(digits.replace(",", "").replace("_", ""))
