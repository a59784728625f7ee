"""Chat completions are spoken in dialects: what differs between the upstreams that take them."""

from dataclasses import dataclass
from typing import Literal

Reasoning = Literal["openrouter", "databricks", "litellm"]
"""Whose way of asking for reasoning, of answering with it and of taking it back."""


@dataclass(frozen=True, slots=True)
class ChatDialect:
    """One dialect.

    `provider` names the API behind it (`openrouter`, `databricks`, `openai`, `google`, `cohere`, `mistral`, `azure`,
    `bedrock`); `parameters` are the names of optional parameters that it takes, None if it takes all of OpenRouter's.
    """

    provider: str
    reasoning: Reasoning
    parameters: frozenset[str] | None = None


OPENROUTER = ChatDialect("openrouter", "openrouter")
