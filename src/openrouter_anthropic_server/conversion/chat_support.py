"""Which parameters a model takes in chat completions, and under which names."""

import re
from collections.abc import Mapping
from typing import Final

from openrouter_anthropic_server.capabilities.traits import Capabilities
from openrouter_anthropic_server.conversion.chat_dialects import ChatDialect
from openrouter_anthropic_server.conversion.parameter_table import BY_NAME

_OPENAI: Final = frozenset({"openai", "azure"})
_ANY: Final = dict.fromkeys(("openrouter", *_OPENAI, "google", "cohere", "mistral", "bedrock", "databricks"))

SAMPLING: Final[Mapping[str, Mapping[str, str]]] = {
    "temperature": dict.fromkeys(_ANY, "temperature"),
    "top_p": dict.fromkeys(_ANY, "top_p"),
    "top_k": {**dict.fromkeys(("openrouter", "google", "bedrock", "databricks"), "top_k"), "cohere": "k"},
}
"""Anthropic's sampling parameters: the providers that take them, and their names there."""

_OTHER_SAMPLING: Final = frozenset({"min_p", "top_a", "repetition_penalty", "frequency_penalty", "presence_penalty"})

_REASONER: Final = re.compile(r"(?:^|/)(?:o\d|gpt-[5-9](?!.*-chat))")
_BEDROCK_WITH_TOP_K: Final = re.compile(r"claude|nova")
_WITH_VERBOSITY: Final = re.compile(r"(?:^|/)gpt-[5-9]")
_NOT_FOR_REASONERS: Final = frozenset(
    {
        *("temperature", "top_p", "frequency_penalty", "presence_penalty"),
        *("logit_bias", "logprobs", "top_logprobs", "prediction"),
    }
)


def chat_name(name: str, model: str, dialect: ChatDialect, capabilities: Capabilities) -> str | None:
    """The name under which `model` takes a parameter; None if it does not take it."""
    names = SAMPLING.get(name) or (BY_NAME[name].chat if name in BY_NAME else {})
    wire_name = names.get(dialect.provider)
    if wire_name is None or _refused_by_model(name, model, dialect, capabilities):
        return None
    for accepted in (dialect.parameters, capabilities.fields):
        if accepted is not None and wire_name not in accepted:
            return None
    return wire_name


def is_openai_reasoner(model: str, dialect: ChatDialect) -> bool:
    """Whether the model is one of OpenAI's that think before they answer, at OpenAI itself or at Azure."""
    return dialect.provider in _OPENAI and _REASONER.search(model) is not None


def _refused_by_model(name: str, model: str, dialect: ChatDialect, capabilities: Capabilities) -> bool:
    sampling = capabilities.sampling
    if (
        sampling is not None
        and name not in sampling
        and (name in SAMPLING or (not sampling and name in _OTHER_SAMPLING))
    ):
        return True
    if name == "parallel_tool_calls" and not capabilities.parallel_tools:
        return True
    if dialect.provider == "bedrock":
        return name == "top_k" and _BEDROCK_WITH_TOP_K.search(model) is None
    if dialect.provider not in _OPENAI:
        return False
    if name == "verbosity":
        return _WITH_VERBOSITY.search(model) is None
    return name in _NOT_FOR_REASONERS and is_openai_reasoner(model, dialect)
